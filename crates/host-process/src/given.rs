//! The parts of a call that are on their way.

use bytes::Bytes;
use gatewright_abi::{Contents, NotGiven, Part};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The parts of a call that are on their way: however often one is fetched meanwhile, it is there once.
#[derive(Default)]
pub(crate) struct Given(Mutex<[Weak<Bytes>; Part::ALL.len()]>);

/// What several answers share.
struct Content(Arc<Bytes>);

// === impl Given ===

impl Given {
    /// A part, which is made unless it is on its way.
    pub(crate) fn part(
        &self,
        part: Part,
        make: impl FnOnce() -> Result<Contents, NotGiven>,
    ) -> Result<Bytes, NotGiven> {
        // A panic leaves nothing behind that is not whole.
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let given = &mut given[part as usize];
        let content = match given.upgrade() {
            Some(content) => content,
            None => {
                let content = Arc::new(make()?.into_bytes());
                *given = Arc::downgrade(&content);
                content
            }
        };
        Ok(Bytes::from_owner(Content(content)))
    }
}

// === impl Content ===

impl AsRef<[u8]> for Content {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests;
