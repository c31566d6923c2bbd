//! The texts of a conversation, without what stands around them.

use crate::document::{self, NotADocument, Texts};
use gatewright_model::{Messages, Role};
use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserializer, Serialize, Serializer};

/// What stands around a text, in bytes: at most the word for a role, two lengths and the pair.
const AROUND: usize = 16;

/// Pairs of role and text.
struct TextsOut<'a> {
    messages: &'a Messages,
    count: usize,
}

/// Who visits them.
struct Each<F>(F);

/// The document of all texts.
pub(super) fn write(messages: &Messages) -> Vec<u8> {
    let (mut count, mut bytes) = (0, AROUND);
    messages.texts(|_, text| {
        count += 1;
        bytes += text.len() + AROUND;
    });
    document::write_sized(bytes, &TextsOut { messages, count })
}

/// Visits the texts of such a document.
pub(super) fn visit(document: &[u8], made: Texts, visit: impl FnMut(Role, &str)) -> Result<(), NotADocument> {
    document::reader(document, made).deserialize_seq(Each(visit))
}

impl Serialize for TextsOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pairs = serializer.serialize_seq(Some(self.count))?;
        let mut written = Ok(());
        self.messages.texts(|role, text| {
            if written.is_ok() {
                written = pairs.serialize_element(&(role, text));
            }
        });
        written?;
        pairs.end()
    }
}

impl<'de, F: FnMut(Role, &str)> Visitor<'de> for Each<F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("pairs of role and text")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut pairs: A) -> Result<(), A::Error> {
        while let Some((role, text)) = pairs.next_element::<(Role, &str)>()? {
            (self.0)(role, text);
        }
        Ok(())
    }
}
