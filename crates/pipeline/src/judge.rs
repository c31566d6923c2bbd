//! Which outcomes end a chain, and which results a hook does not allow. The rules of all hooks stand here.

mod weight;

use crate::judge::weight::{Pieces, Weigh, json_bytes};
use gatewright_model::{Headers, Request};
use gatewright_plugin::hosted::{HookPoint, point};
use gatewright_plugin::payload::{LlmResult, ObjectChange};
use gatewright_plugin::{
    AccessFlow, AfterAgent, AgentFlow, AuthDecision, ChunkFlow, Draft, Failure, HttpFlow, HttpResponseFlow, ModelFlow,
    ObjectFlow, PostLlm, PreLlm, Recovery, Rejection, ToolFlow, Verdict,
};

/// The largest body or text that a hook may leave behind.
pub const MAX_RESULT_BYTES: usize = 32 << 20;

/// The most choices that an answer may have that a hook leaves behind.
pub const MAX_RESULT_CHOICES: usize = 1024;

/// The most blocks of such an answer, and the most that a chunk may say.
pub const MAX_RESULT_BLOCKS: usize = 16 << 10;

/// The longest reason of a plugin's that is told.
pub const MAX_REASON_BYTES: usize = 8 << 10;

/// Cuts a reason where it is longer than is told. It may quote what is rejected, so that its length must not decide whether
/// that passes.
pub fn cut(mut reason: String) -> String {
    reason.truncate(reason.floor_char_boundary(MAX_REASON_BYTES));
    reason
}

/// The reason of a rejection, as it is told.
pub fn reason(rejection: Rejection) -> String {
    cut(rejection.reason)
}

/// What the host makes of a hook's results.
pub trait Judge: HookPoint {
    /// Whether the outcome ends the chain.
    fn is_decisive(outcome: &Self::Outcome) -> bool {
        let _ = outcome;
        false
    }

    /// Whether the hook may leave this behind.
    fn allow(payload: &Self::Payload, outcome: &Self::Outcome) -> Result<(), Failure> {
        let _ = (payload, outcome);
        Ok(())
    }

    /// Whether a failure is the fault of what the hook was given, and so says nothing of the plugin.
    fn is_at_fault(payload: &Self::Payload) -> bool {
        let _ = payload;
        false
    }
}

macro_rules! judge {
    ($($point:ident { $(decisive: $decisive:expr,)? $(allow: $allow:expr,)? $(at_fault: $at_fault:expr,)? })*) => {$(
        impl Judge for point::$point {
            $(fn is_decisive(outcome: &Self::Outcome) -> bool {
                let decisive: fn(&Self::Outcome) -> bool = $decisive;
                decisive(outcome)
            })?
            $(fn allow(payload: &Self::Payload, outcome: &Self::Outcome) -> Result<(), Failure> {
                let allow: fn(&Self::Payload, &Self::Outcome) -> Result<(), Failure> = $allow;
                allow(payload, outcome)
            })?
            $(fn is_at_fault(payload: &Self::Payload) -> bool {
                let at_fault: fn(&Self::Payload) -> bool = $at_fault;
                at_fault(payload)
            })?
        }
    )*};
}

