//! Workers: threads with a runtime of their own, so that a request never changes its core.

use crate::connection;
use crate::snapshot::Shared;
use crate::stop::Stopped;
use std::net::TcpStream as StdStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// Connections that may wait for a worker to take them.
const BACKLOG: usize = 1024;

/// A worker as the acceptor sees it.
pub(crate) struct Worker {
    connections: mpsc::Sender<StdStream>,
    open: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

/// A connection that a worker has, counted until it ends, however that is.
struct Counted(Arc<AtomicUsize>);

// === impl Worker ===

impl Worker {
    pub(crate) fn start(number: usize, shared: Arc<Shared>, stop: Stopped) -> std::io::Result<Self> {
        let (connections, taken) = mpsc::channel(BACKLOG);
        let open = Arc::new(AtomicUsize::new(0));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let counted = open.clone();
        let thread = std::thread::Builder::new()
            .name(format!("gatewright-{number}"))
            .spawn(move || runtime.block_on(work(shared, taken, stop, counted)))?;
        Ok(Self { connections, open, thread })
    }

    /// Connections it has.
    pub(crate) fn load(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Gives it a connection; waits while its backlog is full.
    pub(crate) async fn take(&self, stream: StdStream) {
        self.open.fetch_add(1, Ordering::Relaxed);
        if self.connections.send(stream).await.is_err() {
            self.open.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Waits for its end, which comes when it was told to stop and its connections are done.
    pub(crate) fn join(self) {
        drop(self.connections);
        if self.thread.join().is_err() {
            tracing::error!("a worker panicked");
        }
    }
}

// === impl Counted ===

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn work(shared: Arc<Shared>, mut taken: mpsc::Receiver<StdStream>, stop: Stopped, open: Arc<AtomicUsize>) {
    let connections = TaskTracker::new();
    while let Some(stream) = taken.recv().await {
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
