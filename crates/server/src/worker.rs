//! Workers: each a runtime of its own in which one thread works, so that a request does not change its core.

use crate::connection;
use crate::snapshot::Shared;
use crate::stop::{Stop, Stopped};
use crate::threads::Threads;
use gatewright_pipeline::CLOSING_BUDGET;
use gatewright_pipeline::shelter::within_reach;
use std::collections::VecDeque;
use std::net::TcpStream as StdStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

/// Connections that may wait for a worker to take them.
const BACKLOG: usize = 1024;

/// How long what plugins' own requests left behind may take, once everything else of a worker is done: `post_request` and
/// `request_end` have their budget each.
const LEFT_BEHIND: Duration = CLOSING_BUDGET.saturating_mul(3);

/// A worker as the acceptor sees it.
pub(crate) struct Worker {
    number: usize,
    queue: Feed,
    open: Arc<AtomicUsize>,
    threads: Threads,
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
    /// Starts a worker. One that is `sheltered` goes on while a hook holds its thread.
    pub(crate) fn start(number: usize, sheltered: bool, shared: Arc<Shared>, stop: Stopped) -> std::io::Result<Self> {
        let (queue, open) = (Arc::<Queue>::default(), Arc::new(AtomicUsize::new(0)));
        let threads = Threads::start(number, sheltered, work(shared, queue.clone(), stop, open.clone()))?;
        Ok(Self { number, queue: Feed(queue), open, threads })
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

    /// Whether connections wait for it, or its thread may come to be held.
    pub(crate) fn is_to_be_looked_at(&self) -> bool {
        let may_be_held = self.is_sheltered() && self.load() > 0;
        may_be_held || self.queue.0.state().since.is_some()
    }

    /// For how long it has been asked to look for connections, and did not; `None` if it did.
    fn waiting(&self, now: Instant) -> Option<Duration> {
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

    /// Looks whether its thread is held, and lets another one take its requests over.
    pub(crate) fn look(&self, now: Instant) -> bool {
        self.threads.look(now)
    }

    pub(crate) fn is_sheltered(&self) -> bool {
        self.threads.are_sheltered()
    }

    /// Gives it no more connections. It ends when those that it has are done.
    pub(crate) fn retire(&self) {
        self.queue.0.close();
    }

    /// Whether it has ended.
    pub(crate) fn is_done(&self) -> bool {
        self.threads.are_done()
    }

    /// Waits for its end, which comes when it was told to stop and its connections are done.
    pub(crate) fn join(self) {
        drop(self.queue);
        if !self.threads.join() {
            tracing::error!("a worker panicked");
        }
    }
}

// === impl Feed ===

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.close();
    }
}

// === impl Queue ===

impl Queue {
    /// No code of ours panics while it holds the lock.
    fn state(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.state().closed = true;
        self.arrived.notify_one();
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

async fn work(shared: Arc<Shared>, queue: Arc<Queue>, stop: Stopped, open: Arc<AtomicUsize>) {
    // Connections, and what their requests leave behind.
    let own = TaskTracker::new();
    while let Some(stream) = queue.next().await {
        let (shared, stop, tasks, open) = (shared.clone(), stop.clone(), own.clone(), open.clone());
        let counted = Counted(open);
        own.spawn(within_reach(async move {
            match TcpStream::from_std(stream) {
                Ok(stream) => connection::serve(shared, stream, stop, tasks).await,
                Err(error) => tracing::debug!(%error, "a connection broke before it began"),
            }
            drop(counted);
        }));
    }
    own.close();
    own.wait().await;
    // What plugins' own requests left behind runs on this runtime too, and is counted only with that of all workers.
    shared.tasks.close();
    let left = shared.tasks.wait();
    match stop.is_told(Stop::Finish) {
        true => left.await,
        // The others go on, so that there may always be something.
        false => drop(tokio::time::timeout(LEFT_BEHIND, left).await),
    }
}

#[cfg(test)]
mod tests;
