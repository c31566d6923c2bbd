//! What transport and access hooks are given.

use crate::Draft;
use crate::model::{HttpRequest, HttpResponse, StreamChunk};
use std::sync::Arc;

/// Of `http_response`: the request as it was after all edits, and the response.
#[derive(Clone, Debug)]
pub struct HttpExchange {
    /// The request.
    pub request: Arc<HttpRequest>,
    /// The response, to edit.
    pub response: Draft<HttpResponse>,
}

/// Of `http_stream_chunk`: the request as it was after all edits, and one event of the client's stream.
#[derive(Clone, Debug)]
pub struct StreamExchange {
    /// The request.
    pub request: Arc<HttpRequest>,
    /// The event, to edit.
    pub chunk: Draft<StreamChunk>,
}

/// Of `auth`: the credential, and the request that carries it.
#[derive(Clone, Debug)]
pub struct AuthRequest {
    /// From `authorization: Bearer`, `x-api-key`, `x-goog-api-key` or `api-key`, in this order; `None` without one.
    pub credential: Option<Secret>,
    /// The request.
    pub request: Arc<HttpRequest>,
}

/// A text that is never shown: not by `Debug`, not in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

// === impl Secret ===

impl Secret {
    /// Hides a text.
    pub fn new(secret: &str) -> Self {
        Self(secret.into())
    }

    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self::new(secret)
    }
}

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Self(secret.into())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}
