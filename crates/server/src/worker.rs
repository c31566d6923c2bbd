//! Workers: threads with a runtime of their own, so that a request never changes its core.

use crate::connection;
use crate::snapshot::Shared;
use crate::stop::Stopped;
use std::collections::VecDeque;
use std::net::TcpStream as StdStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

/// Connections that may wait for a worker to take them.
const BACKLOG: usize = 1024;

/// A worker as the acceptor sees it.
pub(crate) struct Worker {
    number: usize,
    queue: Feed,
    open: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

/// The side of the queue that gives: without it, no more come.
struct Feed(Arc<Queue>);

/// Connections that a worker is to take.
#[derive(Default)]
struct Queue {
    state: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Default)]
struct Waiting {
    streams: VecDeque<StdStream>,
    /// Since when it has been asked to look, and did not; what was taken back from it counts on.
    since: Option<Instant>,
    closed: bool,
}

/// A connection that a worker has, counted until it ends, however that is.
struct Counted(Arc<AtomicUsize>);

// === impl Worker ===

impl Worker {
    pub(crate) fn start(number: usize, shared: Arc<Shared>, stop: Stopped) -> std::io::Result<Self> {
        let (queue, open) = (Arc::<Queue>::default(), Arc::new(AtomicUsize::new(0)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (taken, counted) = (queue.clone(), open.clone());
        let thread = std::thread::Builder::new()
            .name(format!("gatewright-{number}"))
            .spawn(move || runtime.block_on(work(shared, &taken, stop, counted)))?;
        Ok(Self { number, queue: Feed(queue), open, thread })
    }

    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// Connections it has.
    pub(crate) fn load(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Gives it a connection, unless too many wait for it.
    pub(crate) fn take(&self, stream: StdStream) -> Result<(), StdStream> {
        let mut state = self.queue.0.state();
        if state.streams.len() >= BACKLOG {
            return Err(stream);
        }
        self.open.fetch_add(1, Ordering::Relaxed);
        state.streams.push_back(stream);
        state.since.get_or_insert_with(Instant::now);
        drop(state);
        self.queue.0.arrived.notify_one();
        Ok(())
    }

    /// For how long it has been asked to look for connections, and did not; `None` if it did.
    pub(crate) fn waiting(&self, now: Instant) -> Option<Duration> {
        self.queue.0.state().since.map(|since| now.saturating_duration_since(since))
    }

    /// Whether it has not looked for so long.
    pub(crate) fn is_held(&self, now: Instant, long: Duration) -> bool {
        self.waiting(now).is_some_and(|waited| waited >= long)
    }

    /// Takes back what it did not take.
    pub(crate) fn give_back(&self) -> VecDeque<StdStream> {
        let streams = std::mem::take(&mut self.queue.0.state().streams);
        self.open.fetch_sub(streams.len(), Ordering::Relaxed);
        streams
    }

    /// Waits for its end, which comes when it was told to stop and its connections are done.
    pub(crate) fn join(self) {
        drop(self.queue);
        if self.thread.join().is_err() {
            tracing::error!("a worker panicked");
        }
    }
}

// === impl Feed ===

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.state().closed = true;
        self.0.arrived.notify_one();
    }
}

// === impl Queue ===

impl Queue {
    /// No code of ours panics while it holds the lock.
    fn state(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next connection; `None` once there are no more.
    async fn next(&self) -> Option<StdStream> {
        loop {
            {
                let mut state = self.state();
                let stream = state.streams.pop_front();
                state.since = (!state.streams.is_empty()).then(Instant::now);
                if stream.is_some() || state.closed {
                    return stream;
                }
            }
            self.arrived.notified().await;
        }
    }
}

// === impl Counted ===

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn work(shared: Arc<Shared>, queue: &Queue, stop: Stopped, open: Arc<AtomicUsize>) {
    let connections = TaskTracker::new();
    while let Some(stream) = queue.next().await {
        let (shared, stop, open) = (shared.clone(), stop.clone(), open.clone());
        let limits = shared.snapshot().limits;
        let counted = Counted(open);
        connections.spawn(async move {
            match TcpStream::from_std(stream) {
                Ok(stream) => connection::serve(shared, stream, stop, limits).await,
                Err(error) => tracing::debug!(%error, "a connection broke before it began"),
            }
            drop(counted);
        });
    }
    connections.close();
    connections.wait().await;
    // What requests left behind runs on this runtime too.
    shared.tasks.close();
    shared.tasks.wait().await;
}
