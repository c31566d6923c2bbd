//! LLM requests, kept; replies, scripted.

use super::{Denied, lock};
use gatewright_model::{ErrorKind, LlmError, Request, Response};
use gatewright_plugin::services::{BoxFuture, Llm};
use gatewright_plugin::{Facts, Permission};
use std::collections::VecDeque;
use std::future::ready;
use std::sync::Mutex;

/// Keeps the requests that it is asked to send, and gives the scripted replies in their order; a request for which
/// none is left fails.
#[derive(Debug, Default)]
pub struct MockLlm {
    denied: Denied,
    requests: Mutex<Vec<Request>>,
    script: Mutex<VecDeque<Result<Response, LlmError>>>,
}

// === impl MockLlm ===

impl MockLlm {
    pub(crate) fn new(denied: Denied) -> Self {
        Self { denied, requests: Mutex::default(), script: Mutex::default() }
    }

    /// Answers the next request that has no reply yet.
    pub fn reply(&self, response: Response) {
        lock(&self.script).push_back(Ok(response));
    }

    /// Fails the next request that has no reply yet.
    pub fn fail(&self, error: LlmError) {
        lock(&self.script).push_back(Err(error));
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.requests).clone()
    }
}

impl Llm for MockLlm {
    fn complete<'a>(&'a self, _facts: &'a Facts, request: Request) -> BoxFuture<'a, Result<Response, LlmError>> {
        if let Err(denied) = self.denied.check(Permission::Llm, &request.model) {
            return Box::pin(ready(Err(LlmError::new(ErrorKind::PermissionDenied, denied.to_string()))));
        }
        lock(&self.requests).push(request);
        let unscripted = LlmError::new(ErrorKind::Upstream, "the test scripted no reply");
        Box::pin(ready(lock(&self.script).pop_front().unwrap_or(Err(unscripted))))
    }
}
