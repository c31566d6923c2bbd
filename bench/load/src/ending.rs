//! Whether a stream came to its proper end.

use crate::payload::Dialect;

/// More than the longest closing event, which may arrive in pieces.
const KEPT: usize = 256;

/// The last bytes of a body.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    last: Vec<u8>,
}

impl Ending {
    pub(crate) fn push(&mut self, data: &[u8]) {
        let data = &data[data.len().saturating_sub(KEPT)..];
        let surplus = (self.last.len() + data.len()).saturating_sub(KEPT);
        self.last.drain(..surplus);
        self.last.extend_from_slice(data);
    }

    /// Whether the last event is the one that closes a stream of this dialect, and is itself complete.
    ///
    /// A gateway may write the event in other words (`data:` without a space, other keys): the test is on the last
    /// `data` line, and on the blank line after it.
    pub(crate) fn closes(&self, dialect: Dialect) -> bool {
        let complete = self.last.ends_with(b"\n\n") || self.last.ends_with(b"\r\n\r\n");
        let line = self.last.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let Some(data) = line.strip_prefix(b"data:") else { return false };
        let closing = match dialect {
            Dialect::OpenAi => data.trim_ascii() == b"[DONE]",
            Dialect::Anthropic => data.windows(14).any(|window| window == br#""message_stop""#),
        };
        complete && closing
    }
}

#[cfg(test)]
mod tests;
