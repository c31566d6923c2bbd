//! How much is in flight.

use gatewright_model::{ErrorKind, LlmError};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Requests and body bytes in flight, over all workers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Admission(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicUsize,
    body_bytes: AtomicUsize,
}

/// A request's place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    counts: Arc<Counts>,
    body_bytes: usize,
}

// === impl Admission ===

impl Admission {
    /// Takes a place for a request.
    pub(crate) fn enter(&self, most: usize) -> Result<Place, LlmError> {
        let before = self.0.requests.fetch_add(1, Ordering::AcqRel);
        let place = Place { counts: self.0.clone(), body_bytes: 0 };
        match before < most {
            true => Ok(place),
            false => Err(overloaded("the gateway has as many requests under way as it may")),
        }
    }

    pub(crate) fn requests(&self) -> usize {
        self.0.requests.load(Ordering::Acquire)
    }
}

// === impl Place ===

impl Place {
    /// Takes room for a body, or gives some back, so that it has so much in all.
    pub(crate) fn hold_bytes(&mut self, bytes: usize, most: usize) -> Result<(), LlmError> {
        if bytes == self.body_bytes {
            return Ok(());
        }
        let Some(more) = bytes.checked_sub(self.body_bytes) else {
            self.leave(self.body_bytes - bytes);
            return Ok(());
        };
        let with = |held: usize| held.checked_add(more).filter(|held| *held <= most);
        match self.counts.body_bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, with) {
            Ok(_) => {
                self.body_bytes += more;
                Ok(())
            }
            Err(_) => Err(overloaded("the bodies of all requests under way are over the limit")),
        }
    }

    /// Gives back all that was taken for a body.
    pub(crate) fn leave_bytes(&mut self) {
        self.leave(self.body_bytes);
    }

    fn leave(&mut self, bytes: usize) {
        self.counts.body_bytes.fetch_sub(bytes, Ordering::AcqRel);
        self.body_bytes -= bytes;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.counts.requests.fetch_sub(1, Ordering::AcqRel);
        self.leave_bytes();
    }
}

fn overloaded(message: &str) -> LlmError {
    LlmError { retry_after: Some(Duration::from_secs(1)), ..LlmError::new(ErrorKind::Overloaded, message) }
}

#[cfg(test)]
mod tests;
