//! Goes through a text from its front to its back.

use super::{MAX_DEPTH, ScanError};
use crate::json::unescape;
use memchr::{memchr, memchr2};
use std::{borrow::Cow, ops::Range};

/// A place in a text. Values are skipped, or entered, so that each byte is looked at once.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

/// The name of a member, as it stands between its quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'a> {
    text: &'a str,
    escaped: bool,
}

/// A string.
#[derive(Clone, Debug)]
pub(crate) struct Said<'a> {
    /// Where it is, quotes included.
    pub(crate) span: Range<usize>,
    /// What it says.
    pub(crate) text: Cow<'a, str>,
}

// === impl Cursor ===

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The first byte of the value that comes.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Goes over an object, if one comes: `member` is called before the value of each, and must go over it. Answers
    /// whether it was an object; another value is skipped.
    pub(crate) fn object<E: From<ScanError>>(
        &mut self,
        mut member: impl FnMut(&mut Self, Key<'a>) -> Result<(), E>,
    ) -> Result<bool, E> {
        self.items(b'{', b'}', |cursor| {
            let key = cursor.key()?;
            member(cursor, key)
        })
    }

    /// Goes over an array, if one comes, in the same way.
    pub(crate) fn array<E: From<ScanError>>(
        &mut self,
        element: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<bool, E> {
        self.items(b'[', b']', element)
    }

    fn items<E: From<ScanError>>(
        &mut self,
        open: u8,
        close: u8,
        mut item: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<bool, E> {
        if !self.take(open) {
            self.skip()?;
            return Ok(false);
        }
        self.skip_space();
        if self.take(close) {
            return Ok(true);
        }
        loop {
            item(self)?;
            if self.take(b',') {
                self.skip_space();
                continue;
            }
            self.expect(close, "expected a comma or the closing bracket")?;
            return Ok(true);
        }
    }

    /// Goes over a member's name and its colon.
    pub(super) fn key(&mut self) -> Result<Key<'a>, ScanError> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.error("expected the name of a member"));
        }
        let (end, escaped) = skip_string(self.text.as_bytes(), start)?;
        self.at = end;
        self.expect(b':', "expected a colon")?;
        self.skip_space();
        Ok(Key { text: &self.text[start + 1..end - 1], escaped })
    }

    /// Goes over a value. Answers where it is.
    pub(crate) fn skip(&mut self) -> Result<Range<usize>, ScanError> {
        let start = self.at;
        self.at = skip_value(self.text.as_bytes(), start)?;
        Ok(start..self.at)
    }

    /// Goes over a value. Answers its text.
    pub(crate) fn value(&mut self) -> Result<&'a str, ScanError> {
        self.skip().map(|span| &self.text[span])
    }

    /// Goes over a string. `None` if another value came, or if
    /// an escape is broken; it is skipped.
    pub(crate) fn string(&mut self) -> Result<Option<Said<'a>>, ScanError> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            self.skip()?;
            return Ok(None);
        }
        let (end, escaped) = skip_string(self.text.as_bytes(), start)?;
        self.at = end;
        let inner = &self.text[start + 1..end - 1];
        let said = if escaped { unescape(inner) } else { Some(Cow::Borrowed(inner)) };
        Ok(said.map(|text| Said { span: start..end, text }))
    }

    /// Goes over white space and `byte`, if that comes.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let taken = self.peek() == Some(byte);
        self.at += usize::from(taken);
        taken
    }

    pub(super) fn expect(&mut self, byte: u8, problem: &'static str) -> Result<(), ScanError> {
        if self.take(byte) { Ok(()) } else { Err(self.error(problem)) }
    }

    /// Nothing but white space may come.
    pub(crate) fn end(&mut self) -> Result<(), ScanError> {
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.error("expected nothing more")) }
    }

    pub(crate) fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn error(&self, problem: &'static str) -> ScanError {
        ScanError { at: self.at, problem }
    }
}

// === impl Key ===

impl<'a> Key<'a> {
    /// What it says.
    pub(crate) fn name(&self) -> Cow<'a, str> {
        let unescaped = if self.escaped { unescape(self.text) } else { None };
        unescaped.unwrap_or(Cow::Borrowed(self.text))
    }
}

// === skipping ===

/// What a byte outside of strings means to the one who skips.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Part of a number or word, a comma or colon, white space.
    Plain,
    Quote,
    Open,
    Close,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Plain; 256];
    classes[b'"' as usize] = Class::Quote;
    (classes[b'{' as usize], classes[b'[' as usize]) = (Class::Open, Class::Open);
    (classes[b'}' as usize], classes[b']' as usize]) = (Class::Close, Class::Close);
    classes
};

