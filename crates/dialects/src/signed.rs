//! Signatures over tool calls.
//!
//! Gemini signs its tool calls, and refuses a conversation in which one comes back without. In OpenAI's dialect the
//! signature is a member of the call, `{"extra_content": {"google": {"thought_signature": "..."}}}`. Anthropic's has no
//! place for it that clients send back without knowing of it, but for the call's id: so it stands there, behind the
//! provider's own, and is taken out of it again on its way to the provider.

use crate::json::{Value, write::ObjectWriter};
use gatewright_model::Extra;
use std::fmt::Write;

/// The member of a call in OpenAI's dialect.
pub(crate) const EXTRA_CONTENT: &str = "extra_content";

/// What is between an id and the signature behind it.
const MARK: &str = "__signed__";

/// The longest signature that is put into an id, in bytes. Each call's comes back in two places with every request.
const LONGEST: usize = 16 << 10;

/// The signature in the value of [`EXTRA_CONTENT`].
pub(crate) fn read(extra_content: Value<'_>) -> Option<String> {
    let mut google = extra_content.object().ok()?.peek("google")?.object().ok()?;
    google.string("thought_signature").ok()?.filter(|signature| !signature.is_empty())
}

/// The signature among the members of a call.
pub(crate) fn of_call(extra: &Extra) -> Option<String> {
    let raw = crate::json::extra(extra, EXTRA_CONTENT)?;
    read(Value::within(raw.bytes(), raw.as_str()))
}

/// Writes the signature as a member of a call.
pub(crate) fn write(call: &mut ObjectWriter<'_>, signature: &str) {
    call.object(EXTRA_CONTENT, |content| {
        content.object("google", |google| google.string("thought_signature", signature));
    });
}

/// The id with the signature behind it, of letters, digits, `_` and `-` where the id is: each other character is `_` and
/// its bytes as two hexadecimal digits each. `None` if the signature is too long.
pub(crate) fn put(id: &str, signature: &str) -> Option<String> {
    if signature.len() > LONGEST {
        return None;
    }
    let mut signed = format!("{id}{MARK}");
    for byte in signature.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => signed.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => drop(write!(signed, "_{byte:02x}")),
        }
    }
    Some(signed)
}

/// The provider's own id, and the signature that [`put`] put behind it.
pub(crate) fn take(id: &str) -> (&str, Option<String>) {
    // What stands behind the mark has no two `_` after each other.
    let signed = id.rsplit_once(MARK).and_then(|(own, written)| Some((own, unescape(written)?)));
    signed.map_or((id, None), |(own, signature)| (own, Some(signature)))
}

fn unescape(written: &str) -> Option<String> {
    let mut pieces = written.split('_');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let byte = u8::from_str_radix(piece.get(..2)?, 16).ok()?;
        bytes.push(byte);
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok().filter(|signature| !signature.is_empty())
}

#[cfg(test)]
mod tests;
