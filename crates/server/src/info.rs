//! What the gateway says of itself: health, models, metrics.

use crate::body::ResponseBody;
use crate::respond::plain;
use crate::route::Route;
use crate::snapshot::Shared;
use crate::{request_id, respond, transport};
use gatewright_model::{Codec, Dialect, ErrorKind, LlmError};
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value as Json, json};
use tokio_util::task::TaskTracker;

const JSON: &str = "application/json";

/// Answers what is no LLM request.
pub(crate) async fn serve(shared: &Shared, own: &TaskTracker, route: Route, parts: &Parts) -> Response<ResponseBody> {
    let (path, headers) = (parts.uri.path(), &parts.headers);
    match route {
        Route::Live => plain(StatusCode::OK, JSON, json!({"status": "ok"}).to_string()),
        Route::Ready => ready(shared),
        Route::Metrics => match &shared.snapshot().metrics {
            Some(metrics) => {
                let metrics = metrics.clone();
                // With many series it takes milliseconds, which requests of this worker would wait for.
                let rendered = tokio::task::spawn_blocking(move || metrics.render()).await.unwrap_or_default();
                plain(StatusCode::OK, gatewright_telemetry::CONTENT_TYPE, rendered)
            }
            None => refuse(path, headers, LlmError::new(ErrorKind::NotFound, "the telemetry plugin is off")),
        },
        Route::Models(dialect) => {
            // Both dialects ask at the same path; only Anthropic's clients name the version they speak.
            let anthropic = headers.contains_key("anthropic-version");
            models(shared, own, if anthropic { Dialect::Anthropic } else { dialect }, parts).await
        }
        Route::WrongMethod(method) => {
            let message = format!("{path} is asked with {method}");
            let error = LlmError::new(ErrorKind::InvalidRequest, message).with_status(405);
            let mut response = refuse(path, headers, error);
            response.headers_mut().insert(http::header::ALLOW, http::HeaderValue::from_static(method));
            response
        }
        Route::Unknown | Route::Llm(_) => {
            let shown: String = path.chars().take(200).collect();
            let message = format!("no endpoint {shown}: see /v1/chat/completions, /v1/messages, /v1/models");
            refuse(path, headers, LlmError::new(ErrorKind::NotFound, message))
        }
    }
}

fn ready(shared: &Shared) -> Response<ResponseBody> {
    let readiness = shared.readiness();
    let (status, word) = match readiness.ready {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    };
    let body = json!({"status": word, "pending": readiness.pending, "active_requests": shared.active_requests()});
    plain(status, JSON, body.to_string())
}

async fn models(shared: &Shared, own: &TaskTracker, dialect: Dialect, parts: &Parts) -> Response<ResponseBody> {
    let snapshot = shared.snapshot();
    if let Err(error) = transport::admit(shared, own, &snapshot, parts).await {
        return refuse(parts.uri.path(), &parts.headers, error);
    }
    let mut listed = Vec::new();
    for provider in snapshot.engine.routing.providers() {
        listed.extend(provider.models().into_iter().map(|model| (provider.name().to_owned(), model)));
    }
    let one = |(provider, model): &(String, String)| match dialect {
        Dialect::Anthropic => json!({
            "type": "model", "id": format!("{provider}/{model}"), "display_name": model, "created_at": "1970-01-01T00:00:00Z"
        }),
        _ => json!({"id": format!("{provider}/{model}"), "object": "model", "created": 0, "owned_by": provider}),
    };
    let data: Vec<Json> = listed.iter().map(one).collect();
    let id = |entry: Option<&Json>| entry.map_or(Json::Null, |entry| entry["id"].clone());
    let body = match dialect {
        Dialect::Anthropic => {
            json!({"data": data, "has_more": false, "first_id": id(data.first()), "last_id": id(data.last())})
        }
        _ => json!({"object": "list", "data": data}),
    };
    plain(StatusCode::OK, JSON, body.to_string())
}

/// An error outside of any LLM request, in the envelope that fits the path.
pub(crate) fn refuse(path: &str, headers: &HeaderMap, error: LlmError) -> Response<ResponseBody> {
    let codec: &dyn Codec = Route::codec_of(path);
    let request_id = request_id::request_id(headers);
    let answer = respond::error(codec, &error, &request_id);
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = plain(status, JSON, answer.body.into_bytes());
    *response.headers_mut() = answer.headers.into_map();
    respond::identify(response.headers_mut(), codec.dialect(), &request_id);
    response
}
