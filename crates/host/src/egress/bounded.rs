//! Connections that count: each has a place of the plugin that it was opened for, from its first moment to its last.

use super::{MAX_CONNECTIONS, MAX_KEPT};
use gatewright_plugin::services::BoxFuture;
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use std::error::Error as StdError;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_service::Service;

/// How long it may take until a connection is there, with looking its name up and with TLS: who asked for it may have got
/// another one, and nobody waits for it any more.
const OPENING: Duration = Duration::from_secs(30);

tokio::task_local! {
    /// Places for connections, of the plugin whose request it is; `None` if nobody counts.
    pub(super) static CONNECTIONS: Option<Places>;
}

/// Places for the connections of one plugin.
#[derive(Clone)]
pub(super) struct Places {
    /// For those that are kept for later requests.
    pub(super) kept: Arc<Semaphore>,
    /// For those that end with the request that they were opened for.
    pub(super) brief: Arc<Semaphore>,
}

/// Opens connections, as many as there are places: one to be kept fails if there is none, another waits for it.
#[derive(Clone)]
pub(super) struct Bounded<C> {
    pub(super) connector: C,
    /// Whether they are kept.
    pub(super) kept: bool,
}

/// A connection, and its place.
pub(super) struct Placed<T> {
    stream: T,
    _place: Option<OwnedSemaphorePermit>,
}

/// As many connections are kept as may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a plugin keeps at most {MAX_KEPT} connections, and this one has so many")]
pub(super) struct NoneKept;

/// There was no connection for long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no connection after {} s", OPENING.as_secs())]
struct Late;

// === impl Places ===

impl Places {
    pub(super) fn new() -> Self {
        let places = |most| Arc::new(Semaphore::new(most));
        Self { kept: places(MAX_KEPT), brief: places(MAX_CONNECTIONS - MAX_KEPT) }
    }
}

// === impl NoneKept ===

impl NoneKept {
    /// Whether it is what a request failed with.
    pub(super) fn is_why(error: &(dyn StdError + 'static)) -> bool {
        std::iter::successors(Some(error), |error| (*error).source()).any(|cause| cause.is::<Self>())
    }
}

// === impl Bounded ===

impl<C> Service<Uri> for Bounded<C>
where
    C: Service<Uri>,
    C::Response: Send + 'static,
    C::Error: Into<Box<dyn StdError + Send + Sync>>,
    C::Future: Send + 'static,
{
    type Response = Placed<C::Response>;
    type Error = Box<dyn StdError + Send + Sync>;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.connector.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let places = CONNECTIONS.try_with(Clone::clone).ok().flatten();
        let (kept, opening) = (self.kept, self.connector.call(to));
        Box::pin(async move {
            let place = match places {
                None => None,
                Some(places) if kept => Some(places.kept.try_acquire_owned().map_err(|_| NoneKept)?),
                // The connection of a request that has just ended may have it for a moment yet.
                Some(places) => places.brief.acquire_owned().await.ok(),
            };
            let stream = tokio::time::timeout(OPENING, opening).await.map_err(|_| Late)?.map_err(Into::into)?;
            Ok(Placed { stream, _place: place })
        })
    }
}

// === impl Placed ===

impl<T: Unpin> Placed<T> {
    fn stream(self: Pin<&mut Self>) -> Pin<&mut T> {
        Pin::new(&mut self.get_mut().stream)
    }
}

impl<T: Connection> Connection for Placed<T> {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

impl<T: Read + Unpin> Read for Placed<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_read(cx, buffer)
    }
}

impl<T: Write + Unpin> Write for Placed<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    /// Takes leave once: a host that reads no more would keep the place for as long as it likes.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.stream().poll_shutdown(cx) {
            Poll::Ready(ended) => Poll::Ready(ended),
            Poll::Pending => Poll::Ready(Ok(())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(cx, pieces)
    }
}

#[cfg(test)]
mod tests;
