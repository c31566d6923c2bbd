//! How many instances there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts instances. Copies count together.
#[derive(Clone, Default)]
pub(crate) struct Alive(Arc<AtomicUsize>);

/// Is counted while it lives.
pub(crate) struct Counted(Arc<AtomicUsize>);

// === impl Alive ===

impl Alive {
    /// One more.
    pub(crate) fn count(&self) -> Counted {
        self.0.fetch_add(1, Ordering::AcqRel);
        Counted(self.0.clone())
    }

    /// How many live.
    pub(crate) fn now(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
