//! One client connection.

use crate::body::ResponseBody;
use crate::route::Route;
use crate::snapshot::{Limits, Shared};
use crate::{exchange, info};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;

/// The most headers of one request; more get 431.
const MAX_HEADERS: usize = 128;

/// Serves a connection until the client closes it, or until `stop` says to finish what is under way.
pub(crate) async fn serve(shared: Arc<Shared>, stream: TcpStream, mut stop: watch::Receiver<bool>, limits: Limits) {
    // Small frames of a stream must not wait for more.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection broke before it began");
        return;
    }
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(limits.header_bytes.max(8192))
        .max_headers(MAX_HEADERS)
        .pipeline_flush(true);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Some(Duration::from_secs(30)));
    let service = service_fn(move |request| respond(shared.clone(), request));
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended with an error");
    }
}

/// Waits for the word to stop; a sender that is gone says so too.
pub(crate) async fn told(stop: &mut watch::Receiver<bool>) {
    // The guard that comes back must not live across an await.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn respond(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<ResponseBody>, Infallible> {
    let route = Route::of(request.method(), request.uri().path());
    Ok(match route {
        Route::Llm(endpoint) => {
            let (parts, body) = request.into_parts();
            exchange::serve(&shared, endpoint, parts, body).await
        }
        route => info::serve(&shared, route, request.uri().path(), request.headers()).await,
    })
}