/// The end of the value that begins at `at`.
fn skip_value(bytes: &[u8], at: usize) -> Result<usize, ScanError> {
    match bytes.get(at) {
        Some(b'"') => pass_string(bytes, at),
        Some(b'{' | b'[') => skip_nested(bytes, at),
        Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
            let within = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'.' | b'E' | b'+' | b'-');
            let length = bytes[at..].iter().position(|byte| !within(byte));
            Ok(length.map_or(bytes.len(), |length| at + length))
        }
        _ => Err(ScanError { at, problem: "expected a value" }),
    }
}

/// The end of the string whose opening quote is at `at`, and whether it has an escape.
fn skip_string(bytes: &[u8], at: usize) -> Result<(usize, bool), ScanError> {
    let (mut next, mut escaped) = (at + 1, false);
    while let Some(found) = find_quote_or_escape(bytes, next) {
        if bytes[found] == b'"' {
            return Ok((found + 1, escaped));
        }
        escaped = true;
        next = found + 2;
    }
    Err(ScanError { at, problem: "the string does not end" })
}

/// The end of the string whose opening quote is at `at`, for those who do not ask what it says.
///
/// Only quotes are looked for: a long text has a line break, which is an escape, in every line.
fn pass_string(bytes: &[u8], at: usize) -> Result<usize, ScanError> {
    let mut next = at + 1;
    while let Some(found) = find(bytes, next, [b'"'], |rest| memchr(b'"', rest)) {
        // The runs of backslashes before two quotes share no byte, so none is looked at twice.
        let escapes = bytes[at + 1..found].iter().rev().take_while(|byte| **byte == b'\\').count();
        if escapes % 2 == 0 {
            return Ok(found + 1);
        }
        next = found + 1;
    }
    Err(ScanError { at, problem: "the string does not end" })
}

/// Where the first quote or backslash is, from `at` on.
fn find_quote_or_escape(bytes: &[u8], at: usize) -> Option<usize> {
    find(bytes, at, [b'"', b'\\'], |rest| memchr2(b'"', b'\\', rest))
}

/// Where the first of `sought` is, from `at` on.
///
/// Names and the runs between escapes are short: the first words are searched here, since to start the vectorised
/// search takes longer than that.
#[inline]
fn find<const N: usize>(
    bytes: &[u8],
    at: usize,
    sought: [u8; N],
    vectorised: impl Fn(&[u8]) -> Option<usize>,
) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    // The lowest set bit is in the first byte of `word` that is `byte`.
    let hits = |word: u64, byte: u8| {
        let zeros = word ^ (ONES * u64::from(byte));
        zeros.wrapping_sub(ONES) & !zeros & (ONES << 7)
    };
    let mut next = at;
    for _ in 0..4 {
        let Some(word) = bytes.get(next..).and_then(|rest| rest.first_chunk()) else {
            break;
        };
        let word = u64::from_le_bytes(*word);
        let found = sought.iter().fold(0, |found, byte| found | hits(word, *byte));
        if found != 0 {
            return Some(next + found.trailing_zeros() as usize / 8);
        }
        next += 8;
    }
    vectorised(bytes.get(next..)?).map(|found| next + found)
}

/// The end of the object or array that begins at `at`. The open brackets are a stack of bits.
fn skip_nested(bytes: &[u8], at: usize) -> Result<usize, ScanError> {
    let (mut stack, mut depth, mut next) = (0_u128, 0_u32, at);
    while let Some(&byte) = bytes.get(next) {
        match CLASSES[usize::from(byte)] {
            Class::Plain => next += 1,
            Class::Quote => next = pass_string(bytes, next)?,
            Class::Open => {
                if depth == MAX_DEPTH {
                    return Err(ScanError { at: next, problem: "nested too deep" });
                }
                stack = stack << 1 | u128::from(byte == b'{');
                depth += 1;
                next += 1;
            }
            Class::Close => {
                if (stack & 1 == 1) != (byte == b'}') {
                    return Err(ScanError { at: next, problem: "the brackets do not match" });
                }
                stack >>= 1;
                depth -= 1;
                next += 1;
                if depth == 0 {
                    return Ok(next);
                }
            }
        }
    }
    Err(ScanError { at, problem: "the brackets do not close" })
}
