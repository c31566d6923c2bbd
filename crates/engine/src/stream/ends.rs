//! Where the texts of a stream end.

use gatewright_model::{Channel, ChannelKind, Chunk, Part};
use std::collections::BTreeSet;

/// Which channels have ended. What a chunk lets one think of it is believed once the next one has come without more text:
/// some servers say with each chunk that the choice is complete.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    /// Channels that have had text, if only an empty one, and no end after it.
    open: BTreeSet<Channel>,
    ended: BTreeSet<Channel>,
    /// Channels that seem to have ended with the last chunk: their choice is complete, or they are thoughts, and something
    /// else of it is said.
    over: BTreeSet<Channel>,
    /// One that seemed to have ended went on: only what says so of the channel itself counts from there.
    distrusts: bool,
}

// === impl Ends ===

impl Ends {
    /// Takes a chunk. Answers the channels that have ended by it.
    pub(crate) fn push(&mut self, chunk: &Chunk) -> BTreeSet<Channel> {
        let mut now = BTreeSet::new();
        if chunk.parts().is_empty() {
            return now;
        }
        for channel in std::mem::take(&mut self.over) {
            match chunk.has(|part| said_in(part) == Some(channel)) {
                true => self.distrusts = true,
                false => now.extend([channel]),
            }
        }
        for part in chunk.parts() {
            match part {
                // It comes whole, and what comes behind it is another.
                Part::Text { channel, .. } if channel.is_beside() => now.extend([*channel]),
                Part::BlockEnd(channel) => now.extend(self.open.get(channel)),
                Part::Finish { choice, .. } => self.seem_over(|channel| channel.choice == *choice),
                Part::Text { channel: said, text } if !text.is_empty() => {
                    self.distrusts |= self.ended.remove(said) || now.remove(said);
                    self.over.remove(said);
                    // An answer may pause for a call of a tool, and would be cut in two there.
                    if said.kind != ChannelKind::Reasoning {
                        let thinks = |channel: &Channel| channel.kind == ChannelKind::Reasoning;
                        self.seem_over(|channel| channel.choice == said.choice && thinks(channel));
                    }
                    self.open.insert(*said);
                }
                // A hook may have emptied it.
                Part::Text { channel, .. } if !self.ended.contains(channel) => {
                    self.open.insert(*channel);
                }
                _ => {}
            }
        }
        self.open.retain(|channel| !now.contains(channel));
        self.over.retain(|channel| self.open.contains(channel));
        self.ended.extend(&now);
        now
    }

    fn seem_over(&mut self, which: impl Fn(&Channel) -> bool) {
        if !self.distrusts {
            self.over.extend(self.open.iter().filter(|channel| which(channel)));
        }
    }

    /// Whether no more text of a channel comes, as far as anybody knows.
    pub(crate) fn has(&self, channel: Channel) -> bool {
        self.ended.contains(&channel)
    }
}

/// The channel in which a part says something.
fn said_in(part: &Part) -> Option<Channel> {
    match part {
        Part::Text { channel, text } if !text.is_empty() => Some(*channel),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
