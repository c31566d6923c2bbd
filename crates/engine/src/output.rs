//! The guards of the output, on whole answers.

use crate::error::verdict;
use crate::lifecycle::Lifecycle;
use crate::stream::Assembler;
use gatewright_model::{ErrorKind, LlmError, Output, Response};
use gatewright_pipeline::{Fault, Slot};
use gatewright_plugin::hosted::point;
use gatewright_plugin::payload::{ChannelText, OutputCheck};
use gatewright_plugin::{Hook, StreamMode, Verdict};
use std::sync::Arc;

/// `check_output` on a whole answer.
pub(crate) async fn check_output(life: &mut Lifecycle, response: &Arc<Response>) -> Result<(), LlmError> {
    if !life.request().exchange.has(Hook::CheckOutput) {
        return Ok(());
    }
    let output = response.output().map_err(|error| {
        LlmError::new(ErrorKind::Upstream, format!("the provider's answer cannot be read: {error}"))
    })?;
    let mut output = OutputCheck { texts: texts(output), is_final: true, response: Some(response.clone()) };
    audit(life, &output).await.map_err(|fault| crate::error::fault_error(&fault))?;
    verdict(life.request().exchange.run_where::<point::CheckOutput>(&mut output, |slot| !only_audits(slot)).await)
}

/// Shows an answer to those that only watch; what they say is logged.
pub(crate) async fn audit(life: &mut Lifecycle, seen: &OutputCheck) -> Result<(), Fault> {
    for audited in life.request().exchange.watch::<point::CheckOutput>(seen, only_audits).await? {
        if let Verdict::Block(no) = audited.outcome {
            tracing::info!(plugin = %audited.plugin, reason = %no.reason, "audit of an answer");
        }
    }
    Ok(())
}

fn only_audits(slot: &Slot) -> bool {
    slot.stream_mode() == StreamMode::Observe
}

/// The texts of an answer, by channel.
fn texts(output: &Output) -> Vec<ChannelText> {
    let mut whole = Assembler::default();
    if let Output::Chat(chat) = output {
        for choice in &chat.choices {
            whole.push_choice(choice);
        }
    }
    match output {
        Output::Text(text) => text.texts.iter().map(|text| plain(text)).collect(),
        Output::Transcription(heard) => vec![plain(&heard.text)],
        _ => whole.texts(),
    }
}

fn plain(text: &str) -> ChannelText {
    ChannelText { channel: gatewright_model::Channel::TEXT, text: text.to_owned(), is_final: true, released: false }
}
