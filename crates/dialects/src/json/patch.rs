//! Changes JSON text in place; what is not changed stays as it was, byte for byte.

use super::write_string;
use crate::scan::{self, ScanError};
use bytes::{Bytes, BytesMut};
use gatewright_model::Segments;
use smallvec::SmallVec;
use std::ops::Range;

/// Spans of a text, each with what is to stand there instead. They must not overlap.
#[derive(Debug, Default)]
pub(crate) struct Edits(SmallVec<[(Range<usize>, Bytes); 4]>);

// === impl Edits ===

impl Edits {
    pub(crate) fn replace(&mut self, span: Range<usize>, with: impl Into<Bytes>) {
        self.0.push((span, with.into()));
    }

    /// Replaces a value by a string.
    pub(crate) fn replace_by_string(&mut self, span: Range<usize>, text: &str) {
        let mut json = BytesMut::new();
        write_string(&mut json, text);
        self.replace(span, json);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends the changed text.
    pub(crate) fn write(self, text: &[u8], out: &mut BytesMut) {
        for piece in self.pieces(text.len()) {
            match piece {
                Piece::Kept(span) => out.extend_from_slice(&text[span]),
                Piece::New(new) => out.extend_from_slice(&new),
            }
        }
    }

    /// The changed text in pieces; what is kept shares the buffer.
    pub(crate) fn slices(self, text: &Bytes) -> Segments {
        let bytes = |piece| match piece {
            Piece::Kept(span) => text.slice(span),
            Piece::New(new) => new,
        };
        self.pieces(text.len()).into_iter().map(bytes).collect()
    }

    fn pieces(mut self, length: usize) -> SmallVec<[Piece; 8]> {
        self.0.sort_by_key(|(span, _)| (span.start, span.end));
        let (mut pieces, mut at) = (SmallVec::new(), 0);
        for (span, new) in self.0 {
            if span.start > at {
                pieces.push(Piece::Kept(at..span.start));
            }
            if !new.is_empty() {
                pieces.push(Piece::New(new));
            }
            at = span.end;
        }
        if at < length {
            pieces.push(Piece::Kept(at..length));
        }
        pieces
    }
}

enum Piece {
    /// Unchanged, from here to there.
    Kept(Range<usize>),
    New(Bytes),
}

/// The object `text` with members set; those that it does not have are put at its end.
pub(crate) fn with_members(text: &str, set: &[(&str, Bytes)]) -> Result<BytesMut, ScanError> {
    let mut edits = Edits::default();
    let mut missing: SmallVec<[&(&str, Bytes); 4]> = set.iter().collect();
    let mut end = text.find('{').map_or(0, |at| at + 1);
    let mut first = true;
    for member in scan::members(text) {
        let member = member?;
        let name = member.name();
        (first, end) = (false, member.value_span.end);
        if let Some((_, value)) = set.iter().find(|(key, _)| *key == name) {
            missing.retain(|(key, _)| *key != name);
            edits.replace(member.value_span, value.clone());
        }
    }
    let mut added = BytesMut::new();
    for (name, value) in missing {
        if !std::mem::take(&mut first) {
            added.extend_from_slice(b",");
        }
        write_string(&mut added, name);
        added.extend_from_slice(b":");
        added.extend_from_slice(value);
    }
    if !added.is_empty() {
        edits.replace(end..end, added);
    }
    let mut out = BytesMut::with_capacity(text.len() + 64);
    edits.write(text.as_bytes(), &mut out);
    Ok(out)
}
