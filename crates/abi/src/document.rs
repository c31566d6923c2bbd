//! Documents: trees of values, as CBOR.

mod nulls;

use nulls::Nulls;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A document is not what it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a legal document: {0}")]
pub struct NotADocument(String);

// === impl NotADocument ===

impl NotADocument {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// A value as a document.
pub fn write(value: &impl Serialize) -> Vec<u8> {
    // Writing into memory does not fail, and no type of the contract refuses to be written.
    cbor4ii::serde::to_vec(Vec::with_capacity(128), &Nulls(value)).unwrap_or_default()
}

/// The value of a document. Nesting is bounded, and nothing is taken before its bytes are there.
pub fn read<T: DeserializeOwned>(document: &[u8]) -> Result<T, NotADocument> {
    cbor4ii::serde::from_slice(document).map_err(|error| NotADocument(error.to_string()))
}

#[cfg(test)]
mod tests;
