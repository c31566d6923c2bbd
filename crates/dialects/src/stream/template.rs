//! Reads an event by the one before it.

use super::Places;
use crate::{scan::Cursor, sse::Event};
use gatewright_model::{Channel, Part};
use memchr::memchr2;

/// An event that says one text, without that text.
///
/// Most events of a stream differ from the one before in their text alone. Where the bytes before and after it are the
/// same, and a whole string stands between them, the event says the same of a new text, and need not be parsed.
#[derive(Debug, Default)]
pub(crate) struct Template {
    before: Vec<u8>,
    after: Vec<u8>,
    channel: Option<Channel>,
    misses: u8,
}

/// A stream whose events differ in more than their texts is not held against templates after so many misses.
const PATIENCE: u8 = 8;

// === impl Template ===

impl Template {
    /// What the event says, if it is like the one before.
    pub(crate) fn read(&mut self, event: &[u8]) -> Option<Part> {
        let channel = self.channel?;
        let text = event.strip_prefix(&*self.before).and_then(|rest| rest.strip_suffix(&*self.after)).and_then(text);
        match text {
            Some(text) => {
                self.misses = 0;
                Some(Part::Text { channel, text })
            }
            None => {
                self.misses = self.misses.saturating_add(1);
                None
            }
        }
    }

    /// Takes an event that was parsed for the next to be held against.
    pub(crate) fn learn(&mut self, event: &[u8], read: &Event<'_>, parts: &[Part], places: &Places) {
        self.channel = None;
        let ([Part::Text { channel, .. }], [(_, span)], Some(data)) = (parts, &**places, &read.data_span) else {
            return;
        };
        if self.misses > PATIENCE {
            return;
        }
        let (Some(before), Some(after)) = (event.get(..data.start + span.start), event.get(data.start + span.end..))
        else {
            return;
        };
        before.clone_into(&mut self.before);
        after.clone_into(&mut self.after);
        self.channel = Some(*channel);
    }
}

/// What the string says that `bytes` must be.
fn text(bytes: &[u8]) -> Option<String> {
    if memchr2(b'\n', b'\r', bytes).is_some() {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let mut cursor = Cursor::new(text);
    let said = cursor.string().ok()??;
    (cursor.at() == text.len() && !said.text.is_empty()).then(|| said.text.into_owned())
}
