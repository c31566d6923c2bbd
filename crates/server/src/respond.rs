//! The heads of answers.

use crate::body::ResponseBody;
use gatewright_model::{Codec, Dialect, Dropped, Headers, HttpResponse, LlmError};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use std::time::Duration;
use uuid::Uuid;

/// The request's id, in and out.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

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

/// The client's `x-request-id`, if it is of 1 to 128 visible ASCII characters; else one made here.
pub(crate) fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    match given.filter(|id| !id.is_empty() && id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_graphic())) {
        Some(id) => id.to_owned(),
        None => Uuid::now_v7().to_string(),
    }
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
        headers.set("retry-after", &wait.as_secs().max(1).to_string());
    }
    HttpResponse { status, headers, body: codec.encode_error(error, request_id) }
}

pub(crate) fn header_value(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(text).ok()
}

fn report(headers: &mut HeaderMap, reported: &Reported) {
    if let Some(id) = header_value(&reported.request_id) {
        if reported.dialect == Dialect::Anthropic {
            headers.insert(ANTHROPIC_REQUEST_ID, id.clone());
        }
        headers.insert(REQUEST_ID, id);
    }
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
