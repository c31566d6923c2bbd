//! The requests of an HTTP/2 connection: each a task of its own.

use crate::snapshot::Shared;
use gatewright_pipeline::shelter::within_reach;
use hyper::rt::Executor;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio_util::task::TaskTracker;

/// How long a client without a request has to answer that its connection is to end. One that is gone never does.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Spawns the requests of an HTTP/2 connection where their end is waited for, and cuts off those that take too long: of
/// a client that grants no more window nobody asks for the next piece, and so nobody sees that its time is over.
#[derive(Clone)]
pub(crate) struct Streams {
    shared: Arc<Shared>,
    tasks: TaskTracker,
    under_way: TaskTracker,
    /// Whether there was a request.
    asked: Arc<AtomicBool>,
}

// === impl Streams ===

impl Streams {
    pub(crate) fn new(shared: Arc<Shared>, tasks: TaskTracker) -> Self {
        Self { shared, tasks, under_way: TaskTracker::new(), asked: Arc::default() }
    }

    /// Waits until no request is under way and the client, which was told that the connection ends, is silent. One that
    /// has asked for something, and was `heard` since, takes what it was sent, so that it may pause for longer.
    pub(crate) async fn are_over(&self, heard: &AtomicU64) {
        let heard = || heard.load(Ordering::Relaxed);
        let told = heard();
        self.under_way.close();
        loop {
            self.under_way.wait().await;
            let before = heard();
            let takes = before != told && self.asked.load(Ordering::Relaxed);
            let pause = if takes { self.shared.limits().patience } else { LAST_WORD };
            tokio::time::sleep(pause).await;
            if self.under_way.is_empty() && heard() == before {
                return;
            }
        }
    }
}

impl<F> Executor<F> for Streams
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, request: F) {
        self.asked.store(true, Ordering::Relaxed);
        let (longest, under_way) = (self.shared.limits().longest(), self.under_way.token());
        self.tasks.spawn(within_reach(async move {
            if tokio::time::timeout(longest, request).await.is_err() {
                tracing::debug!("a client did not take its answer in time");
            }
            drop(under_way);
        }));
    }
}
