//! Requests to LLMs through the gateway.

use super::BoxFuture;
use crate::Facts;
use crate::model::{LlmError, Request, Response};

/// Sends requests to LLMs; permission `llm`. They take the whole path through the hooks, but for those of the plugin
/// that asks; how deep such calls may nest is bounded.
pub trait Llm: Send + Sync {
    /// Sends one, on behalf of the request that `facts` speak of.
    fn complete<'a>(&'a self, facts: &'a Facts, request: Request) -> BoxFuture<'a, Result<Response, LlmError>>;
}
