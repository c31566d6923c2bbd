//! Walks the members of a JSON object, or the elements of an array, without parsing what is inside them.
//!
//! This is what the gateway does to a body that no plugin reads. Strings are skipped with a vectorised search, nested
//! values by their brackets alone; only the level that is walked is checked for commas, colons and what follows it.
//! So the scan accepts everything that is JSON (nested at most [`MAX_DEPTH`] deep), and some of what is not.

use gatewright_model::DecodeError;
use memchr::memchr2;
use std::{borrow::Cow, ops::Range};

/// Deepest nesting of a value that is accepted, counted from the value itself.
pub const MAX_DEPTH: u32 = 128;

/// The members of an object, in their order. Ends after the first error.
#[derive(Debug)]
pub struct Members<'a>(Walk<'a>);

/// The elements of an array, in their order. Ends after the first error.
#[derive(Debug)]
pub struct Elements<'a>(Walk<'a>);

/// One member of an object.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    key: &'a str,
    /// The text of the value.
    pub value: &'a str,
    /// Where the key begins, its quote included.
    pub start: usize,
    /// Where the value is.
    pub value_span: Range<usize>,
    /// Where the comma before the member is; the first has none.
    pub comma: Option<usize>,
}

/// One element of an array.
#[derive(Clone, Debug)]
pub struct Element<'a> {
    /// Its text.
    pub value: &'a str,
    /// Where it is.
    pub span: Range<usize>,
}

/// A text is not JSON where the scan looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {at}")]
pub struct ScanError {
    at: usize,
    problem: &'static str,
}

/// Walks `text`, which must be one object with nothing but white space around it.
pub fn members(text: &str) -> Members<'_> {
    Members(Walk::new(text, b'{', b'}', "expected an object"))
}

/// Walks `text`, which must be one array with nothing but white space around it.
pub fn elements(text: &str) -> Elements<'_> {
    Elements(Walk::new(text, b'[', b']', "expected an array"))
}

/// One level of nesting being walked.
#[derive(Debug)]
struct Walk<'a> {
    text: &'a str,
    at: usize,
    open: u8,
    close: u8,
    missing: &'static str,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Before,
    Inside,
    Over,
}

// === impl Members ===

impl<'a> Iterator for Members<'a> {
    type Item = Result<Member<'a>, ScanError>;

    fn next(&mut self) -> Option<Self::Item> {
        let walk = &mut self.0;
        let comma = match walk.advance()? {
            Ok(comma) => comma,
            Err(error) => return Some(Err(error)),
        };
        let member = walk.member(comma);
        if member.is_err() {
            walk.state = State::Over;
        }
        Some(member)
    }
}

// === impl Elements ===

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Element<'a>, ScanError>;

    fn next(&mut self) -> Option<Self::Item> {
        let walk = &mut self.0;
        if let Err(error) = walk.advance()? {
            return Some(Err(error));
        }
        let element = walk.value().map(|span| Element { value: &walk.text[span.clone()], span });
        if element.is_err() {
            walk.state = State::Over;
        }
        Some(element)
    }
}

// === impl Member ===

impl<'a> Member<'a> {
    /// The member's name. An escaped name is unescaped, so that it cannot pass for another; one that cannot be is
    /// kept as it stands.
    pub fn name(&self) -> Cow<'a, str> {
        crate::json::unescape(self.key).unwrap_or(Cow::Borrowed(self.key))
    }

    /// The name as it stands in the text, without its quotes.
    pub fn raw_name(&self) -> &'a str {
        self.key
    }

    /// Where the member is, from its key's quote to the end of its value.
    pub fn span(&self) -> Range<usize> {
        self.start..self.value_span.end
    }
}

// === impl Walk ===

impl<'a> Walk<'a> {
    fn new(text: &'a str, open: u8, close: u8, missing: &'static str) -> Self {
        Self { text, at: 0, open, close, missing, state: State::Before }
    }

    /// Goes to the next item, or over the end. Answers where the comma before the item is.
    fn advance(&mut self) -> Option<Result<Option<usize>, ScanError>> {
        let step = match self.state {
            State::Over => return None,
            State::Before => self.enter(),
            State::Inside => self.after_item(),
        };
        match step {
            Ok(Some(comma)) => Some(Ok(comma)),
            Ok(None) => {
                self.state = State::Over;
                None
            }
            Err(error) => {
                self.state = State::Over;
                Some(Err(error))
            }
        }
    }

