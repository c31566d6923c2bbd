//! What the engine is asked, what it answers, and whom it tells of attempts.

use crate::routing::Target;
use crate::stream::{Driver, Tap};
use gatewright_model::{Dialect, Dropped, ErrorKind, Request, Response};
use http::HeaderMap;
use std::sync::Arc;

/// Told of every attempt at a provider.
pub trait AttemptWatch: Send + Sync {
    /// An attempt ended; a stream's, when it began; with [`ErrorKind::Cancelled`] where its client went away before.
    fn attempted(&self, provider: &str, error: Option<ErrorKind>, retries: u32);

    /// An attempt begins at this provider since another one failed.
    fn fell_back(&self, provider: &str);
}

/// One LLM request.
pub struct LlmCall {
    /// What is asked.
    pub request: Request,
    /// Headers to send along to the provider.
    pub headers: HeaderMap,
    /// The dialect that the answer is wanted in; `None` for callers that read the model itself.
    pub dialect: Option<Dialect>,
    /// Whether the caller needs the events of a stream, even where nobody else does.
    pub needs_events: bool,
}

/// An answer, and what there is to say of it.
pub struct Answered {
    /// The answer.
    pub reply: Reply,
    /// Headers of the provider for the client.
    pub headers: HeaderMap,
    /// What of the request could not be carried.
    pub dropped: Vec<Dropped>,
}

/// An answer.
pub enum Reply {
    /// Whole.
    Whole(Arc<Response>),
    /// A stream of chunks, through hooks or between dialects.
    Chunks(Box<Driver>),
    /// A stream of bytes in the client's own dialect.
    Bytes(Box<Tap>),
}

// === impl LlmCall ===

impl LlmCall {
    /// The request as it goes to a target, before anybody edits it.
    pub(crate) fn towards(&self, target: &Target) -> Request {
        let mut request = self.request.clone();
        request.provider = Some(target.provider.clone());
        request.model.clone_from(&target.model);
        request
    }
}