judge! {
    HttpRequest {
        decisive: |outcome| !matches!(outcome, HttpFlow::Continue),
        allow: |request, outcome| match outcome {
            HttpFlow::Continue if request.is_edited() => message_size(&request.headers, request.body.len()),
            HttpFlow::Continue => Ok(()),
            HttpFlow::Respond(response) => {
                status(response.status)?;
                message_size(&response.headers, response.body.len())
            }
            HttpFlow::Reject(no) => rejection(no),
        },
    }
    HttpResponse {
        decisive: |outcome| !matches!(outcome, HttpResponseFlow::Continue),
        allow: |exchange, outcome| match outcome {
            HttpResponseFlow::Continue if exchange.response.is_edited() => {
                status(exchange.response.status)?;
                message_size(&exchange.response.headers, exchange.response.body.len())
            }
            HttpResponseFlow::Continue => Ok(()),
            HttpResponseFlow::Reject(no) => rejection(no),
        },
    }
    HttpStreamChunk {
        decisive: |outcome| !matches!(outcome, ChunkFlow::Continue),
        allow: |exchange, outcome| match outcome {
            ChunkFlow::End(no) => rejection(no),
            _ if exchange.chunk.is_edited() => {
                let data = exchange.chunk.body.data();
                size("the chunk", data.bytes().len())?;
                // Events are lines: a line break would end the event early.
                malformed_if(data.as_str().contains(['\n', '\r']), "the chunk's data holds a line break")?;
                let event = exchange.chunk.event.as_deref().unwrap_or_default();
                malformed_if(event.contains(['\n', '\r']), "the chunk's event name holds a line break")
            }
            _ => Ok(()),
        },
    }
    PreAuth {
        decisive: |outcome| matches!(outcome, AccessFlow::Block(_)),
        allow: |request, outcome| match outcome {
            AccessFlow::Block(no) => rejection(no),
            AccessFlow::Continue if request.is_edited() => message_size(&request.headers, request.body.len()),
            AccessFlow::Continue => Ok(()),
        },
    }
    Auth {
        decisive: |outcome| !matches!(outcome, AuthDecision::Pass),
        allow: |_, outcome| match outcome {
            AuthDecision::Refuse(no) => rejection(no),
            _ => Ok(()),
        },
    }
    PostAuth {
        decisive: |outcome| matches!(outcome, AccessFlow::Block(_)),
        allow: |request, outcome| match outcome {
            AccessFlow::Block(no) => rejection(no),
            AccessFlow::Continue if request.is_edited() => message_size(&request.headers, request.body.len()),
            AccessFlow::Continue => Ok(()),
        },
    }
    PreRequest {}
    CheckInput {
        decisive: |outcome| !outcome.is_allowed(),
        allow: |_, outcome| verdict(outcome),
    }
    PreLlm {
        decisive: |outcome| !matches!(outcome, PreLlm::Continue),
        allow: |request, outcome| match outcome {
            PreLlm::Continue => asked(request),
            PreLlm::Fail(error) => error.status.map_or(Ok(()), error_status),
            PreLlm::Respond(response) => {
                malformed_if(response.kind != request.kind, "the answer is of another kind than the request")?;
                made("the answer", &**response)
            }
            PreLlm::Stream(_) => Ok(()),
        },
        // Else a few bodies that nobody can read would take a guard out of the way of the next ones.
        at_fault: |request| request.base().wire().is_some_and(|wire| wire.fault().is_some()),
    }
    PostLlm {
        decisive: |outcome| matches!(outcome, PostLlm::Drop),
        allow: |result, outcome| match (outcome, result.base().as_ref()) {
            (PostLlm::Drop, LlmResult::Chunk(_)) => Ok(()),
            (PostLlm::Drop, _) => Err(Failure::Malformed("only a chunk can be dropped".to_owned())),
            (PostLlm::Continue, _) if !result.is_edited() => Ok(()),
            (PostLlm::Continue, before) => {
                let same_step = before.is_final() == result.is_final();
                malformed_if(!same_step, "a chunk can become only a chunk, and an end only an end")?;
                // The whole of a stream may still be refused, but not be changed.
                let left = matches!(before, LlmResult::StreamEnd(_)) || matches!(**result, LlmResult::StreamEnd(_));
                malformed_if(left && result.error().is_none(), "it edited what has already left")?;
                result.error().and_then(|error| error.status).map_or(Ok(()), error_status)?;
                left_behind("the answer", &**result, result.base())
            }
        },
        at_fault: |result| match result.base().as_ref() {
            LlmResult::Response(response) => response.output().is_err(),
            LlmResult::Chunk(_) | LlmResult::StreamEnd(_) | LlmResult::Error(_) => false,
        },
    }
    OnStreamChunk {
        allow: |text, ()| {
            let given = text.base();
            malformed_if(text.is_edited() && given.released, "it edited what has already left")?;
            // The next ones believe the rest of it.
            let same = (text.channel, text.is_final, text.released) == (given.channel, given.is_final, given.released);
            malformed_if(!same, "it edited more than the text")?;
            size("the text", text.text.len())
        },
    }
    CheckOutput {
        decisive: |outcome| !outcome.is_allowed(),
        allow: |_, outcome| verdict(outcome),
    }
    OnError {}
    PostRequest {}
    RequestEnd {}
    OnUserMessage {
        allow: |message, ()| {
            malformed_if(message.blocks().is_empty(), "the message is empty")?;
            left_behind("the message", &**message, message.base())
        },
    }
    BeforeAgent {
        decisive: |outcome| !matches!(outcome, AgentFlow::Continue),
        allow: |call, outcome| match outcome {
            AgentFlow::Respond(message) => made("the answer", &**message),
            AgentFlow::Continue => left_behind("the input", &*call.input, &*call.base().input),
        },
    }
    AfterAgent {
        allow: |_, outcome| match outcome {
            AfterAgent::Append(message) => made("the message", &**message),
            AfterAgent::Continue => Ok(()),
        },
    }
    BeforeModel {
        decisive: |outcome| !matches!(outcome, ModelFlow::Continue),
        allow: |request, outcome| match outcome {
            ModelFlow::Respond(response) => made("the answer", &**response),
            ModelFlow::Continue => asked(request),
        },
    }
    AfterModel {
        allow: |response, ()| match response.is_edited() {
            true => left_behind("the answer", &**response, response.base()),
            false => Ok(()),
        },
    }
    BeforeTool {
        decisive: |outcome| !matches!(outcome, ToolFlow::Continue),
        allow: |call, outcome| match outcome {
            ToolFlow::Respond(answer) => size("the answer", json_bytes(&answer.content)),
            _ if call.is_edited() => size("the call's arguments", json_bytes(&call.arguments)),
            _ => Ok(()),
        },
    }
    AfterTool {
        allow: |outcome, ()| match outcome.answer.is_edited() {
            true => size("the answer", json_bytes(&outcome.answer.content)),
            false => Ok(()),
        },
    }
    OnModelError {
        decisive: |outcome| !matches!(outcome, Recovery::Pass),
        allow: |_, outcome| match outcome {
            Recovery::Recover(response) => made("the answer", &**response),
            Recovery::Pass => Ok(()),
        },
    }
    OnToolError {
        decisive: |outcome| !matches!(outcome, Recovery::Pass),
        allow: |_, outcome| match outcome {
            Recovery::Recover(answer) => size("the answer", json_bytes(&answer.content)),
            Recovery::Pass => Ok(()),
        },
    }
    OnEvent {
        allow: |event, ()| match event.is_edited() {
            true => size("the event", json_bytes(&event.content)),
            false => Ok(()),
        },
    }
    BeforeCreate { decisive: |outcome| !matches!(outcome, ObjectFlow::Continue), allow: change, }
    AfterCreate {}
    BeforeUpdate { decisive: |outcome| !matches!(outcome, ObjectFlow::Continue), allow: change, }
    AfterUpdate {}
    BeforeDelete { decisive: |outcome| !matches!(outcome, ObjectFlow::Continue), allow: change, }
    AfterDelete {}
    Endpoint {
        allow: |_, response| {
            status(response.status)?;
            message_size(&response.headers, response.body.len())
        },
    }
    Rpc { allow: |_, answer| size("the answer", json_bytes(answer)), }
    Asset { allow: |_, asset| asset.as_ref().map_or(Ok(()), |asset| size("the file", asset.bytes.len())), }
    Schedule {}
    OnStartup {}
    OnShutdown {}
    Health {}
}

