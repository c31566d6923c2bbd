//! The guards of the output, on whole answers.

use crate::error::{fault_error, unreadable_answer, verdict};
use crate::lifecycle::Lifecycle;
use crate::stream::Assembler;
use gatewright_model::{Channel, ChannelKind, Choice, LlmError, Output, Response};
use gatewright_pipeline::{Fault, Slot, reason};
use gatewright_plugin::hosted::point;
use gatewright_plugin::payload::{ChannelText, OutputCheck};
use gatewright_plugin::{Hook, StreamMode, Verdict};
use std::sync::Arc;

/// `check_output` on a whole answer.
pub(crate) async fn check_output(life: &mut Lifecycle, response: &Arc<Response>) -> Result<(), LlmError> {
    if !life.request().exchange.has(Hook::CheckOutput) {
        return Ok(());
    }
    let output = response.output().map_err(unreadable_answer)?;
    let mut output = OutputCheck { texts: texts(output), is_final: true, response: Some(response.clone()) };
    audit(life, &output).await.map_err(|fault| fault_error(&fault))?;
    verdict(life.request().exchange.run_where::<point::CheckOutput>(&mut output, |slot| !only_audits(slot)).await)
}

/// Shows an answer to those that only watch; what they say is logged.
pub(crate) async fn audit(life: &mut Lifecycle, seen: &OutputCheck) -> Result<(), Fault> {
    for audited in life.request().exchange.watch::<point::CheckOutput>(seen, only_audits).await? {
        if let Verdict::Block(no) = audited.outcome {
            tracing::info!(plugin = %audited.plugin, reason = reason(no), "audit of an answer");
        }
    }
    Ok(())
}

fn only_audits(slot: &Slot) -> bool {
    slot.stream_mode() == StreamMode::Observe
}

/// The texts of an answer, by channel.
fn texts(output: &Output) -> Vec<ChannelText> {
    match output {
        Output::Chat(chat) => {
            let mut whole = Assembler::default();
            chat.choices.iter().for_each(|choice| whole.push_choice(choice));
            let mut texts = whole.texts();
            texts.extend(chat.choices.iter().filter_map(beside_blocks));
            texts
        }
        Output::Text(text) => text.texts.iter().map(|text| plain(text)).collect(),
        Output::Transcription(heard) => vec![plain(&heard.text)],
        _ => Vec::new(),
    }
}

/// What the message of a choice says in no block: thoughts in a form of their provider's, which come after all blocks.
fn beside_blocks(choice: &Choice) -> Option<ChannelText> {
    let mut said: Vec<String> = Vec::new();
    choice.message.texts_beside_blocks(&mut |text| said.push(text.to_owned()));
    if said.is_empty() {
        return None;
    }
    let block = u32::try_from(choice.message.blocks().len()).unwrap_or(u32::MAX);
    let channel = Channel { choice: choice.index, block, kind: ChannelKind::Reasoning };
    Some(ChannelText { channel, text: said.join("\n"), is_final: true, released: false })
}

fn plain(text: &str) -> ChannelText {
    ChannelText { channel: Channel::TEXT, text: text.to_owned(), is_final: true, released: false }
}

#[cfg(test)]
mod tests;
