//! The client for requests to providers: one origin each, and connections that stay with their worker thread.
//!
//! Gatewright runs one single-threaded runtime a worker. A connection that is used from another thread than its own
//! costs wake-ups between threads on each request, so every thread has a [`Pool`] to itself; the pools belong to the
//! [`HttpClient`] and close their connections with it. A connection belongs to the runtime it was made on: when that
//! ends, its connections are closed and are passed over, so a pool never serves what its runtime has left.

mod body;
mod connector;
mod dial;
mod endpoint;
mod error;
mod lease;
mod link;
mod pool;
mod tls;

pub(crate) use body::{RequestBody, ResponseBody};
pub(crate) use connector::Connector;
pub use endpoint::UrlError;
pub(crate) use endpoint::{BaseUrl, Endpoint};
pub(crate) use error::TransportError;
pub use tls::TlsError;

use crate::NetworkSettings;
use arc_swap::ArcSwap;
use gatewright_model::Segments;
use http::{HeaderMap, Response};
use pool::Pool;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ThreadId;
use std::time::Duration;
use tokio::time::Instant;

/// How soon a request on a closed connection is known to be lost: the time to the provider and back, amply.
const LOST_AT_ONCE: Duration = Duration::from_secs(1);

/// How many connections in a row may give a request back.
const MOST_UNSENT: usize = 16;

/// Sends requests to one origin.
pub(crate) struct HttpClient {
    connector: Arc<Connector>,
    pools: ArcSwap<Vec<(ThreadId, Arc<Pool>)>>,
}

// === impl HttpClient ===

impl HttpClient {
    /// A client for the origin of `base`. Opens nothing yet.
    pub(crate) fn new(base: &BaseUrl, settings: &NetworkSettings) -> Result<Self, TlsError> {
        let connector = Arc::new(Connector::new(base, settings)?);
        Ok(Self { connector, pools: ArcSwap::default() })
    }

    /// Sends a POST and answers with the head of the response. Must run inside a runtime.
    ///
    /// A connection that was free may have been closed by the other side just as the request set out. So a request
    /// that a used connection gave back unsent, or lost at once and without a byte of an answer, is sent once more, on
    /// another connection. Nothing else is tried again here.
    ///
    /// Dropping the future, or the body before its end, cancels the request: an HTTP/1 connection is closed, an HTTP/2
    /// stream is reset. `sent` then says whether the provider may have got it.
    pub(crate) async fn post(
        &self,
        endpoint: &Endpoint,
        headers: impl Fn() -> HeaderMap,
        body: &Segments,
        sent: &AtomicBool,
    ) -> Result<Response<ResponseBody>, TransportError> {
        let pool = self.pool();
        let begun = Instant::now();
        let mut again = true;
        let mut unsent = 0;
        loop {
            let (mut lease, reused) = match pool.take() {
                Some(lease) => (lease, true),
                None => (pool.connect().await?, false),
            };
            let request = endpoint.post(lease.is_http2(), headers(), RequestBody::new(body.clone()));
            sent.store(true, Ordering::Relaxed);
            let error = match lease.send(request).await {
                Ok(response) => return Ok(response.map(|incoming| ResponseBody::new(incoming, lease))),
                Err(mut failed) => match failed.take_message() {
                    Some(_) if reused && unsent < MOST_UNSENT => {
                        unsent += 1;
                        sent.store(false, Ordering::Relaxed);
                        continue;
                    }
                    _ => TransportError::broken(failed.error()),
                },
            };
            let lost = matches!(error, TransportError::Broken(_)) && begun.elapsed() < LOST_AT_ONCE;
            if !(reused && lost && std::mem::take(&mut again)) {
                return Err(error);
            }
        }
    }

    /// This thread's pool.
    fn pool(&self) -> Arc<Pool> {
        let thread = std::thread::current().id();
        let pools = self.pools.load();
        if let Some((_, pool)) = pools.iter().find(|(of, _)| *of == thread) {
            return Arc::clone(pool);
        }
        let pool = Arc::new(Pool::new(Arc::clone(&self.connector)));
        self.pools.rcu(|pools| {
            let used = pools.iter().filter(|(_, pool)| !pool.is_unused()).cloned();
            used.chain([(thread, Arc::clone(&pool))]).collect::<Vec<_>>()
        });
        pool
    }
}
