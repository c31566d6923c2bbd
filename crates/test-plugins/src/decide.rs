//! From a script's decision to the outcome of a hook.

use super::script::Decision;
use gatewright_plugin::model::{Channel, Chunk, FinishReason, HttpResponse, LlmError, Message, Part, Response, Role};
use gatewright_plugin::payload::{Asset, ChunkSource, ChunkStream, ToolAnswer};
use gatewright_plugin::services::BoxFuture;
use gatewright_plugin::{
    AccessFlow, AfterAgent, AgentFlow, AuthDecision, ChunkFlow, Failure, Health, HttpFlow, HttpResponseFlow, ModelFlow,
    ObjectFlow, PostLlm, PreLlm, Recovery, ToolFlow, Verdict,
};
use serde_json::{Value as Json, json};

/// An outcome that a script can ask for.
pub(super) trait Outcome: Sized {
    /// Without a decision.
    fn none() -> Self;

    /// Of a decision; `None` if the hook has no such outcome.
    fn of(decision: &Decision) -> Option<Self>;
}

/// What the script decided, as the hook says it.
pub(super) fn outcome<O: Outcome>(decision: Option<Decision>) -> Result<O, Failure> {
    match decision {
        None => Ok(O::none()),
        Some(decision) => O::of(&decision).ok_or_else(|| Failure::new(format!("not an outcome here: {decision:?}"))),
    }
}

fn response(text: &str) -> Response {
    Response::of_text("scripted", "scripted", text)
}

/// Texts, one a chunk, then what the script wants of their end.
struct Texts {
    texts: Vec<String>,
    at: usize,
    end: End,
}

enum End {
    Done,
    Bare,
    Panic,
    Hang,
}

// === impl Texts ===

impl Texts {
    fn stream(texts: &[String], end: End) -> ChunkStream {
        ChunkStream::new(Self { texts: texts.to_vec(), at: 0, end })
    }
}

impl ChunkSource for Texts {
    fn next_chunk(&mut self) -> BoxFuture<'_, Option<Result<Chunk, LlmError>>> {
        self.at += 1;
        let finish = Part::Finish { choice: 0, reason: FinishReason::Stop };
        let chunk = match (self.texts.get(self.at - 1), &self.end) {
            (Some(text), _) => Chunk::text(Channel::TEXT, text.clone()),
            (None, End::Hang) => return Box::pin(std::future::pending()),
            #[expect(clippy::panic, reason = "the script asks for it")]
            (None, End::Panic) => panic!("scripted"),
            (None, End::Done) if self.at == self.texts.len() + 1 => Chunk::from_parts([finish, Part::Done]),
            (None, End::Done | End::Bare) => return Box::pin(std::future::ready(None)),
        };
        Box::pin(std::future::ready(Some(Ok(chunk))))
    }
}

// === impl Outcome ===

impl Outcome for () {
    fn none() -> Self {}

    fn of(_: &Decision) -> Option<Self> {
        None
    }
}

impl Outcome for HttpFlow {
    fn none() -> Self {
        Self::Continue
    }

    fn of(decision: &Decision) -> Option<Self> {
        match decision {
            Decision::Respond(body) => Some(Self::Respond(Box::new(HttpResponse::new(200, body.clone())))),
            Decision::RespondStatus(status) => Some(Self::Respond(Box::new(HttpResponse::new(*status, "")))),
            Decision::Block(no) => Some(Self::Reject(no.clone())),
            _ => None,
        }
    }
}

impl Outcome for HttpResponseFlow {
    fn none() -> Self {
        Self::Continue
    }

    fn of(decision: &Decision) -> Option<Self> {
        match decision {
            Decision::Block(no) => Some(Self::Reject(no.clone())),
            _ => None,
        }
    }
}

impl Outcome for ChunkFlow {
    fn none() -> Self {
        Self::Continue
    }

    fn of(decision: &Decision) -> Option<Self> {
        match decision {
            Decision::Drop => Some(Self::Drop),
            Decision::Block(no) => Some(Self::End(no.clone())),
            _ => None,
        }
    }
}

impl Outcome for AccessFlow {
    fn none() -> Self {
        Self::Continue
    }

    fn of(decision: &Decision) -> Option<Self> {
        match decision {
            Decision::Block(no) => Some(Self::Block(no.clone())),
            _ => None,
        }
    }
}

impl Outcome for AuthDecision {
    fn none() -> Self {
        Self::Pass
    }

    fn of(decision: &Decision) -> Option<Self> {
        match decision {
            Decision::Identify(identity) => Some(Self::Identify(Box::new(identity.clone()))),
            Decision::Block(no) => Some(Self::Refuse(no.clone())),
            _ => None,
        }
    }
}

impl Outcome for Verdict {
    fn none() -> Self {
        Self::Allow
    }

