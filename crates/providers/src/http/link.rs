//! An HTTP/1 connection that is moved along by whoever uses it.
//!
//! A task of its own for each connection costs two turns of the scheduler for each chunk of a stream: one to read it,
//! and one to see that it was taken. So there is none. While a request has the connection, the request's own task moves
//! it, whenever it asks for more of its answer; a client that does not read thus stops the upstream, too. While it is
//! free, its pool looks after it.

use super::RequestBody;
use futures_util::task::AtomicWaker;
use hyper::client::conn::http1;
use hyper_rustls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

/// What a connection reads from and writes to.
pub(super) type Io = MaybeHttpsStream<TokioIo<TcpStream>>;

/// How often a connection is moved again for what it told itself meanwhile, before others have their turn.
const ROUNDS: usize = 8;

/// How long the other side may take to let a connection be closed.
const FAREWELL: Duration = Duration::from_secs(1);

/// An HTTP/1 connection without a task. Dropping it closes it.
pub(super) struct Link {
    /// `None` once it is closed.
    connection: Option<Box<Open>>,
    bell: Arc<Bell>,
    /// Rings the bell.
    waker: Waker,
}

struct Open {
    connection: http1::Connection<Io, RequestBody>,
    _room: OwnedSemaphorePermit,
}

/// Where wake-ups arrive. What rings while its owner is at work is not passed on: the owner looks by itself.
pub(super) struct Bell {
    rung: AtomicBool,
    at_work: AtomicBool,
    owner: AtomicWaker,
}

// === impl Link ===

impl Link {
    pub(super) fn new(connection: http1::Connection<Io, RequestBody>, room: OwnedSemaphorePermit) -> Self {
        let bell = Bell::new();
        let waker = Waker::from(Arc::clone(&bell));
        Self { connection: Some(Box::new(Open { connection, _room: room })), bell, waker }
    }

    /// Moves the connection, then looks with `look` whether that brought what is waited for. `look` must wait for
    /// nothing but this connection: it is not asked again before something has happened here.
    pub(super) fn poll<T>(
        &mut self,
        context: &mut Context<'_>,
        mut look: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.bell.owner.register(context.waker());
        if !self.bell.has_rung() {
            return Poll::Pending;
        }
        self.bell.at_work.store(true, Ordering::SeqCst);
        let mut polled = Poll::Pending;
        for _ in 0..ROUNDS {
            self.bell.rung.store(false, Ordering::SeqCst);
            // Its errors reach the request by themselves.
            let _ = Self::advance(&mut self.connection, &mut Context::from_waker(&self.waker));
            polled = look(&mut Context::from_waker(&self.waker));
            if polled.is_ready() || !self.bell.has_rung() {
                break;
            }
        }
        self.bell.at_work.store(false, Ordering::SeqCst);
        if polled.is_ready() {
            // There may be more, and nobody will tell.
            self.bell.rung.store(true, Ordering::SeqCst);
        } else if self.bell.has_rung() {
            context.waker().wake_by_ref();
        }
        polled
    }

    /// Listens to a connection that was free, in the place of its pool, which would be woken by the next request else.
    pub(super) fn take_up(&mut self) {
        self.bell.at_work.store(true, Ordering::SeqCst);
        // One that was closed meanwhile tells its sender.
        let _ = Self::advance(&mut self.connection, &mut Context::from_waker(&self.waker));
        self.bell.at_work.store(false, Ordering::SeqCst);
        self.bell.rung.store(true, Ordering::SeqCst);
    }

    /// Moves a connection that is free; ready when it is closed.
    pub(super) fn poll_free(&mut self, context: &mut Context<'_>) -> Poll<()> {
        // Who uses it next must look, since it is not its bell that rings now.
        self.bell.rung.store(true, Ordering::SeqCst);
        Self::advance(&mut self.connection, context)
    }

    /// Closes a connection whose sender is gone, as its protocol has it.
    pub(super) async fn close(mut self) {
        if let Some(open) = &mut self.connection {
            let _ = tokio::time::timeout(FAREWELL, Pin::new(&mut open.connection)).await;
        }
    }

    fn advance(connection: &mut Option<Box<Open>>, context: &mut Context<'_>) -> Poll<()> {
        let Some(open) = connection else { return Poll::Ready(()) };
        let ended = std::task::ready!(Pin::new(&mut open.connection).poll(context));
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection to a provider ended");
        }
        *connection = None;
        Poll::Ready(())
    }
}

// === impl Bell ===

impl Bell {
    /// A bell that has rung: what it is for has not been looked at yet.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { rung: AtomicBool::new(true), at_work: AtomicBool::new(false), owner: AtomicWaker::new() })
    }

    /// Whether it rang since this was asked last; if not, the task is woken when it does.
    pub(super) fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        self.owner.register(context.waker());
        match self.rung.swap(false, Ordering::SeqCst) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    fn has_rung(&self) -> bool {
        self.rung.load(Ordering::SeqCst)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // In this order, as the owner does it the other way round: one of the two sees the other.
        self.rung.store(true, Ordering::SeqCst);
        if !self.at_work.load(Ordering::SeqCst) {
            self.owner.wake();
        }
    }
}
