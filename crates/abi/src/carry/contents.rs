//! What parts hold, on its way to those who fetch them.

use super::{ResponsePart, request, response, texts};
use crate::document::{self, NotADocument};
use bytes::Bytes;
use gatewright_model::{DecodeError, Request};
use serde::ser::Error;
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// What a part holds. How long it is is known before it is written, so that a host whose callee has memory of its own
/// writes it there at once. Owns what it gives, but for no copy of it.
#[derive(Debug)]
pub struct Contents {
    bytes: usize,
    held: Held,
}

#[derive(Debug)]
enum Held {
    Bytes(Bytes),
    Document(Document),
}

/// A document that is not written yet.
#[derive(Debug)]
pub(super) enum Document {
    Chat(Arc<Request>),
    Output(ResponsePart),
    /// The texts of a conversation, and how many they are.
    Texts(Arc<Request>, usize),
}

// === impl Contents ===

impl Contents {
    pub(super) fn conversation(request: &Arc<Request>) -> Result<Self, DecodeError> {
        let bytes = document::length(&request::ChatOut(request.chat()?));
        Ok(Self::document(bytes, Document::Chat(request.clone())))
    }

    pub(super) fn output(of: &ResponsePart) -> Result<Option<Self>, DecodeError> {
        let Some(output) = of.output()? else { return Ok(None) };
        let bytes = document::length(&response::OutputOut(output));
        Ok(Some(Self::document(bytes, Document::Output(of.clone()))))
    }

    pub(super) fn texts(request: &Arc<Request>) -> Result<Self, DecodeError> {
        let texts::Measured { count, bytes } = texts::measured(request)?;
        Ok(Self::document(bytes, Document::Texts(request.clone(), count)))
    }

    fn document(bytes: usize, document: Document) -> Self {
        Self { bytes, held: Held::Document(document) }
    }

    /// How many bytes it has.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes it to a place that has just as many bytes.
    pub fn write(&self, place: &mut [u8]) -> Result<(), NotADocument> {
        match &self.held {
            Held::Bytes(bytes) if bytes.len() == place.len() => {
                place.copy_from_slice(bytes);
                Ok(())
            }
            Held::Bytes(_) => Err(NotADocument::new("it has another length than its place")),
            Held::Document(document) => document::write_at(place, document),
        }
    }

    /// The bytes, which it shares with the payload where they are a body.
    pub fn into_bytes(self) -> Bytes {
        match self.held {
            Held::Bytes(bytes) => bytes,
            Held::Document(document) => document::write_sized(self.bytes, &document).into(),
        }
    }
}

impl<B: Into<Bytes>> From<B> for Contents {
    fn from(bytes: B) -> Self {
        let bytes = bytes.into();
        Self { bytes: bytes.len(), held: Held::Bytes(bytes) }
    }
}

// === impl Document ===

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Chat(request) => request::ChatOut(request.chat().map_err(S::Error::custom)?).serialize(serializer),
            Self::Output(of) => match of.output().map_err(S::Error::custom)? {
                Some(output) => response::OutputOut(output).serialize(serializer),
                None => Err(S::Error::custom("there is no output")),
            },
            Self::Texts(request, count) => texts::TextsOut { request, count: *count }.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests;