fn malformed_if(malformed: bool, message: &str) -> Result<(), Failure> {
    if malformed { Err(Failure::Malformed(message.to_owned())) } else { Ok(()) }
}

fn size(what: &str, bytes: usize) -> Result<(), Failure> {
    if bytes > MAX_RESULT_BYTES {
        return Err(Failure::Oversized(format!("{what} has {bytes} bytes, and may have {MAX_RESULT_BYTES}")));
    }
    Ok(())
}

/// What a hook made.
fn made<W: Weigh>(what: &str, new: &W) -> Result<(), Failure> {
    pieces(what, new.pieces(), Pieces::default())?;
    size(what, new.bytes())
}

/// What a hook leaves behind of what it was given. How many pieces there were before, and what is no text of it, is not its
/// doing: a guard must not fail at a picture that came.
fn left_behind<W: Weigh + ?Sized>(what: &str, now: &W, given: &W) -> Result<(), Failure> {
    pieces(what, now.pieces(), given.pieces())?;
    let bytes = now.bytes();
    if bytes <= MAX_RESULT_BYTES {
        return Ok(());
    }
    let texts = now.text_bytes();
    let had = given.bytes().saturating_sub(given.text_bytes());
    size(what, if bytes.saturating_sub(texts) <= had { texts } else { bytes })
}

fn pieces(what: &str, now: Pieces, given: Pieces) -> Result<(), Failure> {
    for (word, count, most) in [
        ("choices", now.choices, MAX_RESULT_CHOICES.max(given.choices)),
        ("blocks", now.blocks, MAX_RESULT_BLOCKS.max(given.blocks)),
    ] {
        if count > most {
            return Err(Failure::Oversized(format!("{what} has {count} {word}, and may have {most}")));
        }
    }
    Ok(())
}

fn message_size(headers: &Headers, body: usize) -> Result<(), Failure> {
    size("the message", headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() + body)
}

fn status(status: u16) -> Result<(), Failure> {
    malformed_if(!(200..=599).contains(&status), "an HTTP status is 200 to 599")
}

fn error_status(status: u16) -> Result<(), Failure> {
    malformed_if(!(400..=599).contains(&status), "the status of an error is 400 to 599")
}

fn rejection(no: &Rejection) -> Result<(), Failure> {
    no.status.map_or(Ok(()), error_status)
}

fn verdict(verdict: &Verdict) -> Result<(), Failure> {
    match verdict {
        Verdict::Allow => Ok(()),
        Verdict::Block(no) => rejection(no),
    }
}

fn change(change: &Draft<ObjectChange>, outcome: &ObjectFlow) -> Result<(), Failure> {
    match outcome {
        ObjectFlow::Continue if change.is_edited() => size("the object", json_bytes(&change.object)),
        ObjectFlow::Continue => Ok(()),
        ObjectFlow::Veto(no) => rejection(no),
    }
}

/// A request that goes on. One that nobody edited is not looked at.
fn asked(request: &Draft<Request>) -> Result<(), Failure> {
    malformed_if(request.model.is_empty(), "the request names no model")?;
    let Some(chat) = request.is_edited().then(|| request.edited()).flatten() else { return Ok(()) };
    malformed_if(chat.messages.is_empty(), "the list of messages is empty")?;
    left_behind("the conversation", &**request, request.base())
}

#[cfg(test)]
mod tests;
