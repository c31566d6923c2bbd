//! The heads of answers.

use crate::body::ResponseBody;
use crate::request_id::{REQUEST_ID, header_value};
use bytes::Bytes;
use gatewright_model::{Codec, Dialect, Dropped, ErrorKind, Headers, HttpResponse, LlmError};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use std::time::Duration;

/// The same, where Anthropic's SDKs look for it.
const ANTHROPIC_REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// What the gateway itself took until its answer began, in microseconds; plugins included.
const OVERHEAD: HeaderName = HeaderName::from_static("x-gatewright-overhead-us");

/// What of the request or the answer could not be carried between dialects, by member.
const DROPPED: HeaderName = HeaderName::from_static("x-gatewright-dropped");

/// What every answer to an LLM request says of itself.
pub(crate) struct Reported {
    pub(crate) dialect: Dialect,
    pub(crate) request_id: String,
    pub(crate) overhead: Duration,
    pub(crate) dropped: Vec<Dropped>,
}

/// An answer whose body is known.
pub(crate) fn whole(
    status: u16,
    headers: HeaderMap,
    reported: &Reported,
    body: ResponseBody,
) -> Response<ResponseBody> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    // A plugin may have set these for a body of another length.
    response.headers_mut().remove(http::header::CONTENT_LENGTH);
    response.headers_mut().remove(http::header::TRANSFER_ENCODING);
    report(response.headers_mut(), reported);
    response
}

/// An answer that is streamed.
pub(crate) fn stream(headers: HeaderMap, reported: &Reported, body: ResponseBody) -> Response<ResponseBody> {
    let mut response = Response::new(body);
    *response.headers_mut() = headers;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    report(headers, reported);
    response
}

/// An error in the envelope of a dialect.
pub(crate) fn error(codec: &dyn Codec, error: &LlmError, request_id: &str) -> HttpResponse {
    // The kind of a client that went away has no status that could be sent; nobody reads it either.
    let status = error.status();
    let mut headers = Headers::default();
    headers.set("content-type", "application/json");
    if let Some(wait) = error.retry_after {
        headers.set("retry-after", &wait.as_millis().div_ceil(1000).max(1).to_string());
    } else if is_decided(error) {
        // The SDKs of both dialects ask again else, after a 429 or a 5xx.
        headers.set("x-should-retry", "false");
    }
    HttpResponse { status, headers, body: codec.encode_error(error, request_id).into() }
}

/// Whether a plugin decided so, which it will again.
fn is_decided(error: &LlmError) -> bool {
    let is_final = error.plugin.is_some() && error.allow_fallbacks == Some(false);
    is_final && !matches!(error.kind, ErrorKind::PluginUnavailable | ErrorKind::Timeout)
}

/// Says which request is answered.
pub(crate) fn identify(headers: &mut HeaderMap, dialect: Dialect, request_id: &str) {
    if let Some(id) = header_value(request_id) {
        if dialect == Dialect::Anthropic {
            headers.insert(ANTHROPIC_REQUEST_ID, id.clone());
        }
        headers.insert(REQUEST_ID, id);
    }
}

fn report(headers: &mut HeaderMap, reported: &Reported) {
    identify(headers, reported.dialect, &reported.request_id);
    headers.insert(OVERHEAD, HeaderValue::from(u64::try_from(reported.overhead.as_micros()).unwrap_or(u64::MAX)));
    if !reported.dropped.is_empty() {
        let mut params: Vec<&str> = reported.dropped.iter().map(|dropped| dropped.param.as_str()).collect();
        params.dedup();
        let shown: String =
            params.join(", ").chars().filter(|letter| letter.is_ascii_graphic() || *letter == ' ').collect();
        if let Some(value) = header_value(&shown[..shown.len().min(1024)]) {
            headers.insert(DROPPED, value);
        }
    }
}

/// An answer outside of any LLM request.
pub(crate) fn plain(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::Plain(Some(body.into())));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

#[cfg(test)]
mod tests;
