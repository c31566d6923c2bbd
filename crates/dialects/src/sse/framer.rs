//! Cuts a stream of bytes into events.

use bytes::{Bytes, BytesMut};
use memchr::memchr2;

/// The size limit of an event unless another is set: 8 MiB.
pub const DEFAULT_LIMIT: usize = 8 << 20;

/// Cuts a stream of bytes into whole events, each through its blank line. Nothing is left out: the events and what
/// remains at the end, put together, are the stream (but for line ends after the last event).
///
/// Lines end with LF, CRLF or CR. An event that lies whole in one piece of input shares its buffer; only one that is
/// split over pieces is copied. Superfluous blank lines travel at the head of the event that follows them.
#[derive(Debug)]
pub struct Framer {
    /// What is fed and not yet looked at.
    input: Bytes,
    /// The beginning of an event whose end has not come.
    partial: Partial,
    lines: Lines,
    limit: usize,
}

/// An event is larger than the limit. The stream cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is larger than {limit} bytes")]
pub struct EventTooLarge {
    limit: usize,
}

#[derive(Debug)]
enum Partial {
    None,
    /// In one piece so far: no copy yet.
    Shared(Bytes),
    Copied(BytesMut),
}

/// Where in the lines of an event the search stands.
#[derive(Clone, Copy, Debug)]
struct Lines {
    /// The current line has no bytes yet.
    empty: bool,
    /// The event has a line that is not blank.
    content: bool,
    /// The byte before was a CR, which ended its line; an LF after it is part of the same line end.
    after_cr: bool,
}

// === impl Framer ===

impl Framer {
    /// A framer with the default limit.
    pub fn new() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }

    /// A framer that refuses events of more than `limit` bytes.
    pub fn with_limit(limit: usize) -> Self {
        let lines = Lines { empty: true, content: false, after_cr: false };
        Self { input: Bytes::new(), partial: Partial::None, lines, limit }
    }

    /// Takes the next piece of the stream. Take all events out with [`Framer::next`] before feeding more.
    pub fn feed(&mut self, piece: Bytes) {
        if self.input.is_empty() {
            self.input = piece;
        } else {
            let mut joined = BytesMut::from(&*self.input);
            joined.extend_from_slice(&piece);
            self.input = joined.freeze();
        }
    }

    /// The next whole event; `None` until more is fed.
    #[expect(clippy::should_implement_trait, reason = "more may come after a `None`, and an error is final")]
    pub fn next(&mut self) -> Result<Option<Bytes>, EventTooLarge> {
        if self.input.is_empty() {
            return Ok(None);
        }
        let end = self.lines.end_of_event(&self.input);
        let length = self.partial.len() + end.unwrap_or(self.input.len());
        if length > self.limit {
            return Err(EventTooLarge { limit: self.limit });
        }
        let Some(end) = end else {
            let rest = std::mem::take(&mut self.input);
            self.partial.push(rest);
            return Ok(None);
        };
        let piece = self.input.split_to(end);
        Ok(Some(match std::mem::replace(&mut self.partial, Partial::None) {
            Partial::None => piece,
            mut partial => {
                partial.push(piece);
                partial.into_bytes()
            }
        }))
    }

    /// What remains at the end of the stream: the beginning of an event that was cut off. `None` if the stream ended
    /// after an event, or with nothing but line ends.
    pub fn finish(self) -> Option<Bytes> {
        let mut partial = self.partial;
        if !self.input.is_empty() {
            partial.push(self.input);
        }
        let rest = partial.into_bytes();
        let blank = rest.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
        (!blank).then_some(rest)
    }
}

impl Default for Framer {
    fn default() -> Self {
        Self::new()
    }
}

// === impl Partial ===

impl Partial {
    fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Shared(bytes) => bytes.len(),
            Self::Copied(bytes) => bytes.len(),
        }
    }

    fn push(&mut self, piece: Bytes) {
        *self = match std::mem::replace(self, Self::None) {
            Self::None => Self::Shared(piece),
            Self::Shared(first) => {
                let mut copy = BytesMut::with_capacity((first.len() + piece.len()).next_power_of_two());
                copy.extend_from_slice(&first);
                copy.extend_from_slice(&piece);
                Self::Copied(copy)
            }
            Self::Copied(mut copy) => {
                copy.extend_from_slice(&piece);
                Self::Copied(copy)
            }
        };
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::None => Bytes::new(),
            Self::Shared(bytes) => bytes,
            Self::Copied(bytes) => bytes.freeze(),
        }
    }
}

// === impl Lines ===

impl Lines {
    /// Where the event ends in `bytes`, which go on from where the last search stopped.
    fn end_of_event(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if std::mem::take(&mut self.after_cr) && bytes[at] == b'\n' {
                at += 1;
                continue;
            }
            let Some(length) = memchr2(b'\n', b'\r', &bytes[at..]) else {
                (self.empty, self.content) = (false, true);
                return None;
            };
            let blank = length == 0 && self.empty;
            at += length + 1;
            self.after_cr = bytes[at - 1] == b'\r';
            self.empty = true;
            if !blank {
                self.content = true;
            } else if std::mem::take(&mut self.content) {
                // The LF of a CRLF belongs to this event if it is here already; waiting for it would delay the event.
                if self.after_cr && bytes.get(at) == Some(&b'\n') {
                    self.after_cr = false;
                    at += 1;
                }
                return Some(at);
            }
        }
        None
    }
}
