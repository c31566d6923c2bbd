//! From a request to its answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use crate::paced::PacedBody;
use crate::request::Wish;
use crate::settings::Shared;
use crate::{anthropic, openai};

type Answer = Response<Either<Full<Bytes>, PacedBody>>;

const MODELS: &str =
    r#"{"object":"list","data":[{"id":"gpt-4o-mini","object":"model","created":1735689600,"owned_by":"bench"}]}"#;

#[derive(Debug, Clone, Copy)]
enum Dialect {
    OpenAi,
    Anthropic,
}

/// Answers one request; an error is a connection that broke while the request was read.
pub(crate) async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> hyper::Result<Answer> {
    let dialect = match (request.method(), request.uri().path()) {
        (&Method::POST, "/v1/chat/completions") => Dialect::OpenAi,
        (&Method::POST, "/v1/messages") => Dialect::Anthropic,
        (&Method::POST, "/settings") => return Ok(change(&shared, request.uri().query())),
        (&Method::GET, "/health") => return Ok(json(StatusCode::OK, r#"{"status":"ok"}"#)),
        (&Method::GET, "/v1/models") => return Ok(json(StatusCode::OK, MODELS)),
        _ => return Ok(json(StatusCode::NOT_FOUND, r#"{"error":{"message":"no such path"}}"#)),
    };
    let settings = shared.get().with_query(request.uri().query().unwrap_or_default());
    // To its end, whatever it asks for: a connection with half a body in it could not be used again.
    let body = request.into_body().collect().await?.to_bytes();
    let Ok(settings) = settings else { return Ok(bad_query()) };
    let wish = Wish::of(&body);
    if !wish.stream {
        return Ok(json(
            StatusCode::OK,
            match dialect {
                Dialect::OpenAi => openai::COMPLETION,
                Dialect::Anthropic => anthropic::MESSAGE,
            },
        ));
    }
    let script = match dialect {
        Dialect::OpenAi => openai::stream(settings.chunks, wish.include_usage),
        Dialect::Anthropic => anthropic::stream(settings.chunks),
    };
    let body = PacedBody::new(script, Duration::from_millis(settings.pace_ms.into()));
    Ok(with_type(StatusCode::OK, "text/event-stream", Either::Right(body)))
}

fn change(shared: &Shared, query: Option<&str>) -> Answer {
    match shared.get().with_query(query.unwrap_or_default()) {
        Ok(settings) => {
            shared.set(settings);
            json(StatusCode::OK, "{}")
        }
        Err(_) => bad_query(),
    }
}

fn bad_query() -> Answer {
    json(StatusCode::BAD_REQUEST, r#"{"error":{"message":"only chunks=N and pace_ms=N, within their limits"}}"#)
}

fn json(status: StatusCode, body: &'static str) -> Answer {
    with_type(status, "application/json", Either::Left(Full::new(Bytes::from_static(body.as_bytes()))))
}

fn with_type(status: StatusCode, content_type: &'static str, body: Either<Full<Bytes>, PacedBody>) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
