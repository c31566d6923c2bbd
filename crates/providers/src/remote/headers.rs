//! Which headers go along, and which come back.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The name under which clients get the provider's request id; `x-request-id` is the gateway's own.
const UPSTREAM_REQUEST_ID: HeaderName = HeaderName::from_static("x-upstream-request-id");

/// What an answer's head says of its body.
pub(super) struct Content<'a> {
    /// The media type, without parameters; empty if there is none.
    pub(super) kind: &'a str,
    /// How the body is compressed, if it is.
    pub(super) encoding: Option<&'a str>,
}

/// The headers of a request: the key's own first, the client's where they do not touch these or the connection, and
/// defaults for what is missing.
pub(super) fn outgoing(own: &HeaderMap, client: &HeaderMap, defaults: &[(HeaderName, HeaderValue)]) -> HeaderMap {
    let mut headers = own.clone();
    for (name, value) in client {
        if !own.contains_key(name) && !is_the_connections(name) && !is_a_credential(name) {
            headers.append(name, value.clone());
        }
    }
    for (name, value) in defaults {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    headers
}

/// The headers of an answer that clients get.
pub(super) fn for_client(answer: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in answer {
        match name.as_str() {
            "request-id" | "x-request-id" => {
                headers.insert(UPSTREAM_REQUEST_ID, value.clone());
            }
            "retry-after" | "openai-processing-ms" => {
                headers.insert(name, value.clone());
            }
            text if text.starts_with("x-ratelimit-") || text.starts_with("anthropic-ratelimit-") => {
                headers.insert(name, value.clone());
            }
            _ => {}
        }
    }
    headers
}

/// Headers that belong to one connection, or to a body that is written anew.
pub(crate) fn is_the_connections(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "accept-encoding"
            | "connection"
            | "content-encoding"
            | "content-length"
            | "content-type"
            | "expect"
            | "host"
            | "keep-alive"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// The client's own credentials, which are for the gateway.
fn is_a_credential(name: &HeaderName) -> bool {
    matches!(name.as_str(), "authorization" | "x-api-key" | "x-goog-api-key" | "api-key" | "cookie")
}

// === impl Content ===

impl<'a> Content<'a> {
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = text(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
        let encoding = Some(text(header::CONTENT_ENCODING).trim());
        Self { kind, encoding: encoding.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity")) }
    }

    /// Whether it is a stream of events.
    pub(super) fn is_event_stream(&self) -> bool {
        self.kind.eq_ignore_ascii_case("text/event-stream")
    }
}

#[cfg(test)]
mod tests;
