//! Parts of a payload that are elsewhere.

use crate::DecodeError;
use std::sync::OnceLock;

/// What gives a part of a payload that is elsewhere.
type Fetch<T> = Box<dyn Fn() -> Result<T, DecodeError> + Send + Sync>;

/// A part of a payload that is elsewhere, and is fetched when somebody looks: a plugin in another address space pays
/// for what it reads.
pub struct Remote<T> {
    fetch: Fetch<T>,
    fetched: OnceLock<Result<T, DecodeError>>,
}

// === impl Remote ===

impl<T> Remote<T> {
    /// A part that this gives.
    pub fn new(fetch: impl Fn() -> Result<T, DecodeError> + Send + Sync + 'static) -> Self {
        Self { fetch: Box::new(fetch), fetched: OnceLock::new() }
    }

    /// The part, fetched once.
    pub fn get(&self) -> Result<&T, DecodeError> {
        self.fetched.get_or_init(&self.fetch).as_ref().map_err(Clone::clone)
    }
}

impl<T> std::fmt::Debug for Remote<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Remote")
    }
}