    fn of(decision: &Decision) -> Option<Self> {
        match decision {
            Decision::Block(no) => Some(Self::Block(no.clone())),
            _ => None,
        }
    }
}

impl Outcome for PreLlm {
    fn none() -> Self {
        Self::Continue
    }

    fn of(decision: &Decision) -> Option<Self> {
        match decision {
            Decision::Respond(text) => Some(Self::respond(response(text))),
            Decision::Stream(texts) => Some(Self::Stream(Texts::stream(texts, End::Done))),
            Decision::StreamBare(texts) => Some(Self::Stream(Texts::stream(texts, End::Bare))),
            Decision::StreamPanic(texts) => Some(Self::Stream(Texts::stream(texts, End::Panic))),
            Decision::StreamHang(texts) => Some(Self::Stream(Texts::stream(texts, End::Hang))),
            Decision::Error(spec) => Some(Self::fail(LlmError::from(spec))),
            _ => None,
        }
    }
}

impl Outcome for PostLlm {
    fn none() -> Self {
        Self::Continue
    }

    fn of(decision: &Decision) -> Option<Self> {
        match decision {
            Decision::Drop => Some(Self::Drop),
            _ => None,
        }
    }
}

impl Outcome for AgentFlow {
    fn none() -> Self {
        Self::Continue
    }

    fn of(decision: &Decision) -> Option<Self> {
        match decision {
            Decision::Respond(text) => Some(Self::Respond(Box::new(Message::text(Role::Assistant, text.clone())))),
            _ => None,
        }
    }
}

impl Outcome for AfterAgent {
    fn none() -> Self {
        Self::Continue
    }

    fn of(decision: &Decision) -> Option<Self> {
        match decision {
            Decision::Append(text) => Some(Self::Append(Box::new(Message::text(Role::Assistant, text.clone())))),
            _ => None,
        }
    }
}

impl Outcome for ModelFlow {
    fn none() -> Self {
        Self::Continue
    }

    fn of(decision: &Decision) -> Option<Self> {
        match decision {
            Decision::Respond(text) => Some(Self::Respond(Box::new(response(text)))),
            _ => None,
        }
    }
}

impl Outcome for ToolFlow {
    fn none() -> Self {
        Self::Continue
    }

    fn of(decision: &Decision) -> Option<Self> {
        match decision {
            Decision::Respond(text) => {
                Some(Self::Respond(Box::new(ToolAnswer { content: json!(text), is_error: false })))
            }
            Decision::Suspend(suspension) => Some(Self::Suspend(suspension.clone())),
            _ => None,
        }
    }
}

impl Outcome for Recovery<Response> {
    fn none() -> Self {
        Self::Pass
    }

    fn of(decision: &Decision) -> Option<Self> {
        match decision {
            Decision::Recover(text) => Some(Self::Recover(Box::new(response(text)))),
            _ => None,
        }
    }
}

impl Outcome for Recovery<ToolAnswer> {
    fn none() -> Self {
        Self::Pass
    }

    fn of(decision: &Decision) -> Option<Self> {
        match decision {
            Decision::Recover(text) => {
                Some(Self::Recover(Box::new(ToolAnswer { content: json!(text), is_error: false })))
            }
            _ => None,
        }
    }
}

impl Outcome for ObjectFlow {
    fn none() -> Self {
        Self::Continue
    }

    fn of(decision: &Decision) -> Option<Self> {
        match decision {
            Decision::Block(no) => Some(Self::Veto(no.clone())),
            _ => None,
        }
    }
}

impl Outcome for HttpResponse {
    fn none() -> Self {
        Self::new(200, "")
    }

    fn of(decision: &Decision) -> Option<Self> {
        match decision {
            Decision::Respond(body) => Some(Self::new(200, body.clone())),
            Decision::RespondStatus(status) => Some(Self::new(*status, "")),
            _ => None,
        }
    }
}

impl Outcome for Json {
    fn none() -> Self {
        Self::Null
    }

    fn of(decision: &Decision) -> Option<Self> {
        match decision {
            Decision::Respond(text) => Some(json!(text)),
            _ => None,
        }
    }
}

impl Outcome for Option<Asset> {
    fn none() -> Self {
        None
    }

    fn of(decision: &Decision) -> Option<Self> {
        match decision {
            Decision::Respond(text) => {
                Some(Some(Asset { media_type: "text/plain".to_owned(), bytes: text.clone().into() }))
            }
            _ => None,
        }
    }
}

impl Outcome for Health {
    fn none() -> Self {
        Self::ok()
    }

    fn of(decision: &Decision) -> Option<Self> {
        match decision {
            Decision::Unhealthy(message) => Some(Self::unhealthy(message.clone())),
            _ => None,
        }
    }
}
