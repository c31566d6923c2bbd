//! The client for requests to providers: one origin each, and connections that stay with their worker thread.
//!
//! Gatewright runs one single-threaded runtime a worker. A connection that is used from another thread than its own
//! costs wake-ups between threads on each request, so every thread has a [`Pool`] to itself; the pools belong to the
//! [`HttpClient`] and close their connections with it. A connection is a task of the runtime it was made on: when
//! that ends, its connections are closed and are passed over, so a pool never serves what its runtime has left.

mod body;
mod connector;
mod dial;
mod endpoint;
mod error;
mod lease;
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
use std::thread::ThreadId;

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

    /// Sends a POST and answers with the head of the response. Must run inside a runtime. A request that a pooled
    /// connection gave back unsent, since it had just been closed, goes out again on another one; nothing else is
    /// retried here. Dropping the future, or the body before its end, cancels the request: an HTTP/1 connection is
    /// closed, an HTTP/2 stream is reset.
    pub(crate) async fn post(
        &self,
        endpoint: &Endpoint,
        headers: HeaderMap,
        body: Segments,
    ) -> Result<Response<ResponseBody>, TransportError> {
        let pool = self.pool();
        let mut request = endpoint.post(headers, RequestBody::new(body));
        loop {
            let (mut lease, reused) = match pool.take() {
                Some(lease) => (lease, true),
                None => (pool.connect().await?, false),
            };
            endpoint.address(&mut request, lease.is_http2());
            match lease.send(request).await {
                Ok(response) => return Ok(response.map(|incoming| ResponseBody::new(incoming, lease))),
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) if reused => request = unsent,
                    _ => return Err(TransportError::broken(failed.error())),
                },
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
