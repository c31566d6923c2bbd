//! Documents: trees of values, as CBOR.

mod nulls;
mod reader;
mod words;

use cbor4ii::core::enc::Write;
use cbor4ii::serde::Serializer;
use gatewright_plugin::Failure;
use nulls::Nulls;
use reader::{MOST_VALUES, Reader};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::convert::Infallible;

/// A document is not what it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a legal document: {}{problem}", place(.at))]
pub struct NotADocument {
    /// The names of the members on the way there.
    at: String,
    problem: String,
    /// Whether it only is too much.
    is_oversized: bool,
}

/// How long the place of a fault gets, in bytes, before further names around it are left out.
const LONGEST_PLACE: usize = 128;

fn place(at: &str) -> String {
    if at.is_empty() { String::new() } else { format!("`{at}`: ") }
}

/// Makes a text of bytes, if they are one.
pub type Texts = for<'a> fn(&'a [u8]) -> Option<&'a str>;

/// Counts what would be written.
struct Length(usize);

/// What is written. The library's own asks for room first, and looks at the answer: two calls for each name and each
/// length.
struct Buffer(Vec<u8>);

/// What is left of a place that is written to.
struct Place<'a>(&'a mut [u8]);

/// There is no room for it.
#[derive(Debug, thiserror::Error)]
#[error("it is longer than its place")]
struct NoRoom;

// === impl Buffer ===

impl Write for Buffer {
    type Error = Infallible;

    #[inline]
    fn push(&mut self, input: &[u8]) -> Result<(), Infallible> {
        self.0.extend_from_slice(input);
        Ok(())
    }
}

// === impl Place ===

impl Write for &mut Place<'_> {
    type Error = NoRoom;

    #[inline]
    fn push(&mut self, input: &[u8]) -> Result<(), NoRoom> {
        let (here, rest) = std::mem::take(&mut self.0).split_at_mut_checked(input.len()).ok_or(NoRoom)?;
        here.copy_from_slice(input);
        self.0 = rest;
        Ok(())
    }
}

// === impl Length ===

impl Write for &mut Length {
    type Error = Infallible;

    fn push(&mut self, input: &[u8]) -> Result<(), Infallible> {
        self.0 += input.len();
        Ok(())
    }
}

// === impl NotADocument ===

impl NotADocument {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self { at: String::new(), problem: problem.into(), is_oversized: false }
    }

    pub(crate) fn oversized(problem: impl Into<String>) -> Self {
        Self { is_oversized: true, ..Self::new(problem) }
    }

    /// The same, inside of the member with this name.
    #[cold]
    fn under(mut self, name: &str) -> Self {
        if self.at.len() < LONGEST_PLACE {
            let dot = if self.at.is_empty() { "" } else { "." };
            self.at = format!("{name}{dot}{}", self.at);
        }
        self
    }
}

impl From<NotADocument> for Failure {
    fn from(error: NotADocument) -> Self {
        match error.is_oversized {
            true => Self::Oversized(error.to_string()),
            false => Self::Malformed(error.to_string()),
        }
    }
}

/// A value as a document.
pub fn write(value: &impl Serialize) -> Vec<u8> {
    write_into(Vec::with_capacity(128), value)
}

/// The same of a value that may be long: it is measured first, so that no byte is copied twice.
pub fn write_long(value: &impl Serialize) -> Vec<u8> {
    write_sized(length(value), value)
}

/// The same of a value that is so long.
pub(crate) fn write_sized(bytes: usize, value: &impl Serialize) -> Vec<u8> {
    write_into(Vec::with_capacity(bytes), value)
}

/// A value as a document, to a place that is as long as [`length`] says.
pub(crate) fn write_at(place: &mut [u8], value: &impl Serialize) -> Result<(), NotADocument> {
    let mut place = Place(place);
    Nulls(value).serialize(&mut Serializer::new(&mut place)).map_err(|error| NotADocument::new(error.to_string()))?;
    match place.0 {
        [] => Ok(()),
        _ => Err(NotADocument::new("it is shorter than its place")),
    }
}

/// How many bytes a value's document has.
pub(crate) fn length(value: &impl Serialize) -> usize {
    let mut length = Length(0);
    // Counting does not fail.
    let _ = Nulls(value).serialize(&mut Serializer::new(&mut length));
    length.0
}

fn write_into(empty: Vec<u8>, value: &impl Serialize) -> Vec<u8> {
    let mut serializer = Serializer::new(Buffer(empty));
    // Writing into memory does not fail, and no type of the contract refuses to be written.
    match Nulls(value).serialize(&mut serializer) {
        Ok(()) => serializer.into_inner().0,
        Err(_) => Vec::new(),
    }
}

/// The value of a document. Nesting and the number of values are bounded, and nothing is taken before its bytes are there.
pub fn read<T: DeserializeOwned>(document: &[u8]) -> Result<T, NotADocument> {
    read_few(document, MOST_VALUES)
}

/// The same of one that may have so many values.
pub(crate) fn read_few<T: DeserializeOwned>(document: &[u8], most: usize) -> Result<T, NotADocument> {
    T::deserialize(&mut Reader::new(document, checked, most))
}

/// The same of what the gateway wrote: it is as long as a request that was taken, and who fills one with very many texts
/// must not thereby keep guards from reading it. `texts` says how texts are made.
pub fn read_with<T: DeserializeOwned>(document: &[u8], texts: Texts) -> Result<T, NotADocument> {
    T::deserialize(&mut reader(document, texts))
}

/// What reads a document, for those who make no value of it.
pub(crate) fn reader(document: &[u8], texts: Texts) -> Reader<'_> {
    Reader::new(document, texts, usize::MAX)
}

/// The text that these bytes are, if they are UTF-8.
pub fn checked(bytes: &[u8]) -> Option<&str> {
    // The standard library looks at sixteen bytes at a time at most; short ones are not worth the call.
    #[cfg(not(target_arch = "wasm32"))]
    if bytes.len() >= 64 {
        return simdutf8::basic::from_utf8(bytes).ok();
    }
    std::str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
