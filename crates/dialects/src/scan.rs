//! Walks the members of a JSON object, or the elements of an array, without parsing what is inside them.
//!
//! This is what the gateway does to a body that no plugin reads. Strings are skipped with a vectorised search, nested
//! values by their brackets alone; only the level that is walked is checked for commas, colons and what follows it.
//! So the scan accepts everything that is JSON (nested at most [`MAX_DEPTH`] deep), and some of what is not.

mod cursor;

pub(crate) use cursor::{Cursor, Key, Said};

use gatewright_model::DecodeError;
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
    key: Key<'a>,
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
    cursor: Cursor<'a>,
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
        let element = walk.cursor.skip().map(|span| Element { value: &walk.cursor.text()[span.clone()], span });
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
        self.key.name()
    }

    /// Where the member is, from its key's quote to the end of its value.
    pub fn span(&self) -> Range<usize> {
        self.start..self.value_span.end
    }
}

// === impl Walk ===

impl<'a> Walk<'a> {
    fn new(text: &'a str, open: u8, close: u8, missing: &'static str) -> Self {
        Self { cursor: Cursor::new(text), open, close, missing, state: State::Before }
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
        self.cursor.expect(self.open, self.missing)?;
        self.state = State::Inside;
        if self.cursor.take(self.close) { self.leave() } else { Ok(Some(None)) }
    }

    fn after_item(&mut self) -> Result<Option<Option<usize>>, ScanError> {
        if self.cursor.take(b',') {
            let comma = self.cursor.at() - 1;
            self.cursor.skip_space();
            return Ok(Some(Some(comma)));
        }
        self.cursor.expect(self.close, "expected a comma or the closing bracket")?;
        self.leave()
    }

    fn leave(&mut self) -> Result<Option<Option<usize>>, ScanError> {
        self.cursor.end().map(|()| None)
    }

    fn member(&mut self, comma: Option<usize>) -> Result<Member<'a>, ScanError> {
        let start = self.cursor.at();
        let key = self.cursor.key()?;
        let value_span = self.cursor.skip()?;
        Ok(Member { key, value: &self.cursor.text()[value_span.clone()], start, value_span, comma })
    }
}

// === impl ScanError ===

impl From<ScanError> for DecodeError {
    fn from(error: ScanError) -> Self {
        Self::new(format!("the body is not valid JSON: {error}"))
    }
}

#[cfg(test)]
mod tests;
