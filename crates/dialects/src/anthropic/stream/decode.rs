//! Reads a stream.

use super::read::{Outline, Shape, says_beside};
use crate::{sse::Event, stream::Template};
use bytes::Bytes;
use gatewright_model::{Channel, ChannelKind, Chunk, DecodeError, Dialect, Part, StreamDecoder};
use smallvec::{SmallVec, smallvec};

/// Reads the events of one stream.
#[derive(Debug, Default)]
pub(in crate::anthropic) struct Decoder {
    open: Vec<Open>,
    template: Template,
}

/// A block that is open.
#[derive(Debug)]
struct Open {
    index: u32,
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
        let at = self.open.iter().position(|open| open.index == outline.index);
        let open = match outline.shape {
            Shape::BlockStart => {
                let (index, kind) = (outline.index, outline.block_kind());
                self.open.retain(|open| open.index != index);
                self.open.push(Open { index, kind, beside: false });
                None
            }
            Shape::BlockStop => at.map(|at| self.open.remove(at)),
            _ => None,
        };
        let kind = open.as_ref().map_or(ChannelKind::Text, |open| open.kind);
        let mut seen = outline.open(kind)?;
        if outline.shape == Shape::Delta {
            if let Some(open) = at.and_then(|at| self.open.get_mut(at)).filter(|_| says_beside(&seen.parts)) {
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
