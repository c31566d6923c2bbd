//! HTTP requests, kept; replies, scripted.

use super::{Denied, lock};
use bytes::Bytes;
use gatewright_model::Headers;
use gatewright_plugin::Permission;
use gatewright_plugin::services::{BoxFuture, Http, HttpCall, HttpReply, ServiceError};
use serde_json::Value as Json;
use std::collections::VecDeque;
use std::future::{pending, ready};
use std::sync::Mutex;

/// Keeps the requests that it is asked to send, and gives the scripted replies in their order; a request for which
/// none is left fails.
#[derive(Debug, Default)]
pub struct MockHttp {
    denied: Denied,
    calls: Mutex<Vec<HttpCall>>,
    script: Mutex<VecDeque<Scripted>>,
}

#[derive(Debug)]
enum Scripted {
    Reply(HttpReply),
    Fail(ServiceError),
    Hang,
}

// === impl MockHttp ===

impl MockHttp {
    pub(crate) fn new(denied: Denied) -> Self {
        Self { denied, calls: Mutex::default(), script: Mutex::default() }
    }

    /// Answers the next request that has no reply yet with this status and body.
    pub fn reply(&self, status: u16, body: impl Into<Bytes>) {
        let reply = HttpReply { status, headers: Headers::default(), body: body.into() };
        lock(&self.script).push_back(Scripted::Reply(reply));
    }

    /// Fails the next request that has no reply yet.
    pub fn fail(&self, error: ServiceError) {
        lock(&self.script).push_back(Scripted::Fail(error));
    }

    /// Never answers the next request that has no reply yet.
    pub fn hang(&self) {
        lock(&self.script).push_back(Scripted::Hang);
    }

    /// The requests so far.
    pub fn calls(&self) -> Vec<HttpCall> {
        lock(&self.calls).clone()
    }

    /// The bodies of the requests so far, as JSON; `null` where one is not JSON.
    pub fn bodies(&self) -> Vec<Json> {
        lock(&self.calls).iter().map(|call| serde_json::from_slice(&call.body).unwrap_or_default()).collect()
    }
}

impl Http for MockHttp {
    fn send(&self, call: HttpCall) -> BoxFuture<'_, Result<HttpReply, ServiceError>> {
        if let Err(denied) = self.denied.check(Permission::Http, &call.url) {
            return Box::pin(ready(Err(denied)));
        }
        lock(&self.calls).push(call);
        match lock(&self.script).pop_front() {
            Some(Scripted::Reply(reply)) => Box::pin(ready(Ok(reply))),
            Some(Scripted::Fail(error)) => Box::pin(ready(Err(error))),
            Some(Scripted::Hang) => Box::pin(pending()),
            None => Box::pin(ready(Err(ServiceError::Failed("the test scripted no reply".to_owned())))),
        }
    }
}
