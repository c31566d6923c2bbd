//! The other side, as a guest sees it.

use crate::document::{self, NotADocument, Texts};
use crate::part::Part;
use gatewright_model::{DecodeError, PlacedText};
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The call at hand, on the other side of the boundary.
pub trait Far: Send + Sync + 'static {
    /// Fetches a part. An error if there is none, if the manifest does not ask for it, or if the call is over.
    fn part(&self, part: Part) -> Result<Vec<u8>, String>;

    /// Whether a part is here already, so that to fetch it costs nothing.
    fn at_hand(&self, _: Part) -> bool {
        false
    }

    /// Hands texts over that are to stand in another's stead, by the place of that, without writing them into the answer.
    /// Answers whether the other side took them.
    fn replace_texts(&self, _: &[PlacedText]) -> bool {
        false
    }

    /// How the texts of what the other side hands over are made. Who knows that it hands over nothing but UTF-8 need
    /// not look at each byte.
    fn text_maker(&self) -> Texts {
        document::checked
    }
}

/// Reads what the other side handed over.
pub(crate) fn read<T: DeserializeOwned>(document: &[u8], far: &Arc<dyn Far>) -> Result<T, NotADocument> {
    document::read_with(document, far.text_maker())
}

/// Fetches a part that is a document.
pub(crate) fn fetch<T: DeserializeOwned>(far: &Arc<dyn Far>, part: Part) -> Result<T, DecodeError> {
    let bytes = far.part(part).map_err(DecodeError::new)?;
    read(&bytes, far).map_err(|error| DecodeError::new(error.to_string()))
}
