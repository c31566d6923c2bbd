//! What request and attempt hooks are given, besides the model's own types.

use crate::Hook;
use crate::model::{Channel, Chunk, ErrorKind, Kind, LlmError, Response, Usage};
use crate::services::BoxFuture;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Of `post_llm`: how an attempt ends, or goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum LlmResult {
    /// It answered whole. Final.
    Response(Response),
    /// It failed. Final.
    Error(LlmError),
    /// A chunk of its stream.
    Chunk(Chunk),
    /// Its stream ended; this is the whole of it. What was released already cannot be edited any more: such an edit is
    /// a failure, reported. Final.
    StreamEnd(Response),
}

/// Of `on_stream_chunk`: the text of one channel in one chunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelText {
    /// Which text.
    pub channel: Channel,
    /// What came; with a window, what is held.
    pub text: String,
    /// Whether the channel ends here.
    pub is_final: bool,
    /// Whether the text has left already: the end of a channel in `chunk` mode, where it is the whole of it. Editing
    /// it then is a failure.
    pub released: bool,
}

/// Of `check_output`: the content after the attempt layer's edits.
#[derive(Clone, Debug)]
pub struct OutputCheck {
    /// The text of each channel; in a window, the part that is held.
    pub texts: Vec<ChannelText>,
    /// Whether this is the end. Always true for what was not streamed and in `buffer` mode.
    pub is_final: bool,
    /// The whole response, where it is known.
    pub response: Option<Arc<Response>>,
}

/// Of `post_request` and `request_end`: how the request ended.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestSummary {
    /// What was asked for.
    pub kind: Kind,
    /// How it ended.
    pub status: RequestStatus,
    /// HTTP status that the client got; 499 if it went away.
    pub http_status: u16,
    /// The error, if it ended with one.
    pub error: Option<Arc<LlmError>>,
    /// The provider of the last attempt.
    pub provider: String,
    /// The model of the last attempt.
    pub model: String,
    /// Attempts made; retries within one do not count.
    pub attempts: u32,
    /// Whether the client was streamed to.
    pub stream: bool,
    /// Tokens of all attempts, as their providers counted them.
    pub usage: Option<Usage>,
    /// US dollars, of the attempts whose model has a price.
    pub cost: f64,
    /// Whether every attempt that used tokens had a model with a price.
    pub priced: bool,
    /// From the first byte of the request to the last of the response.
    pub latency: Duration,
    /// To the first token of a stream.
    pub time_to_first_token: Option<Duration>,
    /// What of the latency was the gateway's own, plugins included.
    pub overhead: Duration,
    /// Why the model stopped, where that is known: of a whole answer that nobody read, it is not.
    pub finish_reason: Option<String>,
    /// What plugins attached on the way.
    pub metadata: Vec<PluginMetadata>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestStatus {
    /// Answered.
    #[default]
    Success,
    /// With an error.
    Error,
    /// By a plugin's decision.
    GuardrailBlocked,
    /// The client went away.
    Cancelled,
}

/// What a plugin attached to the request's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PluginMetadata {
    /// The plugin's name in the config.
    pub plugin: Arc<str>,
    /// The hook.
    pub hook: Hook,
    /// What it attached.
    pub metadata: serde_json::Map<String, serde_json::Value>,
}

/// A stream of chunks that a plugin answers with.
pub struct ChunkStream(Box<dyn ChunkSource>);

/// Gives chunks, one a call, until `None`.
pub trait ChunkSource: Send {
    /// The next chunk. The host gives each call the hook's timeout.
    fn next_chunk(&mut self) -> BoxFuture<'_, Option<Result<Chunk, LlmError>>>;
}

// === impl LlmResult ===

impl LlmResult {
    /// Whether no more comes of this attempt.
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Chunk(_))
    }

    /// The response, whole or assembled from its stream.
    pub fn response(&self) -> Option<&Response> {
        match self {
            Self::Response(response) | Self::StreamEnd(response) => Some(response),
            _ => None,
        }
    }

    /// The response, to edit.
    pub fn response_mut(&mut self) -> Option<&mut Response> {
        match self {
            Self::Response(response) | Self::StreamEnd(response) => Some(response),
            _ => None,
        }
    }

    /// The error, if the attempt failed.
    pub fn error(&self) -> Option<&LlmError> {
        match self {
            Self::Error(error) => Some(error),
            _ => None,
        }
    }

    /// Replaces texts wherever the result has any, chunk or response. Answers whether any changed.
    pub fn map_texts(&mut self, mut edit: impl FnMut(&str) -> Option<String>) -> bool {
        match self {
            Self::Chunk(chunk) => chunk.map_texts(|_, text| edit(text)),
            Self::Response(response) | Self::StreamEnd(response) => response.map_texts(edit),
            Self::Error(_) => false,
        }
    }
}

// === impl OutputCheck ===

impl OutputCheck {
    /// All texts, joined by line breaks.
    pub fn text(&self) -> String {
        self.texts.iter().map(|text| text.text.as_str()).collect::<Vec<_>>().join("\n")
    }
}

// === impl RequestStatus ===

impl RequestStatus {
    /// The word in metrics, logs and webhooks.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::GuardrailBlocked => "guardrail_blocked",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status that an error leads to.
    pub fn of_error(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::GuardrailBlocked => Self::GuardrailBlocked,
            ErrorKind::Cancelled => Self::Cancelled,
            _ => Self::Error,
        }
    }
}

// === impl ChunkStream ===

impl ChunkStream {
    /// A stream of what a source gives.
    pub fn new(source: impl ChunkSource + 'static) -> Self {
        Self(Box::new(source))
    }

    /// A stream of these chunks.
    pub fn of(chunks: impl IntoIterator<Item = Chunk, IntoIter: Send + 'static>) -> Self {
        struct Ready<I>(I);
        impl<I: Iterator<Item = Chunk> + Send> ChunkSource for Ready<I> {
            fn next_chunk(&mut self) -> BoxFuture<'_, Option<Result<Chunk, LlmError>>> {
                Box::pin(std::future::ready(self.0.next().map(Ok)))
            }
        }
        Self::new(Ready(chunks.into_iter()))
    }

    /// The next chunk.
    pub fn next_chunk(&mut self) -> BoxFuture<'_, Option<Result<Chunk, LlmError>>> {
        self.0.next_chunk()
    }
}
