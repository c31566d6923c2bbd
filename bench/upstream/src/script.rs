//! The events of one stream, in order, without a copy of what repeats.

use bytes::Bytes;

/// One stream as bytes: what opens it, one content event that is said again and again, and what closes it.
#[derive(Debug)]
pub(crate) struct Script {
    head: Vec<Bytes>,
    content: Bytes,
    repeat: usize,
    tail: Vec<Bytes>,
}

impl Script {
    pub(crate) fn new(head: Vec<Bytes>, content: &'static str, repeat: u32, tail: Vec<Bytes>) -> Self {
        Self { head, content: Bytes::from_static(content.as_bytes()), repeat: repeat as usize, tail }
    }

    /// Events in the whole stream.
    pub(crate) fn len(&self) -> usize {
        self.head.len() + self.repeat + self.tail.len()
    }

    /// The event at `index`; `None` at and after the end.
    pub(crate) fn event(&self, index: usize) -> Option<Bytes> {
        let Some(index) = index.checked_sub(self.head.len()) else { return self.head.get(index).cloned() };
        let Some(index) = index.checked_sub(self.repeat) else { return Some(self.content.clone()) };
        self.tail.get(index).cloned()
    }

    /// Whether the pace puts a pause before the event at `index`.
    ///
    /// Providers think between tokens, not between the role and the first token, nor between the finish reason and
    /// `[DONE]`: the pauses lie before each content event but the first, and before the first closing event.
    pub(crate) fn pauses_before(&self, index: usize) -> bool {
        let first = self.head.len();
        index > first && index <= first + self.repeat
    }
}

/// A static event, ready to be a part of a [`Script`].
pub(crate) fn fixed(event: &'static str) -> Bytes {
    Bytes::from_static(event.as_bytes())
}
