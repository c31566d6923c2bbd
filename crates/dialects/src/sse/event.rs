//! Reads one event.

use memchr::memchr2;
use std::{borrow::Cow, ops::Range};

/// What one event says. Fields other than `event` and `data` do not matter to LLM streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The value of `event`, if it has one.
    pub name: Option<&'a str>,
    /// The lines of `data`, joined by line breaks; `None` if there are none (a comment, a keep-alive).
    pub data: Option<Cow<'a, str>>,
    /// Where in the event the data is, if it is a single line.
    pub data_span: Option<Range<usize>>,
}

/// One line of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The field's name; empty for a comment.
    pub field: &'a str,
    /// Its value, without the one space that may stand before it.
    pub value: &'a str,
    /// Where the value begins in the event.
    pub at: usize,
}

const BOM: &str = "\u{feff}";

// === impl Event ===

impl<'a> Event<'a> {
    /// Reads an event as a framer cut it. `None` if it is not UTF-8.
    pub fn read(event: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(event).ok()?;
        let mut read = Self { name: None, data: None, data_span: None };
        for line in Self::lines(text) {
            match line.field {
                "event" => read.name = Some(line.value),
                "data" => read.push(line),
                _ => {}
            }
        }
        Some(read)
    }

    /// The lines of an event that are not blank.
    pub fn lines(text: &'a str) -> impl Iterator<Item = Line<'a>> {
        // Line ends before the first line may be the rest of the event before.
        let blank = text.len() - text.trim_start_matches(['\r', '\n']).len();
        let mut at = if text[blank..].starts_with(BOM) { blank + BOM.len() } else { blank };
        std::iter::from_fn(move || {
            loop {
                let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
                let length = memchr2(b'\n', b'\r', rest.as_bytes()).unwrap_or(rest.len());
                let start = at;
                at += length + 1;
                if length > 0 {
                    return Some(Line::read(&rest[..length], start));
                }
            }
        })
    }

    fn push(&mut self, line: Line<'a>) {
        match &mut self.data {
            None => {
                self.data = Some(Cow::Borrowed(line.value));
                self.data_span = Some(line.at..line.at + line.value.len());
            }
            Some(data) => {
                let data = data.to_mut();
                data.push('\n');
                data.push_str(line.value);
                self.data_span = None;
            }
        }
    }
}

// === impl Line ===

impl<'a> Line<'a> {
    fn read(line: &'a str, start: usize) -> Self {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        Self { field, value, at: start + line.len() - value.len() }
    }
}
