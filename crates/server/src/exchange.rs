//! The way of one LLM request over HTTP: the same for every endpoint, dialect and provider.

use crate::body::ResponseBody;
use crate::intake;
use crate::open::Open;
use crate::request_id;
use crate::respond::{self, Reported};
use crate::route::Endpoint;
use crate::snapshot::{Shared, Snapshot};
use crate::stream::{Chunks, Tapped};
use crate::transport::{self, Entered};
use bytes::Bytes;
use gatewright_engine::{Answered, LlmCall, Reply};
use gatewright_model::{Dropped, ErrorKind, HttpRequest, HttpResponse, LlmError, Request};
use gatewright_plugin::Hook;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Response};
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::Instant;
use tokio_util::task::TaskTracker;

/// Headers of the client that go along to the provider.
const FORWARDED: [HeaderName; 2] =
    [HeaderName::from_static("traceparent"), HeaderName::from_static("anthropic-version")];

/// The same, of those that are lists: they may come in several lines.
const FORWARDED_LISTS: [HeaderName; 3] = [
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("anthropic-beta"),
    HeaderName::from_static("openai-beta"),
];

/// What a request is answered with.
enum Answer {
    /// By the engine.
    Llm(Answered),
    /// By a plugin, before it was read.
    Http(HttpResponse),
}

/// Serves one LLM request.
pub(crate) async fn serve(
    shared: &Arc<Shared>,
    own: &TaskTracker,
    endpoint: &'static Endpoint,
    parts: Parts,
    body: Incoming,
) -> Response<ResponseBody> {
    let started = Instant::now();
    let snapshot = shared.snapshot();
    let mut open = Open::new(shared, own, &snapshot, endpoint, &parts.headers, started);
    let mut http = None;
    let answered = open.answer(&snapshot, parts, body, &mut http).await;
    let waited = open.life.request().progress.waited;
    let overhead = started.elapsed().saturating_sub(waited);
    open.life.request().progress.overhead = overhead;
    let dialect = endpoint.codec.dialect();
    let reported = Reported { dialect, request_id: open.request_id.clone(), overhead, dropped: Vec::new() };
    match answered {
        Ok(Answer::Http(response)) => open.whole(response, http, reported).await,
        Ok(Answer::Llm(answered)) => open.reply(answered, http, reported).await,
        Err(error) => open.refuse(error, http, reported).await,
    }
}

// === impl Open ===

impl Open {
    async fn answer(
        &mut self,
        snapshot: &Snapshot,
        parts: Parts,
        body: Incoming,
        http: &mut Option<Arc<HttpRequest>>,
    ) -> Result<Answer, LlmError> {
        let hooked = transport::is_hooked(&self.life.request().exchange);
        if !hooked && let Err(error) = transport::authenticate(&mut self.life, snapshot.keys.as_ref(), &parts.headers) {
            // Nobody's body takes up no room.
            intake::discard(body);
            return Err(error);
        }
        let mut place = self.shared.admission.enter(snapshot.limits.concurrent_requests);
        let reading = Instant::now();
        let read = match &mut place {
            Ok(place) => {
                let deadline = reading + snapshot.limits.request_timeout;
                intake::read(body, &snapshot.limits, place, deadline).await
            }
            Err(error) => {
                intake::discard(body);
                Err(error.clone())
            }
        };
        if let Ok(place) = place {
            self.life.hold(place);
        }
        self.life.request().progress.waited += reading.elapsed();
        let body = read?;
        let (headers, body) = match hooked {
            false => (parts.headers, body),
            true => {
                let entered = transport::enter(&mut self.life, snapshot.keys.as_ref(), parts, body, http).await?;
                match entered {
                    Entered::Passed { headers, body } => (headers, body),
                    Entered::Answered(response) => return Ok(Answer::Http(response)),
                }
            }
        };
        let call = self.read(&headers, body)?;
        Ok(Answer::Llm(snapshot.engine.run(&mut self.life, call).await?))
    }

