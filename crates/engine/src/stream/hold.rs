//! Chunks that are held back until their text may leave.

use crate::stream::ends::Ends;
use gatewright_model::{Channel, Chunk, Part};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A queue of chunks in their order. Text leaves once enough text of its channel stands behind it, or the channel has
/// ended; whatever is not text keeps its place between the texts around it.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    queue: VecDeque<Chunk>,
    /// Characters that are held, by channel.
    held: BTreeMap<Channel, usize>,
    bytes: usize,
}

// === impl Hold ===

impl Hold {
    /// Takes a chunk. Answers the channels that got text.
    pub(crate) fn push(&mut self, chunk: Chunk) -> BTreeSet<Channel> {
        let mut grew = BTreeSet::new();
        for part in chunk.parts() {
            if let Part::Text { channel, text } = part
                && !text.is_empty()
            {
                *self.held.entry(*channel).or_default() += text.chars().count();
                grew.insert(*channel);
            }
        }
        self.bytes += chunk.bytes();
        self.queue.push_back(chunk);
        grew
    }

    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The text of a channel that is held.
    pub(crate) fn text(&self, channel: Channel) -> String {
        let parts = self.queue.iter().flat_map(Chunk::parts);
        parts.filter_map(|part| text_of(part, channel)).collect()
    }

    /// What is held, in its order.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.queue.iter()
    }

    /// Whether text of a channel was ever held.
    pub(crate) fn knows(&self, channel: Channel) -> bool {
        self.held.contains_key(&channel)
    }

    /// Channels of which text is held.
    pub(crate) fn channels(&self) -> Vec<Channel> {
        self.held.iter().filter(|(_, chars)| **chars > 0).map(|(channel, _)| *channel).collect()
    }

    /// Puts another text in the place of what is held of a channel, so that all but `window` characters may leave.
    pub(crate) fn replace(&mut self, channel: Channel, text: String, window: usize) {
        let old: usize =
            self.queue.iter().flat_map(Chunk::parts).filter_map(|part| text_of(part, channel)).map(str::len).sum();
        self.bytes = self.bytes.saturating_sub(old) + text.len();
        let chars = text.chars().count();
        self.held.insert(channel, chars);
        let places: usize = self.queue.iter().flat_map(Chunk::parts).filter_map(|part| text_of(part, channel)).count();
        let split = text.char_indices().nth(chars.saturating_sub(window)).map_or(text.len(), |(at, _)| at);
        // The first place takes what may leave and the last what stays; those between give theirs up.
        let (first, last) = if places < 2 { (text.as_str(), "") } else { text.split_at(split) };
        let mut place = 0;
        for chunk in &mut self.queue {
            chunk.map_texts(|of, _| {
                (of == channel).then(|| {
                    place += 1;
                    let text = if place == 1 { first } else { last };
                    if place == 1 || place == places { text.to_owned() } else { String::new() }
                })
            });
        }
    }

    /// Takes out, in order, what may leave when `window` characters of each channel that has not ended stay behind.
    pub(crate) fn release(&mut self, window: usize, ends: &Ends) -> Vec<Chunk> {
        let mut free = Vec::new();
        while let Some(chunk) = self.queue.front() {
            let sizes = sizes(chunk);
            let may_leave = sizes.iter().all(|(channel, chars)| {
                ends.has(*channel) || self.held.get(channel).copied().unwrap_or_default() >= chars + window
            });
            if !may_leave {
                break;
            }
            self.bytes = self.bytes.saturating_sub(chunk.bytes());
            for (channel, chars) in sizes {
                self.held.entry(channel).and_modify(|held| *held = held.saturating_sub(chars));
            }
            free.extend(self.queue.pop_front());
        }
        if self.queue.is_empty() {
            self.bytes = 0;
        }
        free
    }

    /// Takes out everything.
    pub(crate) fn release_all(&mut self) -> Vec<Chunk> {
        self.held.clear();
        self.bytes = 0;
        self.queue.drain(..).collect()
    }
}

fn text_of(part: &Part, wanted: Channel) -> Option<&str> {
    match part {
        Part::Text { channel, text } if *channel == wanted => Some(text),
        _ => None,
    }
}

/// Characters of each channel in a chunk.
fn sizes(chunk: &Chunk) -> BTreeMap<Channel, usize> {
    let mut sizes = BTreeMap::new();
    for part in chunk.parts() {
        if let Part::Text { channel, text } = part {
            *sizes.entry(*channel).or_default() += text.chars().count();
        }
    }
    sizes
}

#[cfg(test)]
mod tests;
