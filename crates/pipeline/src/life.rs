//! The life of a plugin, from its first start to its shutdown. What is linked in as it is, several instances may share: the
//! next one begins before the last request of the one before has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// A plugin's life.
#[derive(Debug, Default)]
pub(crate) struct Life {
    users: AtomicUsize,
    is_up: Arc<Mutex<bool>>,
}

/// An instance that uses it.
#[derive(Debug)]
pub(crate) struct InUse(Arc<Life>);

/// While somebody has it, nobody else starts it or shuts it down.
pub(crate) struct Turn(OwnedMutexGuard<bool>);

// === impl Life ===

impl Life {
    /// Waits for the turn.
    pub(crate) async fn turn(&self) -> Turn {
        Turn(self.is_up.clone().lock_owned().await)
    }

    /// One more instance uses it.
    pub(crate) fn enter(self: Arc<Self>) -> InUse {
        self.users.fetch_add(1, Ordering::AcqRel);
        InUse(self)
    }

    fn is_used(&self) -> bool {
        self.users.load(Ordering::Acquire) > 0
    }
}

// === impl InUse ===

impl InUse {
    /// Does not use it any more. What is left can end it.
    pub(crate) fn leave(self) -> Arc<Life> {
        self.0.clone()
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.users.fetch_sub(1, Ordering::AcqRel);
    }
}

// === impl Turn ===

impl Turn {
    /// It has started.
    pub(crate) fn began(&mut self) {
        *self.0 = true;
    }

    /// Whether it is to be shut down: it was not already, and no other instance uses it. Then it is.
    pub(crate) fn ends(&mut self, life: &Life) -> bool {
        !life.is_used() && std::mem::take(&mut *self.0)
    }
}
