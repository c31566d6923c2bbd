//! Secrets, taken out of what is logged.

use super::json;
use regex::{Captures, Regex};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::sync::LazyLock;

/// What stands in a secret's place.
pub(crate) const REDACTED: &str = "[redacted]";

/// Names that are secrets by one word.
const SECRETS: [&str; 11] = [
    "authorization",
    "secret",
    "secrets",
    "password",
    "passwd",
    "passphrase",
    "cookie",
    "cookies",
    "credential",
    "credentials",
    "apikey",
];

/// What tells of a secret is none.
const DESCRIPTIONS: [&str; 5] = ["id", "name", "type", "kind", "count"];

/// Texts that look like secrets, wherever they stand, in lines where quotes may be escaped. What an unnamed group
/// matches stays; what group `key` matches counts only where it does not go on with a word.
const PATTERNS: &str = concat!(
    // A whole list of cookies.
    r#"((?i:cookie)(?:\\?["'])?\s*[:=]\s*(?:\\?["'])?)[^\s"'\\\[][^"'\\]*"#,
    // `api_key=...`, `"authorization": "Basic ..."`.
    r#"|((?i:authorization|api[_-]?key|client[_-]secret|password|passwd|(?:access|refresh|auth|session|id)[_-]token)"#,
    r#"(?:\\?["'])?\s*[:=]\s*(?:\\?["'])?(?:(?i:bearer|basic|token|digest)\s+)?)[^\s"'\\,;&\[][^\s"'\\,;&]*"#,
    r#"|((?:["'](?i:token|secret)\\?["']\s*:\s*\\?["']))[^"'\\\[][^"'\\]*"#,
    r"|((?i:bearer)\s+)[A-Za-z0-9._~+/=-]+",
    r#"|([?&](?i:key|token|sig|signature)=)[^\s"'\\&]+"#,
    // `https://user:password@host`.
    r#"|(://[^\s"'/:@]+:)[^\s"'/@]+@"#,
    // The keys of providers, clouds and forges, and signed tokens.
    r"|(?P<key>sk-[A-Za-z0-9_-]{6,}|AIza[A-Za-z0-9_-]{20,}|(?:AKIA|ASIA)[A-Z0-9]{16}",
    r"|(?:gsk|hf|gh[pousr]|glpat|xai|pplx|r8)[_-][A-Za-z0-9_-]{16,}",
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?)",
);

/// What is shorter matches none of the patterns.
const SHORTEST: usize = 6;

/// A JSON value whose `Display` is its compact text without secrets, on one line.
#[derive(Clone, Copy, Debug)]
pub struct Redacted<'a>(pub &'a Json);

/// Whether a member or field of this name holds a secret: `authorization`, `x-api-key`, `access_token`, `client_secret`,
/// `password`, `set-cookie`. The name of a key (`api_key_id`) and a count of tokens (`input_tokens`) are none.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let (mut before, mut secret) = ("", false);
    for word in words(name) {
        let is = |list: &[&str]| list.iter().any(|other| word.eq_ignore_ascii_case(other));
        let follows = |list: &[&str]| list.iter().any(|other| before.eq_ignore_ascii_case(other));
        secret = (secret && !is(&DESCRIPTIONS))
            || is(&SECRETS)
            || (is(&["token"]) && !follows(&["first", "input", "output", "per", "next", "max"]))
            || (is(&["key"]) && follows(&["api", "private", "access", "signing", "encryption", "client"]));
        before = word;
    }
    secret
}

/// The same for the name of a field in the source, remembered by its place.
pub(super) fn is_secret_field(name: &'static str) -> bool {
    /// Place and length of a name, and what it is.
    type Known = Cell<(usize, usize, bool)>;
    const PLACES: usize = 128;
    thread_local! {
        static KNOWN: [Known; PLACES] = const { [const { Cell::new((0, 0, false)) }; PLACES] };
    }
    let (at, length) = (name.as_ptr() as usize, name.len());
    let known = KNOWN.try_with(|known| {
        let place = &known[(at ^ at >> 7).wrapping_add(length) % PLACES];
        match place.get() {
            (same_at, same_length, secret) if (same_at, same_length) == (at, length) => secret,
            _ => {
                let secret = is_secret_name(name);
                place.set((at, length, secret));
                secret
            }
        }
    });
    known.unwrap_or_else(|_| is_secret_name(name))
}

/// Splits `set-cookie`, `api_key` and `accessToken` alike.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|letter: char| !letter.is_ascii_alphanumeric()).flat_map(|part| {
        let mut rest = part;
        std::iter::from_fn(move || {
            let bytes = rest.as_bytes();
            let boundary =
                bytes.windows(2).position(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
            let (word, left) = rest.split_at(boundary.map_or(rest.len(), |at| at + 1));
            rest = left;
            Some(word).filter(|word| !word.is_empty())
        })
    })
}

/// A text without what looks like a secret: `Bearer ...`, `sk-...`, `https://user:password@`.
pub fn redact(text: &str) -> Cow<'_, str> {
    if text.len() < SHORTEST {
        return Cow::Borrowed(text);
    }
    static REGEX: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(PATTERNS).ok());
    // That the patterns are legal is tested.
    let Some(regex) = &*REGEX else { return Cow::Borrowed(REDACTED) };
    regex.replace_all(text, |found: &Captures<'_>| match found.name("key") {
        Some(key) if in_word(&text.as_bytes()[..key.start()]) => key.as_str().to_owned(),
        Some(_) => REDACTED.to_owned(),
        None => {
            let kept = found.iter().skip(1).flatten().next().map_or("", |kept| kept.as_str());
            let at = if found[0].ends_with('@') && kept.starts_with("://") { "@" } else { "" };
            format!("{kept}{REDACTED}{at}")
        }
    })
}

/// Whether what comes next would go on with a word: `ri` before `sk-based`. The letters of an escape are no word.
fn in_word(before: &[u8]) -> bool {
    let escaped = match before {
        [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f'] => true,
        [.., b'\\', b'u', a, b, c, d] => [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()),
        _ => false,
    };
    !escaped && before.last().is_some_and(u8::is_ascii_alphanumeric)
}

// === impl Redacted ===

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Json::String(text) => json::write_text(f, &redact(text)),
            Json::Array(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { "," })?;
                    Redacted(item).fmt(f)?;
                }
                f.write_str("]")
            }
            Json::Object(members) => {
                f.write_str("{")?;
                for (at, (name, value)) in members.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { "," })?;
                    json::write_text(f, name)?;
                    f.write_str(":")?;
                    match is_secret_name(name) && !value.is_null() {
                        true => json::write_text(f, REDACTED)?,
                        false => Redacted(value).fmt(f)?,
                    }
                }
                f.write_str("}")
            }
            other => other.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
