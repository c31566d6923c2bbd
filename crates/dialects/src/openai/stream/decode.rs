//! Reads a stream.

use super::read::read;
use crate::{error, json::Value, sse::Event, stream::Template};
use bytes::Bytes;
use gatewright_model::{Channel, Chunk, DecodeError, Dialect, Part, StreamDecoder};
use smallvec::{SmallVec, smallvec};

/// Reads the events of one stream.
#[derive(Debug, Default)]
pub(in crate::openai) struct Decoder {
    started: bool,
    template: Template,
    /// The tool calls that have begun, since some providers name them in every delta.
    calls: Vec<(Channel, String)>,
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
        Ok(Chunk::from_wire(Dialect::OpenAi, event, parts))
    }
}

impl Decoder {
    fn parts(&mut self, bytes: &[u8], event: &Event<'_>) -> Result<SmallVec<[Part; 2]>, DecodeError> {
        let data = event.data.as_deref().unwrap_or_default();
        match data.trim_ascii() {
            "" => return Ok(smallvec![]),
            "[DONE]" => return Ok(smallvec![Part::Done]),
            _ => {}
        }
        if event.name == Some("error") {
            let error = error::decode_event(Value::loose(data));
            return Ok(smallvec![Part::Error(Box::new(error))]);
        }
        let mut seen = read(data)?;
        seen.parts.retain(|part| match part {
            Part::ToolUse { channel, id, .. } => self.begins(*channel, id),
            _ => true,
        });
        if !self.started {
            let (id, model) = (seen.id(), seen.model());
            // Some providers send a chunk with neither id nor choices first.
            if seen.choices > 0 || !id.is_empty() {
                self.started = true;
                seen.parts.insert(0, Part::Start { id, model });
            }
        }
        self.template.learn(bytes, event, &seen.parts, &seen.places);
        Ok(seen.parts)
    }

    fn begins(&mut self, channel: Channel, id: &str) -> bool {
        match self.calls.iter_mut().find(|(of, _)| *of == channel) {
            None => self.calls.push((channel, id.to_owned())),
            Some((_, known)) if id.is_empty() || known == id => return false,
            Some((_, known)) => id.clone_into(known),
        }
        true
    }
}
