//! One client connection.

use crate::body::ResponseBody;
use crate::patience::Patient;
use crate::route::Route;
use crate::snapshot::Shared;
use crate::stop::{Stop, Stopped};
use crate::streams::Streams;
use crate::{exchange, info, intake};
use gatewright_model::{ErrorKind, LlmError};
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, Version};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;

/// The most headers of one request; more get 431.
const MAX_HEADERS: usize = 128;

/// What an HTTP/2 connection begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Serves a connection until the client closes it, or until `stop` says to finish what is under way. What its requests
/// do besides, and leave behind, is counted in `own`, of its worker.
pub(crate) async fn serve(shared: Arc<Shared>, stream: TcpStream, stop: Stopped, own: TaskTracker) {
    let (all, tasks) = (shared.clone(), own.clone());
    let service = service_fn(move |request| respond(all.clone(), own.clone(), request));
    converse(shared, stream, service, stop, tasks).await;
}

/// Serves a connection that comes while the gateway drains: it answers for itself, and takes no requests.
pub(crate) async fn turn_away(shared: Arc<Shared>, stream: TcpStream, stop: Stopped) {
    let (all, longest) = (shared.clone(), shared.limits().header_timeout);
    let service = service_fn(move |request| refuse(all.clone(), request));
    // The drain waits for the tasks of requests, and for nobody here.
    let talk = converse(shared, stream, service, stop, TaskTracker::new());
    // Nothing here takes long, so nobody keeps a place from others.
    if tokio::time::timeout(longest, talk).await.is_err() {
        tracing::debug!("a connection that came while draining took too long");
    }
}

async fn converse<S>(shared: Arc<Shared>, stream: TcpStream, service: S, mut stop: Stopped, tasks: TaskTracker)
where
    S: Service<Request<Incoming>, Response = Response<ResponseBody>, Error = Infallible>,
    S::Future: Send + 'static,
{
    // Small frames of a stream must not wait for more.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection broke before it began");
        return;
    }
    let is_http2 = tokio::select! {
        spoken = tokio::time::timeout(shared.limits().header_timeout, speaks_http2(&stream)) => spoken,
        // What was said before is answered.
        () = stop.told(Stop::Finish) => tokio::time::timeout(LAST_WORDS, speaks_http2(&stream)).await,
    };
    let Ok(Ok(is_http2)) = is_http2 else { return };
    let ended = match is_http2 {
        true => serve_http2(shared, stream, service, stop, tasks).await,
        false => serve_http1(shared, stream, service, stop).await,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended with an error");
    }
}

/// How long a connection that has said nothing yet is listened to once the gateway stops.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// The longest pause between two looks at how a client begins.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Whether the client begins as HTTP/2 does. Looks without taking, and waits only while it cannot be told yet.
async fn speaks_http2(stream: &TcpStream) -> std::io::Result<bool> {
    let (mut begin, mut pause) = ([0; PREFACE.len()], Duration::from_millis(5));
    loop {
        let seen = stream.peek(&mut begin).await?;
        if seen == 0 || !PREFACE.starts_with(&begin[..seen]) {
            return Ok(false);
        }
        if seen == PREFACE.len() {
            return Ok(true);
        }
        // What is there already would wake at once. Who writes half of it and no more is looked at ever more seldom.
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn serve_http1<S>(shared: Arc<Shared>, stream: TcpStream, service: S, mut stop: Stopped) -> hyper::Result<()>
where
    S: Service<Request<Incoming>, Response = Response<ResponseBody>, Error = Infallible>,
{
    let (mut builder, limits) = (http1::Builder::new(), shared.limits());
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_headers(MAX_HEADERS)
        .max_buf_size(limits.header_bytes.max(8192));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(Patient::new(stream, shared)), service));
    tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = stop.told(Stop::Finish) => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                () = stop.told(Stop::Abort) => Ok(()),
            }
        }
    }
}

async fn serve_http2<S>(
    shared: Arc<Shared>,
    stream: TcpStream,
    service: S,
    mut stop: Stopped,
    tasks: TaskTracker,
) -> hyper::Result<()>
where
    S: Service<Request<Incoming>, Response = Response<ResponseBody>, Error = Infallible>,
    S::Future: Send + 'static,
{
    let streams = Streams::new(shared.clone(), tasks);
    let mut builder = http2::Builder::new(streams.clone());
    let header_bytes = u32::try_from(shared.limits().header_bytes).unwrap_or(u32::MAX);
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .max_header_list_size(header_bytes);
    let stream = Patient::new(stream, shared);
    let heard = stream.heard();
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = stop.told(Stop::Finish) => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                () = streams.are_over(&heard) => Ok(()),
                () = stop.told(Stop::Abort) => Ok(()),
            }
        }
    }
}

async fn respond(
    shared: Arc<Shared>,
    own: TaskTracker,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Infallible> {
    let route = Route::of(request.method(), request.uri().path());
    Ok(match route {
        Route::Llm(endpoint) => {
            let (parts, body) = request.into_parts();
            exchange::serve(&shared, &own, endpoint, parts, body).await
        }
        route => {
            let (parts, body) = request.into_parts();
            intake::discard(body);
            info::serve(&shared, &own, route, &parts).await
        }
    })
}

/// Answers a request that comes while the gateway drains.
async fn refuse(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<ResponseBody>, Infallible> {
    let route = Route::of(request.method(), request.uri().path());
    let (parts, body) = request.into_parts();
    intake::discard(body);
    let path = parts.uri.path();
    let mut response = match route {
        Route::Llm(_) | Route::Models(_) => info::refuse(path, &parts.headers, draining()),
        route => info::serve(&shared, &shared.tasks, route, &parts).await,
    };
    // HTTP/2 has no such header.
    if parts.version < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// Another instance can answer at once, so the wait is the shortest that the header can say.
fn draining() -> LlmError {
    let error = LlmError::new(ErrorKind::Overloaded, "the gateway is about to stop; ask again").with_code("draining");
    LlmError { retry_after: Some(Duration::from_secs(1)), ..error }
}

#[cfg(test)]
mod tests;
