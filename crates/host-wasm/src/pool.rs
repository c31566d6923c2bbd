//! The instances of a plugin.

use crate::component::LoadError;
use crate::instance::{Instance, Mould};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Calls after which an instance is not used again: what leaks in a guest does not leak for ever.
const MOST_CALLS: u32 = 100_000;

/// The instances of a plugin.
pub(crate) struct Pool {
    pub(crate) mould: Mould,
    idle: Mutex<Vec<Instance>>,
    most_idle: usize,
    places: Arc<Semaphore>,
}

/// An instance in use, and its place.
pub(crate) struct Lease {
    pub(crate) instance: Instance,
    place: OwnedSemaphorePermit,
}

// === impl Pool ===

impl Pool {
    /// Of at most so many instances at once, of which so many stay when they are idle.
    pub(crate) fn new(mould: Mould, most: usize, most_idle: usize) -> Self {
        Self { mould, idle: Mutex::default(), most_idle, places: Arc::new(Semaphore::new(most)) }
    }

    /// Takes an instance. Waits while all are in use.
    pub(crate) async fn take(&self) -> Result<Lease, LoadError> {
        let place = self.places.clone().acquire_owned().await;
        let place = place.map_err(|closed| LoadError::Engine(closed.to_string()))?;
        let idle = self.idle().pop();
        let instance = match idle {
            Some(instance) => instance,
            None => Instance::new(&self.mould).await?,
        };
        Ok(Lease { instance, place })
    }

    /// Takes an instance back that ended its call well.
    pub(crate) fn put_back(&self, lease: Lease) {
        let Lease { instance, place } = lease;
        if instance.calls < MOST_CALLS {
            let mut idle = self.idle();
            if idle.len() < self.most_idle {
                idle.push(instance);
            }
        }
        drop(place);
    }

    /// No code of ours panics while it holds the lock.
    fn idle(&self) -> MutexGuard<'_, Vec<Instance>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
