//! How many texts a stream has, and that none goes on which had ended.

use gatewright_model::{Channel, Chunk, ErrorKind, LlmError, Part};
use std::collections::BTreeSet;

/// The most channels of a stream: all that is kept by channel is looked through for each chunk.
const MOST: usize = 1024;

/// The channels of a stream so far.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    known: BTreeSet<Channel>,
    last: Option<Channel>,
    /// Those whose block has ended.
    ended: BTreeSet<Channel>,
}

// === impl Channels ===

impl Channels {
    /// Takes a chunk. An error if its stream has too many, or if it says more in a block that has ended: what was held of
    /// that has left, and a guard would see no text as a whole that is cut so.
    pub(crate) fn push(&mut self, chunk: &Chunk) -> Result<(), LlmError> {
        for part in chunk.parts() {
            match part {
                Part::BlockEnd(channel) => {
                    self.ended.insert(*channel);
                }
                // Another one, under the same number.
                Part::ToolUse { channel, .. } => {
                    self.ended.remove(channel);
                }
                Part::Text { channel, text } if !text.is_empty() && self.ended.contains(channel) => {
                    return Err(LlmError::new(ErrorKind::Upstream, "the stream goes on with a text that had ended"));
                }
                _ => {}
            }
        }
        for channel in chunk.parts().iter().filter_map(channel_of) {
            // Mostly it is the one that grew before.
            if self.last.replace(channel) != Some(channel) {
                self.known.insert(channel);
            }
        }
        match self.known.len() > MOST {
            true => {
                Err(LlmError::new(ErrorKind::Upstream, format!("the stream has more than {MOST} texts and choices")))
            }
            false => Ok(()),
        }
    }
}

fn channel_of(part: &Part) -> Option<Channel> {
    match part {
        Part::ToolUse { channel, .. } | Part::Text { channel, .. } | Part::Signature { channel, .. } => Some(*channel),
        Part::BlockEnd(channel) => Some(*channel),
        Part::Finish { choice, .. } => Some(Channel { choice: *choice, ..Channel::TEXT }),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
