//! Reads a stream.

use super::read::read;
use crate::{
    error,
    json::Value,
    sse::Event,
    stream::{Progress, Template, check_open},
};
use bytes::Bytes;
use gatewright_model::{Channel, ChannelKind, Chunk, DecodeError, Dialect, Part, StreamDecoder};
use smallvec::{SmallVec, smallvec};
use std::collections::HashMap;

/// Reads the events of one stream.
#[derive(Debug, Default)]
pub(in crate::openai) struct Decoder {
    started: bool,
    template: Template,
    /// The tool calls that have begun, since some providers name them in every delta.
    calls: HashMap<Channel, Call>,
    /// The texts so far, for providers that tell the whole so far in place of what is new.
    said: HashMap<Channel, SaidBy>,
}

/// A tool call that has begun.
#[derive(Debug)]
struct Call {
    id: String,
    name: String,
    arguments: Progress,
}

/// Where a text of the stream stands.
#[derive(Debug)]
enum SaidBy {
    Deltas,
    /// In a `message` without a delta beside it; the last of them said this.
    Messages(String),
}

// === impl Decoder ===

impl StreamDecoder for Decoder {
    fn decode(&mut self, event: Bytes) -> Result<Chunk, DecodeError> {
        let parts = match self.template.read(&event) {
            Some(part) => {
                self.follow(&part);
                smallvec![part]
            }
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
        for part in &mut seen.parts {
            if let Part::Text { channel, text } = part {
                self.say(*channel, text, seen.wholes.contains(&channel.choice));
            }
        }
        let parts = seen.parts.len();
        self.begin_calls(&mut seen.parts)?;
        let is_whole = seen.parts.len() == parts;
        if !self.started {
            let (id, model) = (seen.id(), seen.model());
            // Some providers send a chunk with neither id nor choices first.
            if seen.choices > 0 || !id.is_empty() {
                self.started = true;
                seen.parts.insert(0, Part::Start { id, model });
            }
        }
        // Where it was taken from, another may begin in the same place; and what repeats this event's texts, and is none for
        // that, would be one beside the next event's.
        if seen.wholes.is_empty() && is_whole && seen.repeats.is_empty() {
            self.template.learn(bytes, event, &seen.parts, &seen.places);
        }
        Ok(seen.parts)
    }

    /// Leaves of a text what is new. `whole`: it may repeat what was said before.
    fn say(&mut self, channel: Channel, text: &mut String, whole: bool) {
        if !whole {
            self.said.insert(channel, SaidBy::Deltas);
            return;
        }
        match self.said.entry(channel).or_insert_with(|| SaidBy::Messages(String::new())) {
            SaidBy::Deltas => text.clear(),
            SaidBy::Messages(before) => {
                let new = text.strip_prefix(&**before).map(str::to_owned);
                text.clone_into(before);
                if let Some(new) = new {
                    *text = new;
                }
            }
        }
    }

    /// Takes out the beginnings of calls that have begun before, and texts that are not new.
    fn begin_calls(&mut self, parts: &mut SmallVec<[Part; 2]>) -> Result<(), DecodeError> {
        let mut kept = SmallVec::<[bool; 4]>::new();
        for (at, part) in parts.iter().enumerate() {
            kept.push(match part {
                Part::ToolUse { channel, id, name } => {
                    let mut of_call = parts[at + 1..].iter().take_while(|part| !matches!(part, Part::ToolUse { .. }));
                    let has_arguments = of_call.any(|part| {
                        matches!(part, Part::Text { channel: of, text } if of == channel && !text.trim().is_empty())
                    });
                    self.begins(*channel, id, name, has_arguments)?
                }
                part => {
                    self.follow(part);
                    !matches!(part, Part::Text { text, .. } if text.is_empty())
                }
            });
        }
        let mut kept = kept.into_iter();
        parts.retain(|_| kept.next().unwrap_or(true));
        Ok(())
    }

    /// Whether a tool call begins that is named here, and not the one goes on that began in this channel before.
    ///
    /// Providers differ. Many number every call 0, and tell them apart by their ids alone. Some repeat id or name in every
    /// delta, or have an empty id there, or another one. Some have no ids at all: then it is another call if it has
    /// another name, or if it says more where the arguments are complete.
    fn begins(&mut self, channel: Channel, id: &str, name: &str, has_arguments: bool) -> Result<bool, DecodeError> {
        if let Some(call) = self.calls.get(&channel) {
            let goes_on = match (id, name) {
                (_, "") => true,
                ("", _) if call.name.is_empty() => true,
                ("", name) => name == call.name && !(has_arguments && call.arguments.is_complete()),
                (id, _) => id == call.id,
            };
            if goes_on {
                return Ok(false);
            }
        } else {
            check_open(self.calls.len(), "tool calls")?;
        }
        let call = Call { id: id.to_owned(), name: name.to_owned(), arguments: Progress::default() };
        self.calls.insert(channel, call);
        Ok(true)
    }

    /// Follows the arguments of a call.
    fn follow(&mut self, part: &Part) {
        if let Part::Text { channel, text } = part
            && channel.kind == ChannelKind::ToolArguments
            && let Some(call) = self.calls.get_mut(channel)
        {
            call.arguments.feed(text);
        }
    }
}
