//! Reads a stream.

use super::read::{Outline, Shape};
use crate::{sse::Event, stream::Template};
use bytes::Bytes;
use gatewright_model::{ChannelKind, Chunk, DecodeError, Dialect, Part, StreamDecoder};
use smallvec::{SmallVec, smallvec};

/// Reads the events of one stream.
#[derive(Debug, Default)]
pub(in crate::anthropic) struct Decoder {
    /// The blocks that are open, and what kind of text each has.
    open: Vec<(u32, ChannelKind)>,
    template: Template,
}

// === impl Decoder ===

impl StreamDecoder for Decoder {
    fn decode(&mut self, event: Bytes) -> Result<Chunk, DecodeError> {
        let parts = match self.template.read(&event) {
            Some(part) => smallvec![part],
            None => {
                let read =
                    Event::read(&event).ok_or_else(|| DecodeError::new("an event of the stream is not UTF-8"))?;
                self.parts(&event, &read)?
            }
        };
        Ok(Chunk::from_wire(Dialect::Anthropic, event, parts))
    }
}

impl Decoder {
    fn parts(&mut self, bytes: &[u8], event: &Event<'_>) -> Result<SmallVec<[Part; 2]>, DecodeError> {
        let data = event.data.as_deref().unwrap_or_default();
        // Some providers of this dialect end with OpenAI's word after their own.
        if matches!(data.trim_ascii(), "" | "[DONE]") {
            return Ok(smallvec![]);
        }
        let outline = Outline::read(event.name, data)?;
        let known = self.open.iter().find(|(index, _)| *index == outline.index).map(|(_, kind)| *kind);
        match outline.shape {
            Shape::BlockStart => {
                self.open.retain(|(index, _)| *index != outline.index);
                self.open.push((outline.index, outline.block_kind()));
            }
            Shape::BlockStop => self.open.retain(|(index, _)| *index != outline.index),
            _ => {}
        }
        let seen = outline.open(known.unwrap_or(ChannelKind::Text))?;
        if outline.shape == Shape::Delta {
            self.template.learn(bytes, event, &seen.parts, &seen.places);
        }
        Ok(seen.parts)
    }
}
