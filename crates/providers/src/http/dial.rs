//! A connection that is being opened for several requests.

use super::TransportError;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::AbortHandle;

/// A connection that is being opened, in a task of its own: it outlives a request that gives up, and serves the next.
#[derive(Clone)]
pub(super) struct Dial {
    done: Shared<BoxFuture<'static, Result<(), TransportError>>>,
    task: AbortHandle,
    waiting: Arc<AtomicUsize>,
}

// === impl Dial ===

impl Dial {
    /// Begins. `open` puts the connection where those who wait will look for it.
    pub(super) fn start(open: impl Future<Output = Result<(), TransportError>> + Send + 'static) -> Self {
        let task = tokio::spawn(open);
        let handle = task.abort_handle();
        let done = async {
            task.await.unwrap_or_else(|_| Err(TransportError::Connect("the gateway is shutting down".to_owned())))
        };
        Self { done: done.boxed().shared(), task: handle, waiting: Arc::default() }
    }

    /// Waits until it is open, or has failed.
    pub(super) async fn wait(self) -> Result<(), TransportError> {
        let _waiting = Waiting::new(&self.waiting);
        self.done.await
    }

    /// How many wait for it.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether it is neither open nor failed.
    pub(super) fn is_pending(&self) -> bool {
        !self.task.is_finished()
    }
}

struct Waiting(Arc<AtomicUsize>);

// === impl Waiting ===

impl Waiting {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
