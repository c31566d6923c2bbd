//! The requests of an HTTP/2 connection: each a task of its own.

use crate::snapshot::Shared;
use gatewright_pipeline::shelter::within_reach;
use hyper::rt::Executor;
use std::sync::Arc;
use tokio_util::task::TaskTracker;

/// Spawns the requests of an HTTP/2 connection where their end is waited for, and cuts off those that take too long: of
/// a client that grants no more window nobody asks for the next piece, and so nobody sees that its time is over.
#[derive(Clone)]
pub(crate) struct Streams {
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

// === impl Streams ===

impl Streams {
    pub(crate) fn new(shared: Arc<Shared>, tasks: TaskTracker) -> Self {
        Self { shared, tasks }
    }
}

impl<F> Executor<F> for Streams
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, request: F) {
        let longest = self.shared.limits().longest();
        self.tasks.spawn(within_reach(async move {
            if tokio::time::timeout(longest, request).await.is_err() {
                tracing::debug!("a client did not take its answer in time");
            }
        }));
    }
}
