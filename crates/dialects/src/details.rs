//! Thoughts in parts, as OpenRouter has them: `reasoning_details`.
//!
//! Some of these parts only the provider of the model can read, or check: they have a signature over their text, or data in
//! its place, and must come back with the next turn. A client of Anthropic's dialect sends thinking back with its
//! signature as it came: so a part is sealed in there, without its text, and is opened on its way to the provider.

use crate::json::{
    Kind, Value, extra,
    write::{self, ArrayWriter, ObjectWriter},
};
use bytes::BytesMut;
use gatewright_model::{Block, Content, Message};

/// The member of messages and deltas.
pub(crate) const REASONING_DETAILS: &str = "reasoning_details";

/// What a sealed part begins with.
const MARK: &str = "reasoning_details:";

/// The longest sealed part, in bytes.
const LONGEST: usize = 64 << 10;

/// The members of a part that are sealed. What a reader would read is not among them: nothing is hidden in a seal.
const SEALED: [&str; 6] = ["type", "id", "format", "index", "signature", "data"];

/// The part without its text, if it has a signature or data, and is not too long.
pub(crate) fn seal(part: Value<'_>) -> Option<String> {
    if !has(part, "signature") && !has(part, "data") {
        return None;
    }
    let mut sealed = BytesMut::from(MARK);
    write::object(&mut sealed, |object| write_kept(object, part));
    String::from_utf8(sealed.into()).ok().filter(|sealed| sealed.len() <= LONGEST)
}

/// All parts in the value of [`REASONING_DETAILS`] that can be sealed.
pub(crate) fn seal_all(details: Value<'_>) -> Vec<String> {
    details.elements().into_iter().flatten().flatten().filter_map(seal).collect()
}

/// Whether a signature is a part that was sealed.
pub(crate) fn is_sealed(signature: &str) -> bool {
    signature.starts_with(MARK)
}

/// Whether a sealed part is valid whatever became of its text: it has data in place of one.
pub(crate) fn stands_alone(seal: &str) -> bool {
    open(seal).is_some_and(|part| has(part, "data"))
}

/// Writes a part with its text. `seal`: what it is sealed in, if it is.
pub(crate) fn write(array: &mut ArrayWriter<'_>, seal: Option<&str>, text: &str) {
    let part = seal.and_then(open);
    let stands_alone = part.is_none_or(|part| has(part, "data"));
    if !text.is_empty() && stands_alone {
        array.object(|object| {
            object.string("type", "reasoning.text");
            object.string("text", text);
        });
    }
    if let Some(part) = part {
        array.object(|object| {
            write_kept(object, part);
            if !stands_alone {
                object.string("text", text);
            }
        });
    }
}

fn open(seal: &str) -> Option<Value<'_>> {
    let part = seal.strip_prefix(MARK).filter(|part| part.starts_with('{') && Value::is_json(part))?;
    Some(Value::loose(part.trim_ascii_end()))
}

/// Whether a member is a text, and not an empty one.
fn has(part: Value<'_>, name: &str) -> bool {
    let is_text = |value: Value<'_>| value.kind() == Kind::String && value.text() != "\"\"";
    part.object().is_ok_and(|part| part.peek(name).is_some_and(is_text))
}

fn write_kept(object: &mut ObjectWriter<'_>, part: Value<'_>) {
    let Ok(part) = part.object() else { return };
    for name in SEALED {
        if let Some(value) = part.peek(name).filter(|value| matches!(value.kind(), Kind::String | Kind::Scalar)) {
            object.raw(name, value.text());
        }
    }
}

/// The blocks of an answer with a thought for each of its parts, a sealed part in the place of the signature; `None` if
/// there are no parts to seal. `came`: the message before it was edited: of edited thoughts only what stands alone is
/// sealed, and the answer says that not all was.
pub(crate) fn blocks(message: &Message, came: Option<&Message>) -> Option<(Vec<Block>, bool)> {
    let raw = extra(message.extra(), REASONING_DETAILS)?;
    let (mut thoughts, mut texts, mut seals) = (Vec::new(), String::new(), Vec::new());
    for part in Value::within(raw.bytes(), raw.as_str()).elements().ok()? {
        let part = part.ok()?;
        let mut object = part.object().ok()?;
        let mut text = |name: &str| object.string(name).ok().flatten();
        let text = text("text").or_else(|| text("summary")).unwrap_or_default();
        texts.push_str(&text);
        let seal = seal(part);
        seals.extend(seal.clone());
        match seal {
            Some(seal) if text.is_empty() => thoughts.push(redacted(seal)),
            None if text.is_empty() => {}
            signature => thoughts.push(Content::Reasoning { text, signature, redacted: None }),
        }
    }
    if seals.is_empty() {
        return None;
    }
    let (said, others): (Vec<&Block>, Vec<&Block>) = message.blocks().iter().partition(|block| is_thought(block));
    let (whole, whole_came) = (thoughts_of(message), came.map(thoughts_of).unwrap_or_default());
    let as_it_came = came.and_then(|came| extra(came.extra(), REASONING_DETAILS)) == Some(raw);
    let unedited = as_it_came && whole == whole_came;
    if !unedited {
        thoughts = match whole.is_empty() {
            true if whole_came.is_empty() => vec![Content::Reasoning { text: texts, signature: None, redacted: None }],
            // They were taken out.
            true => Vec::new(),
            false => said.into_iter().map(|block| block.content.clone()).collect(),
        };
        thoughts.extend(seals.into_iter().filter(|seal| stands_alone(seal)).map(redacted));
    }
    let blocks = thoughts.into_iter().map(Block::from).chain(others.into_iter().cloned());
    Some((blocks.collect(), unedited))
}

fn is_thought(block: &Block) -> bool {
    matches!(block.content, Content::Reasoning { .. })
}

/// The thoughts that stand beside their parts, as one text.
fn thoughts_of(message: &Message) -> String {
    message.blocks().iter().filter(|block| is_thought(block)).map(|block| block.as_text()).collect()
}

/// A thought that nobody reads.
fn redacted(seal: String) -> Content {
    Content::Reasoning { text: String::new(), signature: None, redacted: Some(seal) }
}
