//! The texts of a conversation, without what stands around them.

use crate::document::{self, NotADocument, Texts};
use gatewright_model::{DecodeError, Request, Role, TextOf};
use serde::de::{SeqAccess, Visitor};
use serde::ser::{Error, SerializeSeq};
use serde::{Deserializer, Serialize, Serializer};

/// Triples of role, text and message.
pub(super) struct TextsOut<'a> {
    pub(super) request: &'a Request,
    pub(super) count: usize,
}

/// How many texts there are, and how long their document is.
pub(super) struct Measured {
    pub(super) count: usize,
    pub(super) bytes: usize,
}

/// Who visits them.
struct Each<F>(F);

/// Measures the document of all texts.
pub(super) fn measured(request: &Request) -> Result<Measured, DecodeError> {
    let (mut count, mut bytes) = (0, 0);
    request.texts(|of, text| {
        count += 1;
        bytes += document::length(&(of.role, text, of.message));
    })?;
    // A list begins with as many bytes as the number of its values has.
    Ok(Measured { count, bytes: bytes + document::length(&count) })
}

/// Visits the texts of such a document.
pub(super) fn visit(document: &[u8], made: Texts, visit: impl FnMut(TextOf, &str)) -> Result<(), NotADocument> {
    document::reader(document, made).deserialize_seq(Each(visit))
}

impl Serialize for TextsOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut triples = serializer.serialize_seq(Some(self.count))?;
        let mut written = Ok(());
        let visited = self.request.texts(|of, text| {
            if written.is_ok() {
                written = triples.serialize_element(&(of.role, text, of.message));
            }
        });
        visited.map_err(S::Error::custom)?;
        written?;
        triples.end()
    }
}

impl<'de, F: FnMut(TextOf, &str)> Visitor<'de> for Each<F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("triples of role, text and message")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut triples: A) -> Result<(), A::Error> {
        while let Some((role, text, message)) = triples.next_element::<(Role, &str, usize)>()? {
            (self.0)(TextOf { role, message }, text);
        }
        Ok(())
    }
}