    /// `None`: the end; else the comma before the item.
    fn enter(&mut self) -> Result<Option<Option<usize>>, ScanError> {
        self.skip_space();
        if self.peek() != Some(self.open) {
            return Err(self.error(self.missing));
        }
        self.at += 1;
        self.state = State::Inside;
        self.skip_space();
        if self.peek() == Some(self.close) { self.leave() } else { Ok(Some(None)) }
    }

    fn after_item(&mut self) -> Result<Option<Option<usize>>, ScanError> {
        self.skip_space();
        match self.peek() {
            Some(b',') => {
                let comma = self.at;
                self.at += 1;
                self.skip_space();
                Ok(Some(Some(comma)))
            }
            Some(byte) if byte == self.close => self.leave(),
            _ => Err(self.error("expected a comma or the closing bracket")),
        }
    }

    fn leave(&mut self) -> Result<Option<Option<usize>>, ScanError> {
        self.at += 1;
        self.skip_space();
        if self.at == self.text.len() { Ok(None) } else { Err(self.error("expected nothing more")) }
    }

    fn member(&mut self, comma: Option<usize>) -> Result<Member<'a>, ScanError> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.error("expected the name of a member"));
        }
        let end = skip_string(self.text.as_bytes(), start)?;
        let key = &self.text[start + 1..end - 1];
        self.at = end;
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(self.error("expected a colon"));
        }
        self.at += 1;
        self.skip_space();
        let value_span = self.value()?;
        Ok(Member { key, value: &self.text[value_span.clone()], start, value_span, comma })
    }

    fn value(&mut self) -> Result<Range<usize>, ScanError> {
        let start = self.at;
        self.at = skip_value(self.text.as_bytes(), start)?;
        Ok(start..self.at)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn error(&self, problem: &'static str) -> ScanError {
        ScanError { at: self.at, problem }
    }
}

// === impl ScanError ===

impl From<ScanError> for DecodeError {
    fn from(error: ScanError) -> Self {
        Self::new(format!("the body is not valid JSON: {error}"))
    }
}

// === skipping ===

/// The end of the value that begins at `at`.
fn skip_value(bytes: &[u8], at: usize) -> Result<usize, ScanError> {
    match bytes.get(at) {
        Some(b'"') => skip_string(bytes, at),
        Some(b'{' | b'[') => skip_nested(bytes, at),
        Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
            let delimiter = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b':' | b' ' | b'\n' | b'\r' | b'\t' | b'"');
            Ok(bytes[at..].iter().position(delimiter).map_or(bytes.len(), |length| at + length))
        }
        _ => Err(ScanError { at, problem: "expected a value" }),
    }
}

/// The end of the string whose opening quote is at `at`.
fn skip_string(bytes: &[u8], at: usize) -> Result<usize, ScanError> {
    let mut next = at + 1;
    while let Some(found) = bytes.get(next..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        next += found;
        if bytes[next] == b'"' {
            return Ok(next + 1);
        }
        next += 2;
    }
    Err(ScanError { at, problem: "the string does not end" })
}

/// The end of the object or array that begins at `at`. The open brackets are a stack of bits.
fn skip_nested(bytes: &[u8], at: usize) -> Result<usize, ScanError> {
    let (mut stack, mut depth, mut next) = (0_u128, 0_u32, at);
    while let Some(&byte) = bytes.get(next) {
        match byte {
            b'"' => {
                next = skip_string(bytes, next)?;
                continue;
            }
            b'{' | b'[' => {
                if depth == MAX_DEPTH {
                    return Err(ScanError { at: next, problem: "nested too deep" });
                }
                stack = stack << 1 | u128::from(byte == b'{');
                depth += 1;
            }
            b'}' | b']' => {
                if (stack & 1 == 1) != (byte == b'}') {
                    return Err(ScanError { at: next, problem: "the brackets do not match" });
                }
                stack >>= 1;
                depth -= 1;
                if depth == 0 {
                    return Ok(next + 1);
                }
            }
            _ => {}
        }
        next += 1;
    }
    Err(ScanError { at, problem: "the brackets do not close" })
}

#[cfg(test)]
mod tests;
