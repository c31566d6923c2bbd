//! Bodies on their way out and in.

use super::lease::Lease;
use bytes::Bytes;
use gatewright_model::Segments;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A request's body in pieces, each a frame; its length is known.
#[derive(Debug)]
pub(crate) struct RequestBody {
    pieces: <Segments as IntoIterator>::IntoIter,
    left: u64,
}

/// A response's body. Holds its place on the connection until it is read to the end or dropped.
pub(crate) struct ResponseBody {
    incoming: Incoming,
    lease: Option<Lease>,
}

// === impl RequestBody ===

impl RequestBody {
    /// A body of these pieces.
    pub(crate) fn new(segments: Segments) -> Self {
        let left = segments.iter().map(|piece| piece.len() as u64).sum();
        Self { pieces: segments.into_iter(), left }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.pieces.find(|piece| !piece.is_empty());
        self.left -= next.as_ref().map_or(0, |piece| piece.len() as u64);
        Poll::Ready(next.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

// === impl ResponseBody ===

impl ResponseBody {
    /// The body that came over this lease.
    pub(crate) fn new(incoming: Incoming, lease: Lease) -> Self {
        let mut body = Self { incoming, lease: Some(lease) };
        body.release_at_end();
        body
    }

    /// Lets the connection serve others as soon as nothing more can come. A body with a known length is complete with
    /// its last piece, without being polled again.
    fn release_at_end(&mut self) {
        if self.incoming.is_end_stream()
            && let Some(lease) = self.lease.take()
        {
            lease.release();
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { incoming, lease } = &mut *self;
        let polled = match lease {
            Some(lease) => lease.poll_frame(context, incoming),
            // What the connection has handed over already.
            None => Pin::new(incoming).poll_frame(context),
        };
        match &polled {
            Poll::Ready(Some(Ok(_))) => self.release_at_end(),
            Poll::Ready(Some(Err(_))) => self.lease = None,
            Poll::Ready(None) => {
                if let Some(lease) = self.lease.take() {
                    lease.release();
                }
            }
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
