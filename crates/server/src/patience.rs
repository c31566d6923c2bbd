//! A connection whose client must go on reading.

use crate::snapshot::Shared;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// A connection that fails when a write waits for longer than its patience, or when its client has been behind for too
/// long: one that reads a byte now and then would keep its request for ever. A timer runs only while a write waits.
pub(crate) struct Patient {
    stream: TcpStream,
    shared: Arc<Shared>,
    /// How often something came from the client.
    heard: Arc<AtomicU64>,
    waiting: Option<Pin<Box<Sleep>>>,
    behind: Option<Behind>,
}

/// A client that takes less than there is to write.
struct Behind {
    since: Instant,
    /// How long it may be: the longest of what it might be since.
    longest: Duration,
}

// === impl Patient ===

impl Patient {
    pub(crate) fn new(stream: TcpStream, shared: Arc<Shared>) -> Self {
        Self { stream, shared, heard: Arc::default(), waiting: None, behind: None }
    }

    /// Counts up whenever something comes from the client.
    pub(crate) fn heard(&self) -> Arc<AtomicU64> {
        self.heard.clone()
    }

    fn judge(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
        wanted: usize,
    ) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(bytes)) if bytes == wanted) {
            (self.waiting, self.behind) = (None, None);
            return written;
        }
        let limits = self.shared.limits();
        let behind = self.behind.get_or_insert_with(|| Behind { since: Instant::now(), longest: Duration::ZERO });
        behind.longest = behind.longest.max(limits.longest());
        if behind.since.elapsed() > behind.longest {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads too slowly")));
        }
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let until = || Box::pin(tokio::time::sleep_until(Instant::now() + limits.patience));
        let waiting = self.waiting.get_or_insert_with(until);
        ready!(waiting.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")))
    }
}

impl AsyncRead for Patient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.heard.fetch_add(1, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, written, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.judge(cx, written, slices.iter().map(|slice| slice.len()).sum())
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