    /// Reads the head of the request; the rest only if somebody looks.
    fn read(&mut self, headers: &HeaderMap, body: Bytes) -> Result<LlmCall, LlmError> {
        let request = Request::from_wire(self.endpoint.kind, self.endpoint.codec, body)?;
        self.include_usage = request.wire().is_none_or(|wire| wire.head().include_usage);
        let open = self.life.request();
        open.progress.model.clone_from(&request.model);
        let facts = open.exchange.facts_mut();
        facts.model.clone_from(&request.model);
        facts.stream = request.stream();
        let mut forwarded = HeaderMap::new();
        for name in FORWARDED {
            if let Some(value) = headers.get(&name) {
                forwarded.insert(name, value.clone());
            }
        }
        for name in FORWARDED_LISTS {
            for value in headers.get_all(&name) {
                forwarded.append(name.clone(), value.clone());
            }
        }
        if let Some(id) = request_id::header_value(&self.request_id) {
            forwarded.insert(request_id::REQUEST_ID, id);
        }
        let needs_events = open.exchange.has(Hook::HttpStreamChunk);
        Ok(LlmCall { request, headers: forwarded, dialect: Some(self.endpoint.codec.dialect()), needs_events })
    }

    /// Answers with what the engine has.
    async fn reply(
        mut self,
        answered: Answered,
        http: Option<Arc<HttpRequest>>,
        mut reported: Reported,
    ) -> Response<ResponseBody> {
        let Answered { reply, headers, dropped } = answered;
        reported.dropped = dropped;
        match reply {
            Reply::Whole(response) => match self.endpoint.codec.encode_response(&response) {
                Ok(encoded) => {
                    reported.dropped.extend(encoded.dropped);
                    let mut response = HttpResponse::new(200, encoded.body);
                    *response.headers.as_map_mut() = headers;
                    response.headers.set("content-type", "application/json");
                    self.whole(response, http, reported).await
                }
                Err(error) => {
                    let error = format!("the provider's answer cannot be carried over: {error}");
                    self.refuse(LlmError::new(ErrorKind::Upstream, error), http, reported).await
                }
            },
            Reply::Bytes(tap) => {
                log_dropped(&self.request_id, &reported.dropped);
                let body = ResponseBody::Tapped(Box::new(Tapped::new(tap, self)));
                respond::stream(headers, &reported, body)
            }
            Reply::Chunks(mut driver) => match driver.next(&mut self.life).await {
                Some(Err(error)) => self.refuse(error, http, reported).await,
                first => {
                    log_dropped(&self.request_id, &reported.dropped);
                    let first = first.and_then(Result::ok);
                    let body = ResponseBody::Chunks(Chunks::new(self, driver, first, http));
                    respond::stream(headers, &reported, body)
                }
            },
        }
    }

    /// Answers whole, after the `http_response` hooks.
    async fn whole(
        mut self,
        response: HttpResponse,
        http: Option<Arc<HttpRequest>>,
        reported: Reported,
    ) -> Response<ResponseBody> {
        log_dropped(&self.request_id, &reported.dropped);
        match transport::leave(&mut self.life, response, http).await {
            Ok(response) => {
                self.status = response.status;
                self.answer_with(response, &reported)
            }
            Err(error) => self.refuse(error, None, reported).await,
        }
    }

    /// Answers with an error, in the envelope of the client's dialect.
    async fn refuse(
        mut self,
        error: LlmError,
        http: Option<Arc<HttpRequest>>,
        reported: Reported,
    ) -> Response<ResponseBody> {
        self.life.fail(&error);
        let response = respond::error(self.endpoint.codec, &error, &self.request_id);
        let response = match http {
            None => response,
            // What a hook does to an error's answer is kept; a second error is not told of.
            Some(http) => match transport::leave(&mut self.life, response, Some(http)).await {
                Ok(response) => response,
                Err(error) => respond::error(self.endpoint.codec, &error, &self.request_id),
            },
        };
        self.status = response.status;
        self.answer_with(response, &reported)
    }

    fn answer_with(self, response: HttpResponse, reported: &Reported) -> Response<ResponseBody> {
        let (status, headers, bytes) = (response.status, response.headers.into_map(), response.body.into_bytes());
        let body = match bytes.is_empty() || matches!(status, 204 | 304) {
            // A body without a byte is never asked for, so the client has all of it now.
            true => {
                self.finish();
                ResponseBody::Plain(None)
            }
            false => ResponseBody::Whole(Some(bytes), Some(self)),
        };
        respond::whole(status, headers, reported, body)
    }
}

fn log_dropped(request_id: &str, dropped: &[Dropped]) {
    if !dropped.is_empty() {
        let params: Vec<&str> = dropped.iter().map(|dropped| dropped.param.as_str()).collect();
        tracing::info!(%request_id, ?params, "what the provider's dialect cannot say was left out");
    }
}
