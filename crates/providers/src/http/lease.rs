//! A request's place on a connection.

use super::RequestBody;
use super::link::Link;
use super::pool::Pool;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};

/// The right to send one request over a connection. Held until the response's body is read or dropped.
///
/// An HTTP/1 lease has the connection to itself: [`Lease::release`] gives it back, and dropping it closes the
/// connection. An HTTP/2 lease counts against its connection's load.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    via: Via,
}

enum Via {
    Http1 { sender: http1::SendRequest<RequestBody>, link: Link },
    Http2 { sender: http2::SendRequest<RequestBody>, _in_flight: InFlight },
}

/// How busy an HTTP/2 connection is.
#[derive(Debug, Default)]
pub(super) struct Load {
    in_flight: AtomicUsize,
    /// The pool's epoch at which it last carried a request.
    last_used: AtomicU64,
}

/// Counts one request of a connection's load.
struct InFlight(Arc<Load>);

// === impl Lease ===

impl Lease {
    pub(super) fn http1(pool: Arc<Pool>, sender: http1::SendRequest<RequestBody>, link: Link) -> Self {
        Self { pool, via: Via::Http1 { sender, link } }
    }

    pub(super) fn http2(pool: Arc<Pool>, sender: http2::SendRequest<RequestBody>, load: &Arc<Load>) -> Self {
        load.in_flight.fetch_add(1, Ordering::Relaxed);
        Self { pool, via: Via::Http2 { sender, _in_flight: InFlight(Arc::clone(load)) } }
    }

    pub(crate) fn is_http2(&self) -> bool {
        matches!(self.via, Via::Http2 { .. })
    }

    /// Sends the request and waits for the head of its response. A request that never left is given back.
    pub(crate) async fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, TrySendError<Request<RequestBody>>> {
        match &mut self.via {
            Via::Http1 { sender, link } => {
                link.take_up();
                let mut sent = pin!(sender.try_send_request(request));
                poll_fn(|context| link.poll(context, |context| sent.as_mut().poll(context))).await
            }
            Via::Http2 { sender, .. } => sender.try_send_request(request).await,
        }
    }

    /// The next frame of the response that came over this lease.
    pub(super) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
        incoming: &mut Incoming,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        match &mut self.via {
            Via::Http1 { link, .. } => link.poll(context, |context| Pin::new(&mut *incoming).poll_frame(context)),
            Via::Http2 { .. } => Pin::new(incoming).poll_frame(context),
        }
    }

    /// The response is complete: others may have the place.
    pub(crate) fn release(self) {
        if let Via::Http1 { sender, link } = self.via {
            self.pool.put(sender, link);
        }
    }
}

// === impl Load ===

impl Load {
    /// Requests that it carries now.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Notes that the pool is in this epoch, and answers when it last carried a request.
    pub(super) fn seen(&self, epoch: u64) -> u64 {
        if self.in_flight() > 0 {
            self.last_used.store(epoch, Ordering::Relaxed);
        }
        self.last_used.load(Ordering::Relaxed)
    }

    pub(super) fn used(&self, epoch: u64) {
        self.last_used.store(epoch, Ordering::Relaxed);
    }
}

// === impl InFlight ===

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
