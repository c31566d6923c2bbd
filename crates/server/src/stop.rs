//! The word to stop, from the listener to its connections.

use tokio::sync::watch;

/// How much is still to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    /// Everything.
    No,
    /// What is under way, and nothing new.
    Finish,
    /// Nothing: what is under way is cut off, and only its closing hooks run.
    Abort,
}

/// Hears the word.
#[derive(Clone)]
pub(crate) struct Stopped(watch::Receiver<Stop>);

/// A word that nobody has said yet, and who hears it.
pub(crate) fn stop() -> (watch::Sender<Stop>, Stopped) {
    let (say, hear) = watch::channel(Stop::No);
    (say, Stopped(hear))
}

// === impl Stopped ===

impl Stopped {
    /// Whether the word was said, to stop at least so far.
    pub(crate) fn is_told(&self, so_far: Stop) -> bool {
        *self.0.borrow() >= so_far
    }

    /// Waits for the word to stop at least so far; a sender that is gone says it too.
    pub(crate) async fn told(&mut self, so_far: Stop) {
        // The guard that comes back must not live across an await.
        let _ = self.0.wait_for(|stop| *stop >= so_far).await;
    }
}
