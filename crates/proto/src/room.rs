//! Room for what is large.

use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is smaller is not counted.
pub(crate) const SMALL: usize = 4 << 10;

/// So many bytes, of which whoever makes or reads something large takes his first. Copies share it.
#[derive(Clone, Debug)]
pub struct Room {
    kib: Arc<Semaphore>,
    all: u32,
    /// For those who wait to read on, and hold what has come meanwhile.
    waiting: Arc<Semaphore>,
}

/// Too many wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crowded;

/// Room that is taken, until this is dropped. What is small has none.
#[derive(Debug)]
pub struct Taken(Option<OwnedSemaphorePermit>);

/// Bytes and the room that they take.
struct Held {
    bytes: Bytes,
    _taken: OwnedSemaphorePermit,
}

// === impl Room ===

impl Room {
    /// Of so many bytes.
    pub fn new(bytes: usize) -> Self {
        Self::with_places(bytes, Semaphore::MAX_PERMITS)
    }

    /// The same, where so many may wait to read on.
    pub fn with_places(bytes: usize, waiting: usize) -> Self {
        let all = u32::try_from(bytes >> 10).unwrap_or(u32::MAX);
        Self { kib: Arc::new(Semaphore::new(all as usize)), all, waiting: Arc::new(Semaphore::new(waiting)) }
    }

    /// Takes room for so many bytes, once there is some. What is larger than all of it takes all of it.
    pub async fn take(&self, bytes: usize) -> Taken {
        match self.kib_of(bytes) {
            // It is never closed.
            Some(kib) => Taken(self.kib.clone().acquire_many_owned(kib).await.ok()),
            None => Taken(None),
        }
    }

    /// The same for one who reads, if not too many wait.
    pub(crate) async fn take_to_read(&self, bytes: usize) -> Result<Taken, Crowded> {
        if let Some(taken) = self.try_take(bytes) {
            return Ok(taken);
        }
        let _place = self.waiting.try_acquire().map_err(|_| Crowded)?;
        Ok(self.take(bytes).await)
    }

    /// The same, if there is some.
    pub fn try_take(&self, bytes: usize) -> Option<Taken> {
        match self.kib_of(bytes) {
            Some(kib) => self.kib.clone().try_acquire_many_owned(kib).ok().map(|taken| Taken(Some(taken))),
            None => Some(Taken(None)),
        }
    }

    fn kib_of(&self, bytes: usize) -> Option<u32> {
        let kib = u32::try_from(bytes >> 10).unwrap_or(u32::MAX);
        (bytes > SMALL).then_some(kib.min(self.all))
    }
}

// === impl Taken ===

impl Taken {
    /// The bytes that it was taken for: it is given back when nobody has any of them.
    pub fn hold(self, bytes: Bytes) -> Bytes {
        match self.0 {
            Some(taken) => Bytes::from_owner(Held { bytes, _taken: taken }),
            None => bytes,
        }
    }
}

// === impl Held ===

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests;
