//! Reads a stream.

use super::read::{Outline, Shape, says_beside};
use crate::{
    sse::Event,
    stream::{Template, check_open},
};
use bytes::Bytes;
use gatewright_model::{Channel, ChannelKind, Chunk, DecodeError, Dialect, Part, StreamDecoder};
use smallvec::{SmallVec, smallvec};
use std::collections::HashMap;

/// Reads the events of one stream.
#[derive(Debug, Default)]
pub(in crate::anthropic) struct Decoder {
    /// The blocks that are open, by their numbers.
    open: HashMap<u32, Open>,
    template: Template,
}

/// A block that is open.
#[derive(Debug)]
struct Open {
    /// What kind of text it has.
    kind: ChannelKind,
    /// Texts came that stand beside its own.
    beside: bool,
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
        let open = match outline.shape {
            Shape::BlockStart => {
                check_open(self.open.len(), "blocks open at once")?;
                self.open.insert(outline.index, Open { kind: outline.block_kind(), beside: false });
                None
            }
            Shape::BlockStop => self.open.remove(&outline.index),
            _ => None,
        };
        let kind = open.as_ref().map_or(ChannelKind::Text, |open| open.kind);
        let mut seen = outline.open(kind)?;
        if outline.shape == Shape::Delta {
            if says_beside(&seen.parts)
                && let Some(open) = self.open.get_mut(&outline.index)
            {
                open.beside = true;
            }
            self.template.learn(bytes, event, &seen.parts, &seen.places);
        }
        if open.is_some_and(|open| open.beside) {
            seen.parts.push(Part::BlockEnd(Channel::beside(outline.index)));
        }
        Ok(seen.parts)
    }
}
