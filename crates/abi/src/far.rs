//! The other side, as a guest sees it.

use crate::document::{self, NotADocument};
use crate::part::Part;
use gatewright_model::DecodeError;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The call at hand, on the other side of the boundary.
pub trait Far: Send + Sync + 'static {
    /// Fetches a part. An error if there is none, if the manifest does not ask for it, or if the call is over.
    fn part(&self, part: Part) -> Result<Vec<u8>, String>;
}

/// Fetches a part that is a document.
pub(crate) fn fetch<T: DeserializeOwned>(far: &Arc<dyn Far>, part: Part) -> Result<T, DecodeError> {
    let bytes = far.part(part).map_err(DecodeError::new)?;
    document::read(&bytes).map_err(|error: NotADocument| DecodeError::new(error.to_string()))
}
