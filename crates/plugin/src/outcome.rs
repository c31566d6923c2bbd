//! Outcomes: what plugins decide. An outcome is obeyed; a plugin that did not do its job returns a
//! [`Failure`](crate::Failure) instead.

use crate::model::{HttpResponse, LlmError, Message, Response};
use crate::payload::{ChunkStream, ToolAnswer};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A plugin says no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// For the client. Empty becomes "Blocked by plugin".
    pub reason: String,
    /// HTTP status, 400 to 599; `None` takes the hook's.
    pub status: Option<u16>,
    /// A word for programs.
    pub code: Option<String>,
    /// After how long it may be asked again: the header `retry-after`. Without it clients are told not to ask again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
}

/// Of `http_request`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum HttpFlow {
    /// On to the next.
    Continue,
    /// Answers; the `http_response` hooks of the plugins that ran see it.
    Respond(Box<HttpResponse>),
    /// Ends the request with an error.
    Reject(Rejection),
}

/// Of `http_response`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum HttpResponseFlow {
    /// On to the next.
    Continue,
    /// Ends with an error; the hooks that are left are skipped.
    Reject(Rejection),
}

/// Of `http_stream_chunk`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum ChunkFlow {
    /// On to the next.
    Continue,
    /// The client does not get this chunk; the hooks that are left do not see it.
    Drop,
    /// Ends the stream with an error; the upstream is cancelled.
    End(Rejection),
}

/// Of `pre_auth` and `post_auth`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum AccessFlow {
    /// On to the next.
    Continue,
    /// Ends the request.
    Block(Rejection),
}

/// Of `auth`. The first that does not pass decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum AuthDecision {
    /// Not a credential of this plugin's; the next one looks.
    Pass,
    /// It is this application and user.
    Identify(Box<Identity>),
    /// It is nobody. 401 unless the rejection says otherwise.
    Refuse(Rejection),
}

/// Who a credential belongs to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// The application.
    pub app_id: String,
    /// The user.
    pub user_id: String,
    /// The name of the key; never the key.
    pub api_key_id: String,
    /// What else is known of it.
    pub claims: serde_json::Map<String, serde_json::Value>,
}

/// Of `check_input` and `check_output`. The first that blocks ends the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum Verdict {
    /// Nothing against it.
    Allow,
    /// The client does not get it. 403 unless the rejection says otherwise.
    Block(Rejection),
}

/// Of `pre_llm`.
#[must_use]
pub enum PreLlm {
    /// On to the next, then to the provider that the request names.
    Continue,
    /// Answers in the provider's place; a streaming client gets it as a stream.
    Respond(Box<Response>),
    /// Answers in the provider's place with a stream; a client that wants none gets it whole.
    Stream(ChunkStream),
    /// Fails the attempt; the error says whether fallbacks may be tried.
    Fail(Box<LlmError>),
}

/// Of `post_llm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum PostLlm {
    /// On to the next, with the draft as it is: editing an error into a response recovers it, and the reverse.
    Continue,
    /// Takes this chunk out of the stream. For anything but a chunk it is a failure.
    Drop,
}

/// Of `before_agent`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum AgentFlow {
    /// On to the next.
    Continue,
    /// The run is skipped; this is its answer.
    Respond(Box<Message>),
}

/// Of `after_agent`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum AfterAgent {
    /// On to the next.
    Continue,
    /// One more message after the run's own.
    Append(Box<Message>),
}

/// Of `before_model`.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum ModelFlow {
    /// On to the next.
    Continue,
    /// The step is skipped; this is its answer.
    Respond(Box<Response>),
}

/// Of `before_tool`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum ToolFlow {
    /// On to the next.
    Continue,
    /// The call is skipped; this is its result.
    Respond(Box<ToolAnswer>),
    /// The call waits until a person decides.
    Suspend(Suspension),
}

/// A tool call that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// Why, for the person.
    pub reason: String,
    /// How long to wait at most, in seconds; then the call is refused.
    pub expires_in_seconds: u32,
}

/// Of `on_model_error` and `on_tool_error`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum Recovery<T> {
    /// The error stays.
    Pass,
    /// The error is taken back; this stands in its place.
    Recover(Box<T>),
}

/// Of `before_create`, `before_update`, `before_delete`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum ObjectFlow {
    /// On to the next.
    Continue,
    /// The change is not made.
    Veto(Rejection),
}

/// Of `health`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whether it can do its job.
    pub healthy: bool,
    /// For people.
    pub message: String,
}

// === impl Rejection ===

impl Rejection {
    /// A rejection for this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), status: None, code: None, retry_after: None }
    }

    /// The same, with an HTTP status of its own (400 to 599; anything else is a malformed result).
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The same, with a word for programs.
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// The same for a while: what asks again then may be let through.
    pub fn retry_after(mut self, time: Duration) -> Self {
        self.retry_after = Some(time);
        self
    }
}

// === impl Verdict ===

impl Verdict {
    /// Blocks for this reason.
    pub fn block(reason: impl Into<String>) -> Self {
        Self::Block(Rejection::new(reason))
    }

    /// Whether it allows.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow)
    }
}

// === impl PreLlm ===

impl PreLlm {
    /// Answers in the provider's place.
    pub fn respond(response: Response) -> Self {
        Self::Respond(Box::new(response))
    }

    /// Fails the attempt.
    pub fn fail(error: LlmError) -> Self {
        Self::Fail(Box::new(error))
    }
}

impl std::fmt::Debug for PreLlm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Continue => f.write_str("Continue"),
            Self::Respond(response) => f.debug_tuple("Respond").field(response).finish(),
            Self::Stream(_) => f.write_str("Stream"),
            Self::Fail(error) => f.debug_tuple("Fail").field(error).finish(),
        }
    }
}

// === impl Health ===

impl Health {
    /// It can.
    pub fn ok() -> Self {
        Self { healthy: true, message: String::new() }
    }

    /// It cannot, for this reason.
    pub fn unhealthy(message: impl Into<String>) -> Self {
        Self { healthy: false, message: message.into() }
    }
}
