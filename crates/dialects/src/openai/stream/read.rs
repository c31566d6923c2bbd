//! Reads one chunk, noting where its texts stand.

use super::super::{finish, message::REASONING, usage};
use crate::{
    error,
    json::{Kind, Value},
    scan::{self, Member},
    stream::{Places, span_in},
};
use gatewright_model::{Channel, ChannelKind, DecodeError, Part};
use smallvec::SmallVec;
use std::ops::Range;

/// What a chunk says, without regard to those before it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) id: String,
    pub(super) model: String,
    pub(super) created: Option<u64>,
    pub(super) parts: SmallVec<[Part; 2]>,
    /// Where the texts stand: index of the part, and span in the data.
    pub(super) places: Places,
    /// Members that repeat a choice's texts, and must not stay when these are edited.
    pub(super) repeats: SmallVec<[(Channel, Range<usize>); 1]>,
    /// A delta says more than there are parts for: the role, or members that are not known.
    pub(super) more: bool,
    /// A text stands where no other can be put.
    pub(super) rigid: bool,
    /// How many choices there are.
    pub(super) choices: usize,
}

/// Reads the data of an event.
pub(super) fn read(data: &str) -> Result<Seen, DecodeError> {
    let mut reader = Reader { data, seen: Seen::default() };
    for member in scan::members(data) {
        reader.top_level(&member?)?;
    }
    Ok(reader.seen)
}

struct Reader<'a> {
    data: &'a str,
    seen: Seen,
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn top_level(&mut self, member: &Member<'a>) -> Result<(), DecodeError> {
        let value = Value::loose(member.value);
        match &*member.name() {
            "id" => self.seen.id = value.string().unwrap_or_default().into_owned(),
            "model" => self.seen.model = value.string().unwrap_or_default().into_owned(),
            "created" => self.seen.created = value.u64().ok(),
            "choices" if value.kind() == Kind::Array => {
                for choice in scan::elements(member.value) {
                    self.seen.choices += 1;
                    self.choice(choice?.value)?;
                }
            }
            "usage" if value.kind() == Kind::Object => {
                let usage = usage::read(value).map_err(|fault| fault.under("usage"))?;
                self.seen.parts.push(Part::Usage(usage));
            }
            "error" if !value.is_null() => {
                self.seen.parts.push(Part::Error(Box::new(error::decode_event(value))));
            }
            _ => {}
        }
        Ok(())
    }

    fn choice(&mut self, choice: &'a str) -> Result<(), DecodeError> {
        let (mut index, mut delta, mut reason, mut logprobs) = (0, None, None, None);
        for member in scan::members(choice) {
            let member = member?;
            let value = Value::loose(member.value);
            match &*member.name() {
                "index" => index = value.u64().ok().and_then(|index| u32::try_from(index).ok()).unwrap_or(0),
                "delta" if value.kind() == Kind::Object => delta = Some(member.value),
                "finish_reason" => reason = value.string().ok().map(|word| finish::read(&word)),
                "logprobs" if !value.is_null() => logprobs = Some(member.value),
                _ => {}
            }
        }
        if let Some(delta) = delta {
            self.delta(index, delta)?;
        }
        if let Some(logprobs) = logprobs {
            let channel = Channel { choice: index, block: 0, kind: ChannelKind::Text };
            self.seen.repeats.push((channel, span_in(self.data, logprobs)));
        }
        self.seen.parts.extend(reason.map(|reason| Part::Finish { choice: index, reason }));
        Ok(())
    }

    fn delta(&mut self, choice: u32, delta: &'a str) -> Result<(), DecodeError> {
        let channel = |kind| Channel { choice, block: 0, kind };
        for member in scan::members(delta) {
            let member = member?;
            match &*member.name() {
                "content" => self.content(channel(ChannelKind::Text), member.value)?,
                name if REASONING.contains(&name) => self.reasoning(channel(ChannelKind::Reasoning), member.value)?,
                "reasoning_details" => {
                    let span = span_in(self.data, member.value);
                    self.seen.repeats.push((channel(ChannelKind::Reasoning), span));
                }
                "refusal" => self.text(channel(ChannelKind::Refusal), member.value)?,
                "tool_calls" if member.value.starts_with('[') => {
                    for (position, call) in scan::elements(member.value).enumerate() {
                        self.call(choice, position, call?.value)?;
                    }
                }
                "function_call" if member.value.starts_with('{') => {
                    let channel = channel(ChannelKind::ToolArguments);
                    self.function(channel, String::new(), member.value)?;
                }
                "function_call" | "tool_calls" => {}
                _ => self.seen.more |= member.value != "null",
            }
        }
        Ok(())
    }

    /// A text, or, from some providers, parts of which some are text.
    fn content(&mut self, channel: Channel, value: &'a str) -> Result<(), DecodeError> {
        if !value.starts_with('[') {
            return self.text(channel, value);
        }
        for part in scan::elements(value) {
            let part = part?.value;
            if part.starts_with('{') {
                for member in scan::members(part) {
                    let member = member?;
                    if member.name() == "text" {
                        self.text(channel, member.value)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The same text under two names is one.
    fn reasoning(&mut self, channel: Channel, value: &'a str) -> Result<(), DecodeError> {
        let same = |part: &Part| {
            matches!(part, Part::Text { channel: of, text } if *of == channel && {
                Value::loose(value).string().is_ok_and(|said| said == *text)
            })
        };
        match self.seen.parts.iter().position(same) {
            Some(index) => self.seen.places.push((index, span_in(self.data, value))),
            None => self.text(channel, value)?,
        }
        Ok(())
    }

    fn call(&mut self, choice: u32, position: usize, call: &'a str) -> Result<(), DecodeError> {
        let (mut index, mut id, mut function) = (position as u32, String::new(), None);
        for member in scan::members(call) {
            let member = member?;
            let value = Value::loose(member.value);
            match &*member.name() {
                "index" => index = value.u64().ok().and_then(|index| u32::try_from(index).ok()).unwrap_or(index),
                "id" => id = value.string().unwrap_or_default().into_owned(),
                "function" | "custom" if value.kind() == Kind::Object => function = Some(member.value),
                _ => {}
            }
        }
        let channel = Channel { choice, block: index, kind: ChannelKind::ToolArguments };
        self.function(channel, id, function.unwrap_or("{}"))
    }

    fn function(&mut self, channel: Channel, id: String, function: &'a str) -> Result<(), DecodeError> {
        let (mut name, mut arguments) = (String::new(), None);
        for member in scan::members(function) {
            let member = member?;
            match &*member.name() {
                "name" => name = Value::loose(member.value).string().unwrap_or_default().into_owned(),
                "arguments" | "input" => arguments = Some(member.value),
                _ => {}
            }
        }
        if !id.is_empty() || !name.is_empty() {
            self.seen.parts.push(Part::ToolUse { channel, id, name });
        }
        match arguments {
            // Some providers send the arguments as an object.
            Some(value) if value.starts_with('{') => {
                self.seen.rigid = true;
                self.seen.parts.push(Part::Text { channel, text: value.to_owned() });
            }
            Some(value) => self.text(channel, value)?,
            None => {}
        }
        Ok(())
    }

    fn text(&mut self, channel: Channel, value: &'a str) -> Result<(), DecodeError> {
        if value == "null" || value == "\"\"" {
            return Ok(());
        }
        let text = Value::loose(value).string();
        let text = text.map_err(|fault| fault.under(channel.kind.as_str()))?.into_owned();
        self.seen.places.push((self.seen.parts.len(), span_in(self.data, value)));
        self.seen.parts.push(Part::Text { channel, text });
        Ok(())
    }
}
