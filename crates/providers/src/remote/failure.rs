//! What failed tries are called, for people and for the rules of retry. No text here holds an address, a header or a
//! body of the provider's beyond its own error message.

use crate::Secret;
use crate::http::TransportError;
use crate::retry::{Failure, retry_after};
use crate::watch::Overdue;
use gatewright_dialects::scan;
use gatewright_model::{Codec, ErrorKind, Kind, LlmError};
use http::{HeaderMap, StatusCode};
use memchr::memmem;
use std::time::SystemTime;

/// Most bytes of an error answer that are read: 256 KiB.
pub(super) const LONGEST_ERROR: usize = 256 << 10;

/// Shorter secrets are not looked for in errors: their text could be anything.
const SHORTEST_SECRET: usize = 6;

/// What no error tells: keys and the like, which providers quote when they refuse them.
#[derive(Debug)]
pub(crate) struct Withheld(Vec<Secret>);

/// Names the failures of one provider.
#[derive(Clone, Copy)]
pub(super) struct Teller<'a> {
    provider: &'a str,
}

/// Whether a body looks like one JSON object: cheap, and enough to tell an answer from a web page or a cut one.
pub(super) fn looks_like_json(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    body.starts_with(b"{") && body.ends_with(b"}")
}

/// Whether a body that came with a good status is an error all the same, as some providers send it: it begins with
/// `{"error": {...}` or `{"type": "error"`, or has an error further on and no answer beside it.
pub(super) fn is_error(body: &[u8]) -> bool {
    begins_with_error(body) || (memmem::find(body, b"\"error\"").is_some() && has_error_alone(body))
}

fn begins_with_error(body: &[u8]) -> bool {
    let Some(members) = body.trim_ascii_start().strip_prefix(b"{") else { return false };
    let value = |name: &[u8]| {
        let after = members.trim_ascii_start().strip_prefix(name)?.trim_ascii_start();
        Some(after.strip_prefix(b":")?.trim_ascii_start())
    };
    let object = value(b"\"error\"").is_some_and(|value| value.starts_with(b"{") || value.starts_with(b"\""));
    object || value(b"\"type\"").is_some_and(|value| value.starts_with(b"\"error\""))
}

/// Whether an object has a member `error` and neither choices nor content beside it.
fn has_error_alone(body: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(body) else { return false };
    let is_filled = |value: &str| value.strip_prefix('[').is_some_and(|list| !list.trim_start().starts_with(']'));
    let (mut error, mut answer) = (false, false);
    for member in scan::members(text) {
        // What is no JSON is judged elsewhere.
        let Ok(member) = member else { return false };
        match &*member.name() {
            "error" => error |= !matches!(member.value, "null" | "false"),
            "choices" | "content" => answer |= is_filled(member.value),
            _ => {}
        }
    }
    error && !answer
}

// === impl Teller ===

impl<'a> Teller<'a> {
    pub(super) fn new(provider: &'a str) -> Self {
        Self { provider }
    }

    /// No key is for this model.
    pub(super) fn no_key(&self, model: &str) -> LlmError {
        let message = format!("no key of provider `{}` is for model `{model}`", self.provider);
        self.error(ErrorKind::NotFound, message).with_code("model_not_found").with_param("model")
    }

    /// It has no endpoint for this.
    pub(super) fn unsupported(&self, kind: Kind) -> LlmError {
        let message =
            format!("provider `{}` is not asked for {} through this gateway", self.provider, kind.operation());
        self.error(ErrorKind::InvalidRequest, message).with_code("unsupported")
    }

    /// Something took too long. If the request was `sent`, the provider may be at work on it, and would be paid for each
    /// further try too.
    pub(super) fn late(&self, late: Overdue, sent: bool) -> Failure {
        let error = late.error(self.provider);
        if sent || late == Overdue::Deadline { Failure::final_(error) } else { Failure::passing(error) }
    }

    /// The network, or what is not HTTP.
    pub(super) fn transport(&self, error: TransportError) -> Failure {
        Failure::passing(transport_error(self.provider, &error))
    }

