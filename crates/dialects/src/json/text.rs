//! The text of JSON strings.

use super::Value;
use bytes::{BufMut, BytesMut};
use std::borrow::Cow;

/// What the text between the quotes of a string says. `None` where an escape is broken. Half of a surrogate pair
/// becomes U+FFFD: streams have been seen to cut pairs apart.
pub(crate) fn unescape(inner: &str) -> Option<Cow<'_, str>> {
    let Some(first) = memchr::memchr(b'\\', inner.as_bytes()) else {
        return Some(Cow::Borrowed(inner));
    };
    let mut said = String::with_capacity(inner.len());
    let (mut rest, mut next) = (inner, first);
    loop {
        said.push_str(&rest[..next]);
        let escape = *rest.as_bytes().get(next + 1)?;
        let mut length = 2;
        match escape {
            b'"' | b'\\' | b'/' => said.push(char::from(escape)),
            b'b' => said.push('\u{8}'),
            b'f' => said.push('\u{c}'),
            b'n' => said.push('\n'),
            b'r' => said.push('\r'),
            b't' => said.push('\t'),
            b'u' => {
                let (character, taken) = unicode(&rest[next..])?;
                said.push(character);
                length = taken;
            }
            _ => return None,
        }
        rest = &rest[next + length..];
        match memchr::memchr(b'\\', rest.as_bytes()) {
            Some(at) => next = at,
            None => break,
        }
    }
    said.push_str(rest);
    Some(Cow::Owned(said))
}

/// The same JSON, its strings without escapes that they can do without: what looks for words in it must not have to know
/// how else they can be written.
pub(crate) fn plain(json: &str) -> Cow<'_, str> {
    let escaped = |escape: &[u8]| memchr::memmem::find(json.as_bytes(), escape).is_some();
    if !escaped(b"\\u") && !escaped(b"\\/") {
        return Cow::Borrowed(json);
    }
    let (mut plain, mut rest) = (String::with_capacity(json.len()), json);
    // Nothing but strings has escapes, so that it need not be known where they are.
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = match unicode(rest).filter(|_| rest.starts_with("\\u")) {
            Some((character, length)) if !is_escaped(character) => {
                plain.push(character);
                length
            }
            _ if rest.starts_with("\\/") => {
                plain.push('/');
                2
            }
            // A backslash at the very end is not JSON, and stays what it is.
            _ => {
                let length = rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at);
                plain.push_str(&rest[..length]);
                length
            }
        };
        rest = &rest[length..];
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// The same of a text that may be no JSON, which stays what it is: models write such arguments, and nothing is known of them.
pub fn plain_if_json(text: &str) -> Cow<'_, str> {
    match plain(text) {
        Cow::Owned(plain) if Value::is_json(text) => Cow::Owned(plain),
        _ => Cow::Borrowed(text),
    }
}

/// Whether a string cannot have the character as it is. Half of a pair, which is read as U+FFFD, stays what it is, too.
fn is_escaped(character: char) -> bool {
    character < ' ' || matches!(character, '"' | '\\' | char::REPLACEMENT_CHARACTER)
}

/// The character of the escape that `text` begins with, and how many bytes it takes.
fn unicode(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 4)?;
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
    };
    let first = unit(2)?;
    if let 0xD800..0xDC00 = first
        && text.get(6..8) == Some("\\u")
        && let Some(second @ 0xDC00..0xE000) = unit(8)
    {
        let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        return Some((char::from_u32(code)?, 12));
    }
    Some((char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6))
}

/// Writes a string, quotes included.
pub(crate) fn write_string(out: &mut BytesMut, text: &str) {
    out.reserve(text.len() + 2);
    out.put_u8(b'"');
    let mut plain = 0;
    for (at, &byte) in text.as_bytes().iter().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&text.as_bytes()[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.put_u8(if byte < 16 { b'0' } else { b'1' });
                out.put_u8(b"0123456789abcdef"[usize::from(byte & 15)]);
            }
        }
    }
    out.extend_from_slice(&text.as_bytes()[plain..]);
    out.put_u8(b'"');
}
