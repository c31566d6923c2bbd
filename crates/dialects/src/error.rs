//! Errors of providers, in whichever envelope they come, and the envelopes that clients get.
//!
//! Error types are the normalised words of [`ErrorKind::as_str`] in every dialect. The SDKs choose their exception by
//! the HTTP status and show the type as text, so the words of one list serve clients of both.

use crate::{
    json::{Kind, Object, Read, Value},
    scan,
};
use bytes::Bytes;
use gatewright_model::{ErrorKind, LlmError};

/// Most characters of a provider's message that are passed on.
pub(crate) const LONGEST: usize = 500;

/// Reads the answer that a provider gave instead of a response. Understands `{"error": {...}}` with or without
/// Anthropic's `type` beside it, `{"error": "..."}`, `{"message": "..."}`, `{"detail": "..."}`, and arrays of these.
pub(crate) fn decode(status: u16, body: &[u8]) -> LlmError {
    let bytes = Bytes::copy_from_slice(body);
    let said = match std::str::from_utf8(&bytes).map(str::trim) {
        Ok("") => return unknown(status, "an empty body"),
        Ok(text) => Value::within(&bytes, text),
        Err(_) => return unknown(status, "a body that is not JSON"),
    };
    match said_in(said) {
        Ok(said) => said.error(Some(status)),
        Err(_) => unknown(status, "a body that is not JSON"),
    }
}

/// Reads the error of a stream's event; `value` is the value of its member `error`, or the whole data.
pub(crate) fn decode_event(value: Value<'_>) -> LlmError {
    let said = said_in(value).unwrap_or_default();
    said.error(said.status)
}

fn unknown(status: u16, what: &str) -> LlmError {
    LlmError::new(ErrorKind::of_status(status), format!("the provider answered {status} with {what}"))
}

/// What an error body says.
#[derive(Default)]
struct Said {
    message: Option<String>,
    kind: Option<String>,
    code: Option<String>,
    param: Option<String>,
    /// An HTTP status, where the code is one.
    status: Option<u16>,
}

fn said_in(value: Value<'_>) -> Read<Said> {
    match value.kind() {
        Kind::String => Ok(Said { message: Some(value.string()?.into_owned()), ..Said::default() }),
        Kind::Array => match scan::elements(value.text()).next() {
            Some(first) => said_in(Value::within(value.body(), first?.value)),
            None => Ok(Said::default()),
        },
        _ => {
            let mut object = value.object()?;
            match object.take("error") {
                Some(inner) => said_in(inner),
                None => Ok(Said::of(object)),
            }
        }
    }
}

// === impl Said ===

impl Said {
    fn of(mut object: Object<'_>) -> Self {
        let mut text = |name: &str| {
            let value = object.take(name)?;
            match value.kind() {
                Kind::String => value.string().ok().map(|text| text.into_owned()),
                Kind::Scalar | Kind::Array => Some(value.text().to_owned()),
                _ => None,
            }
        };
        let message = text("message").or_else(|| text("detail"));
        let (kind, code, param) = (text("type"), text("code"), text("param"));
        let status = code.as_deref().and_then(|code| code.parse().ok()).filter(|status| (400..600).contains(status));
        Self { message, kind, code, param, status }
    }

    fn error(&self, status: Option<u16>) -> LlmError {
        let kind = self.kind(status);
        let message = match (&self.message, status) {
            (Some(message), _) if !message.trim().is_empty() => shorten(message, LONGEST),
            (_, Some(status)) => format!("the provider answered {status} without a message"),
            _ => "the provider ended with an error without a message".to_owned(),
        };
        let mut error = LlmError::new(kind, message);
        // A status that the list of kinds has no word for (409, 422) is kept.
        error.status = status
            .filter(|status| kind == ErrorKind::InvalidRequest && (400..500).contains(status))
            .filter(|status| *status != kind.status() && ErrorKind::of_status(*status) == kind);
        error.code = self.code.as_deref().or(self.kind.as_deref()).map(|code| shorten(code, 100));
        error.param = self.param.as_deref().map(|param| shorten(param, 100));
        error
    }

    fn kind(&self, status: Option<u16>) -> ErrorKind {
        let words = [self.code.as_deref(), self.kind.as_deref()];
        let kind = words.into_iter().flatten().find_map(kind_of_word);
        let kind = kind.or_else(|| status.map(ErrorKind::of_status)).unwrap_or_else(|| match &self.kind {
            Some(word) if word == "invalid_request_error" => ErrorKind::InvalidRequest,
            _ => ErrorKind::Upstream,
        });
        let vague = matches!(kind, ErrorKind::InvalidRequest | ErrorKind::Upstream | ErrorKind::PermissionDenied);
        match &self.message {
            Some(message) if vague && speaks_of_rate_limit(message) => ErrorKind::RateLimit,
            _ => kind,
        }
    }
}

/// The kind that a provider's word stands for. `invalid_request_error` is not among them: OpenAI sends it for bad
/// credentials too, so that the status says more; nor is `server_error`, which comes with 500 and 503 alike. A provider that is a gateway like this one sends the words of the
/// list; those that speak of its own inside are not ours to repeat.
fn kind_of_word(word: &str) -> Option<ErrorKind> {
    let own = [ErrorKind::PluginUnavailable, ErrorKind::Cancelled, ErrorKind::Internal];
    if let Some(kind) = ErrorKind::ALL.into_iter().find(|kind| kind.as_str() == word && !own.contains(kind)) {
        return Some(kind);
    }
    Some(match word {
        "rate_limit_error"
        | "rate_limit_exceeded"
        | "rate_limit_reached"
        | "too_many_requests"
        | "RESOURCE_EXHAUSTED"
        | "429" => ErrorKind::RateLimit,
        "insufficient_quota" | "billing_error" | "billing_hard_limit_reached" | "402" => ErrorKind::InsufficientQuota,
        "authentication_error" | "invalid_api_key" | "401" => ErrorKind::Authentication,
        "permission_error" | "403" => ErrorKind::PermissionDenied,
        "not_found_error" | "model_not_found" | "404" => ErrorKind::NotFound,
        "overloaded_error" | "engine_overloaded" | "503" | "529" => ErrorKind::Overloaded,
        "timeout_error" | "408" | "504" => ErrorKind::Timeout,
        "context_length_exceeded" | "string_above_max_length" => ErrorKind::InvalidRequest,
        _ => return None,
    })
}

fn speaks_of_rate_limit(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["rate limit", "rate_limit", "ratelimit", "too many requests", "tokens per minute", "requests per minute"]
        .iter()
        .any(|phrase| message.contains(phrase))
}

/// The first `longest` characters, without control characters.
fn shorten(text: &str, longest: usize) -> String {
    let text = text.trim();
    let clean = |text: &str, count| -> String {
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(count).collect()
    };
    if text.chars().nth(longest).is_none() { clean(text, longest) } else { clean(text, longest - 1) + "…" }
}

#[cfg(test)]
mod tests;
