//! Requests to allowed hosts.

use super::{BoxFuture, ServiceError};
use crate::model::Headers;
use bytes::Bytes;
use http::Method;
use std::time::Duration;

/// A request of a plugin's.
#[derive(Clone, Debug)]
pub struct HttpCall {
    /// The method.
    pub method: Method,
    /// The whole address, `http` or `https`, without a user and a password.
    pub url: String,
    /// The headers.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
    /// Longest time; at most what is left of the hook's call, and 10 minutes. Default 30 s.
    pub timeout: Duration,
}

/// The answer.
#[derive(Clone, Debug)]
pub struct HttpReply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// The body, at most 8 MiB.
    pub body: Bytes,
}

/// Sends requests to the hosts that the operator allowed; permission `http`. A host with an address within private
/// networks is reached only if the operator said so. Redirects are not followed. Headers that frame the request are the
/// host's, and so is `host`, but for plugins that are linked in.
pub trait Http: Send + Sync {
    /// Sends one.
    fn send(&self, call: HttpCall) -> BoxFuture<'_, Result<HttpReply, ServiceError>>;
}

// === impl HttpCall ===

impl HttpCall {
    /// A GET.
    pub fn get(url: impl Into<String>) -> Self {
        let timeout = Duration::from_secs(30);
        Self { method: Method::GET, url: url.into(), headers: Headers::default(), body: Bytes::new(), timeout }
    }

    /// A POST of a JSON body.
    pub fn post_json(url: impl Into<String>, body: &serde_json::Value) -> Self {
        let call = Self { method: Method::POST, body: Bytes::from(body.to_string()), ..Self::get(url) };
        call.header("content-type", "application/json")
    }

    /// The same request with this header, in place of another of its name. One that is not legal in HTTP is left out.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let _legal = self.headers.set(name, value);
        self
    }

    /// The same request with another timeout.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}
