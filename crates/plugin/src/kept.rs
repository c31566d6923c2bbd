//! What hosts keep for one request.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Host: what hosts keep for one request, one thing for each plugin. The exchange owns it, so that it goes with the
/// request, whichever way that ends.
#[derive(Default)]
pub struct Kept(Mutex<Vec<(u64, Arc<dyn Any + Send + Sync>)>>);

/// Host: the way from a call to what is kept for its request. There is nothing outside of a request, or after it.
#[derive(Clone, Default)]
pub struct KeptFor(Weak<Kept>);

// === impl KeptFor ===

impl KeptFor {
    /// To this.
    pub fn new(kept: &Arc<Kept>) -> Self {
        Self(Arc::downgrade(kept))
    }

    /// What is kept under a key, which stands for one plugin; at first, what `make` makes. `None` where nothing is kept.
    pub fn of<T: Any + Send + Sync>(&self, key: u64, make: impl FnOnce() -> T) -> Option<Arc<T>> {
        let kept = self.0.upgrade()?;
        // Nothing here panics but `make`, and then nothing was changed.
        let mut things = kept.0.lock().unwrap_or_else(PoisonError::into_inner);
        let thing = match things.iter().find(|(of, _)| *of == key) {
            Some((_, thing)) => thing.clone(),
            None => {
                let thing: Arc<dyn Any + Send + Sync> = Arc::new(make());
                things.push((key, thing.clone()));
                thing
            }
        };
        thing.downcast().ok()
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept")
    }
}

impl fmt::Debug for KeptFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeptFor")
    }
}

#[cfg(test)]
mod tests;
