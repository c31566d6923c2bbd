//! The matrix: endpoint, provider's dialect, stream or not, hook, fallback or not. Nowhere is a way around.

use super::{DIALECTS, settings};
use crate::case::{Case, Cases, Group, Outcome, ensure, ensure_eq};
use crate::gateway::{Ask, Gateway};
use crate::host::Host;
use crate::plugins::EVERY_HOOK;
use crate::setup::{Setup, script};
use crate::sse;
use gatewright_dialects::codec;
use gatewright_model::{Dialect, ErrorKind};
use gatewright_plugin::{FailureMode, Hook, StreamMode};
use gatewright_testkit::{ScriptedAnswer, ScriptedProvider};
use serde_json::{Value as Json, json};

/// A cell of the matrix.
#[derive(Clone, Copy, Debug)]
struct Cell {
    /// What the client speaks: the endpoint.
    client: Dialect,
    /// What the provider speaks.
    provider: Dialect,
    stream: bool,
    hook: Hook,
    mode: StreamMode,
    fallback: bool,
}

pub(super) fn cases(list: &mut Vec<Case>) {
    let mut cases = Cases::of(Group::Streams, list);
    let hooks = [
        (Hook::CheckOutput, StreamMode::Buffer, "check_output/buffer"),
        (Hook::CheckOutput, StreamMode::Window(8), "check_output/window"),
        (Hook::OnStreamChunk, StreamMode::Window(8), "on_stream_chunk/window"),
        (Hook::PostLlm, StreamMode::Buffer, "post_llm/buffer"),
    ];
    for (client, endpoint) in DIALECTS {
        for (provider, speaks) in DIALECTS {
            for (hook, mode, word) in hooks {
                for (stream, how) in [(false, "whole"), (true, "stream")] {
                    if hook == Hook::OnStreamChunk && !stream {
                        continue;
                    }
                    for (fallback, attempt) in [(false, "primary"), (true, "fallback")] {
                        let cell = Cell { client, provider, stream, hook, mode, fallback };
                        cases.add(
                            format!("matrix/{endpoint}/{speaks}/{how}/{word}/{attempt}"),
                            "What a plugin keeps from clients none gets, whatever it asks, and however it is answered",
                            &[hook],
                            async move |host| is_kept(host, cell).await,
                        );
                    }
                }
            }
        }
    }
}

impl Cell {
    /// An answer that holds the pattern, in pieces if it is streamed.
    fn answer(self) -> ScriptedAnswer {
        let text = "a SECRET b";
        let body = match (self.stream, self.provider) {
            (true, dialect) => return ScriptedAnswer::stream(sse::texts(dialect, &["a SEC", "RET b"])),
            (false, Dialect::Anthropic) => json!({
                "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
                "content": [{ "type": "text", "text": text }],
                "stop_reason": "end_turn", "stop_sequence": null,
                "usage": { "input_tokens": 3, "output_tokens": 7 },
            }),
            (false, _) => json!({
                "id": "c", "object": "chat.completion", "created": 1, "model": "m",
                "choices": [{ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": text } }],
            }),
        };
        ScriptedAnswer::Body(body.to_string().into())
    }

    fn hooks(self) -> Json {
        let replace = json!([{ "replace": ["SECRET", "..."] }]);
        match self.hook {
            Hook::CheckOutput => json!({ "check_output": [{ "block_on": "SECRET" }] }),
            Hook::PostLlm => json!({ "post_llm:response": replace }),
            hook => json!({ hook.name(): replace }),
        }
    }
}

async fn is_kept(host: &dyn Host, cell: Cell) -> Outcome {
    let mut setup = Setup::new(host);
    let hooks = cell.hooks();
    let settings = settings(&hooks, cell.hook, cell.mode, FailureMode::Closed);
    setup.add("guard", &EVERY_HOOK, script(hooks), settings).await?;
    let codec = codec(cell.provider).ok_or_else(super::no_codec)?;
    let provider = |name: &str| ScriptedProvider::new(name).speaking(codec);
    let (one, two) = match cell.fallback {
        false => (provider("one").answer(cell.answer()), provider("two")),
        true => {
            let broken = ScriptedAnswer::error(ErrorKind::Upstream, "it broke");
            (provider("one").answer(broken), provider("two").answer(cell.answer()))
        }
    };
    let gateway = Gateway::start(setup.set()?, &[one, two.clone()])?;
    let ask = Ask::new("r-1").fallbacks(&["two/m"]);
    let ask = if cell.client == Dialect::Anthropic { ask.anthropic() } else { ask };
    let answer = gateway.send(&if cell.stream { ask.stream() } else { ask }).await?;
    gateway.settle().await?;
    ensure_eq!(two.calls().len(), usize::from(cell.fallback), "attempts at the fallback");
    ensure!(!answer.text().contains("SEC") && !answer.text().contains("RET"), "it got out: {}", answer.body);
    if cell.hook == Hook::CheckOutput {
        let in_stream = answer.status == 200 && cell.mode != StreamMode::Buffer && cell.stream;
        let error = if in_stream { answer.stream_error() } else { answer.error() };
        ensure!(in_stream || answer.status == 403, "{} {}", answer.status, answer.body);
        ensure_eq!(error["type"], json!("guardrail_blocked"), "the error: {}", answer.body);
        ensure!(!answer.is_done(), "the stream looks complete: {}", answer.body);
        return Ok(());
    }
    ensure_eq!((answer.status, answer.text()), (200, "a ... b".to_owned()), "{}", answer.body);
    ensure_eq!(answer.is_done(), cell.stream, "whether it is a stream that came to its end: {}", answer.body);
    Ok(())
}