    /// An answer that says what went wrong.
    pub(super) fn answered(&self, codec: &dyn Codec, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        let told = match status.is_redirection() {
            true => {
                let message = format!("provider `{}` redirects elsewhere ({status}): check its address", self.provider);
                self.error(ErrorKind::Upstream, message).with_code("redirect")
            }
            // An error under a good status is the provider's failure unless its body says otherwise.
            false if status.is_success() => codec.decode_error(502, body),
            false => codec.decode_error(status.as_u16(), body),
        };
        let retry_after = told.retry_after.or_else(|| retry_after(headers, SystemTime::now()));
        let error = LlmError { retry_after, ..told }.with_provider(self.provider);
        Failure::told(status.as_u16(), error)
    }

    /// An error in the first event of a stream.
    pub(super) fn streamed(&self, error: LlmError) -> Failure {
        Failure::told(200, error.with_provider(self.provider))
    }

    /// An answer that is not what was asked for.
    pub(super) fn not_json(&self, content_type: &str) -> Failure {
        let kind = if content_type.is_empty() { "no content type" } else { content_type };
        let message = format!("provider `{}` answered with {kind} that is not a JSON object", self.provider);
        self.garbage(message)
    }

    /// A compressed answer, which was not asked for.
    pub(super) fn encoded(&self, encoding: &str) -> Failure {
        self.garbage(format!("provider `{}` answered with content-encoding {encoding}", self.provider))
    }

    /// An answer that is too large.
    pub(super) fn too_large(&self, limit: usize) -> Failure {
        let message = format!("provider `{}` answered with more than {limit} bytes", self.provider);
        Failure::final_(self.error(ErrorKind::Upstream, message).with_code("response_too_large"))
    }

    /// A stream whose first event cannot be used.
    pub(super) fn first_event(&self, what: &str) -> Failure {
        self.garbage(format!("the stream of provider `{}` {what}", self.provider))
    }

    /// A stream that ended before its first event.
    pub(super) fn no_event(&self) -> Failure {
        let message = format!("the stream of provider `{}` ended before its first event", self.provider);
        Failure::passing(self.error(ErrorKind::Upstream, message).with_code("empty_stream"))
    }

    fn garbage(&self, message: String) -> Failure {
        Failure::final_(self.error(ErrorKind::Upstream, message).with_code("invalid_response"))
    }

    fn error(&self, kind: ErrorKind, message: String) -> LlmError {
        LlmError::new(kind, message).with_provider(self.provider)
    }
}

/// What went wrong in the network, as the client is told.
pub(super) fn transport_error(provider: &str, error: &TransportError) -> LlmError {
    let (kind, code) = match error {
        TransportError::ConnectTimeout(_) => (ErrorKind::Timeout, "connect_timeout"),
        TransportError::Full(_) => (ErrorKind::Overloaded, "too_many_connections"),
        TransportError::Connect(_) => (ErrorKind::Upstream, "connect_failed"),
        TransportError::Broken(_) => (ErrorKind::Upstream, "connection_broken"),
        TransportError::Malformed(_) => (ErrorKind::Upstream, "invalid_response"),
        TransportError::Cut(_) => (ErrorKind::Upstream, "response_cut"),
    };
    LlmError::new(kind, format!("provider `{provider}`: {error}")).with_code(code).with_provider(provider)
}

// === impl Withheld ===

impl Withheld {
    pub(crate) fn new<'a>(secrets: impl Iterator<Item = &'a Secret>) -> Self {
        // Of `Bearer TOKEN` the token is quoted alone, too.
        let parts = |secret: &'a Secret| {
            let whole = secret.expose().trim();
            [whole, whole.rsplit(' ').next().unwrap_or(whole)]
        };
        let mut texts: Vec<&str> = secrets.flat_map(parts).filter(|text| text.len() >= SHORTEST_SECRET).collect();
        // One may be part of another.
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        texts.dedup();
        Self(texts.into_iter().map(Secret::from).collect())
    }

    /// The same error without them.
    pub(super) fn conceal(&self, mut error: LlmError) -> LlmError {
        for text in [Some(&mut error.message), error.code.as_mut(), error.param.as_mut()].into_iter().flatten() {
            *text = self.0.iter().fold(std::mem::take(text), |text, secret| text.replace(secret.expose(), "***"));
        }
        error
    }
}

#[cfg(test)]
mod tests;
