//! The connections that a plugin's process opens to the gateway.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most that are open at once; others wait, with the system, until one is closed.
const MOST: usize = 8;

/// How long it takes until the next one is accepted after one could not be: mostly for want of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// An open connection, and its place.
pub(crate) struct Connection {
    stream: UnixStream,
    _place: Option<OwnedSemaphorePermit>,
}

/// Those to a socket.
pub(crate) struct Connections {
    listener: UnixListener,
    places: Arc<Semaphore>,
}

/// Does it until it succeeds.
async fn persistently<T, F: Future<Output = io::Result<T>>>(attempt: impl Fn() -> F) -> T {
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(error) => tracing::debug!(%error, "a connection of a plugin's process is not accepted"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

// === impl Connections ===

impl Connections {
    pub(crate) fn to(listener: UnixListener) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(MOST)) }
    }

    /// The next one, once there is a place for it.
    pub(crate) async fn next(&self) -> Connection {
        // They are never closed.
        let place = self.places.clone().acquire_owned().await.ok();
        let (stream, _) = persistently(|| self.listener.accept()).await;
        Connection { stream, _place: place }
    }
}

// === impl Connection ===

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
