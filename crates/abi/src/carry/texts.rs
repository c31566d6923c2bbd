//! The texts of a conversation, without what stands around them.

use crate::document::{self, NotADocument, Texts};
use gatewright_model::{DecodeError, Request, Role, TextOf};
use serde::de::{SeqAccess, Visitor};
use serde::ser::{Error, SerializeSeq};
use serde::{Deserializer, Serialize, Serializer};

/// What stands around a text, in bytes: at most the word for a role, its own length, and the number of a message.
const AROUND: usize = 24;

/// Triples of role, text and message.
struct TextsOut<'a> {
    request: &'a Request,
    count: usize,
}

/// Who visits them.
struct Each<F>(F);

/// The document of all texts.
pub(super) fn write(request: &Request) -> Result<Vec<u8>, DecodeError> {
    let (mut count, mut bytes) = (0, AROUND);
    request.texts(|_, text| {
        count += 1;
        bytes += text.len() + AROUND;
    })?;
    Ok(document::write_sized(bytes, &TextsOut { request, count }))
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
