//! Reads one event, noting where its text stands.

use super::super::{finish, usage};
use crate::{
    error,
    json::{Kind, Value},
    scan::{self, Cursor},
    sse::Event,
    stream::{Places, span_in, strings},
};
use gatewright_model::{Channel, ChannelKind, DecodeError, Part};
use memchr::memmem;
use smallvec::{SmallVec, smallvec};
use std::{borrow::Cow, ops::Range};

/// What kind of event it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    MessageStart,
    BlockStart,
    Delta,
    BlockStop,
    MessageDelta,
    MessageStop,
    Error,
    /// `ping`, and what is not known.
    Other,
}

/// The outside of an event's data.
#[derive(Debug)]
pub(super) struct Outline<'a> {
    data: &'a str,
    pub(super) kind: Cow<'a, str>,
    pub(super) shape: Shape,
    /// The content block that the event is about.
    pub(super) index: u32,
    /// Where its number stands.
    pub(super) index_span: Option<Range<usize>>,
    members: SmallVec<[(Cow<'a, str>, &'a str); 6]>,
}

/// What an event says.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) parts: SmallVec<[Part; 2]>,
    /// Where the texts stand: index of the part, and span in the data.
    pub(super) places: Places,
    /// The text stands where no other can be put.
    pub(super) rigid: bool,
}

/// For an event that says nothing in the model's terms: `ping`, what a client of another dialect misses by it
/// (`content.server_tool_use`), or nothing (`""`). `None` if the event cannot be read.
pub(crate) fn silent_event(event: &[u8]) -> Option<String> {
    let event = Event::read(event)?;
    let outline = Outline::read(event.name, event.data.as_deref()?).ok()?;
    let kind = match outline.shape {
        Shape::Other if outline.kind == "ping" => return Some("ping".to_owned()),
        Shape::BlockStart => outline.inner_kind("content_block"),
        Shape::Delta => outline.inner_kind("delta"),
        _ => return Some(String::new()),
    };
    Some(match &*kind {
        "text" | "thinking" | "tool_use" | "text_delta" | "thinking_delta" | "input_json_delta" | "signature_delta" => {
            String::new()
        }
        kind => format!("content.{kind}"),
    })
}

/// Whether a member is for programs alone.
fn says_nothing(name: &str) -> bool {
    matches!(name, "type" | "id") || name.ends_with("_id") || name.starts_with("encrypted_")
}

/// What an event says that the model does not know (`content.web_search_tool_result`, `content.citations_delta`), if it
/// does. `parts`: what it says otherwise.
pub(crate) fn unknown_content(event: &[u8], parts: &[Part]) -> Option<String> {
    if !says_beside(parts) {
        memmem::find(event, b"content_block_start")?;
    }
    silent_event(event).filter(|kind| kind.starts_with("content."))
}

/// Whether texts stand beside a block's own.
pub(super) fn says_beside(parts: &[Part]) -> bool {
    matches!(parts, [Part::Text { channel, .. }, ..] if channel.is_beside())
}

// === impl Outline ===

impl<'a> Outline<'a> {
    pub(super) fn read(name: Option<&'a str>, data: &'a str) -> Result<Self, DecodeError> {
        let mut outline = Self {
            data,
            kind: Cow::Borrowed(name.unwrap_or_default()),
            shape: Shape::Other,
            index: 0,
            index_span: None,
            members: SmallVec::new(),
        };
        for member in scan::members(data) {
            let member = member?;
            let value = Value::loose(member.value);
            match member.name() {
                name if name == "type" => outline.kind = value.string().unwrap_or_default(),
                name if name == "index" => {
                    // The other half is for what stands beside blocks.
                    let is_number = |index: &u32| *index <= u32::MAX / 2;
                    let index = value.u64().ok().and_then(|index| u32::try_from(index).ok()).filter(is_number);
                    outline.index = index.unwrap_or(0);
                    outline.index_span = index.map(|_| member.value_span);
                }
                name => outline.members.push((name, member.value)),
            }
        }
        outline.shape = match &*outline.kind {
            "message_start" => Shape::MessageStart,
            "content_block_start" => Shape::BlockStart,
            "content_block_delta" => Shape::Delta,
            "content_block_stop" => Shape::BlockStop,
            "message_delta" => Shape::MessageDelta,
            "message_stop" => Shape::MessageStop,
            "error" => Shape::Error,
            _ if outline.value("error").is_some() => Shape::Error,
            _ => Shape::Other,
        };
        Ok(outline)
    }

    /// A member that is not `null`.
    fn value(&self, name: &str) -> Option<Value<'a>> {
        let member = self.members.iter().rev().find(|(key, _)| key == name);
        member.map(|(_, text)| Value::loose(text)).filter(|value| !value.is_null())
    }

    /// What `type` of an inner object says.
    fn inner_kind(&self, name: &str) -> Cow<'a, str> {
        self.value(name).and_then(|value| Some(value.object().ok()?.kind())).unwrap_or_default()
    }

    /// Whether the event is about one content block.
    pub(super) fn is_of_block(&self) -> bool {
        matches!(self.shape, Shape::BlockStart | Shape::Delta | Shape::BlockStop)
    }

    /// What kind of text the block that begins will have.
    pub(super) fn block_kind(&self) -> ChannelKind {
        match &*self.inner_kind("content_block") {
            "thinking" | "redacted_thinking" => ChannelKind::Reasoning,
            kind if kind.ends_with("tool_use") => ChannelKind::ToolArguments,
            _ => ChannelKind::Text,
        }
    }

    /// Reads the inside. `kind`: what kind of block it is that stops.
    pub(super) fn open(&self, kind: ChannelKind) -> Result<Seen, DecodeError> {
        let mut seen = Seen::default();
        if self.is_of_block() && self.index_span.is_none() {
            return Err(DecodeError::new("an event of the stream does not number its block").at("index"));
        }
        match self.shape {
            Shape::MessageStart => self.message_start(&mut seen)?,
            Shape::BlockStart => self.block_start(&mut seen)?,
            Shape::Delta => self.delta(&mut seen)?,
            Shape::BlockStop => seen.parts.push(Part::BlockEnd(self.channel(kind))),
            Shape::MessageDelta => self.message_delta(&mut seen)?,
            Shape::MessageStop => seen.parts.push(Part::Done),
            Shape::Error => {
                let said = self.value("error").unwrap_or(Value::loose(self.data));
                seen.parts.push(Part::Error(Box::new(error::decode_event(said))));
            }
            Shape::Other => {}
        }
        Ok(seen)
    }

    fn channel(&self, kind: ChannelKind) -> Channel {
        Channel { choice: 0, block: self.index, kind }
    }

    fn message_start(&self, seen: &mut Seen) -> Result<(), DecodeError> {
        let Some(message) = self.value("message") else {
            return Ok(());
        };
        let mut message = message.object().map_err(|fault| fault.under("message"))?;
        // Clients may take it for the beginning of the answer, and blocks are what hooks see.
        let is_said = |content: Value<'_>| {
            let written = content.text().bytes().filter(|byte| !byte.is_ascii_whitespace());
            !content.is_null() && !matches!(&*written.collect::<Vec<_>>(), b"[]" | b"\"\"")
        };
        if message.take("content").is_some_and(is_said) {
            return Err(DecodeError::new("a stream begins with content that is in no block").at("message.content"));
        }
        let mut text = |name: &str| message.string(name).map_err(|fault| fault.under("message"));
        let (id, model) = (text("id")?.unwrap_or_default(), text("model")?.unwrap_or_default());
        seen.parts.push(Part::Start { id, model });
        seen.parts.extend(message.read_as("usage", usage::read).ok().flatten().map(Part::Usage));
        Ok(())
    }

    fn block_start(&self, seen: &mut Seen) -> Result<(), DecodeError> {
        let Some(value) = self.value("content_block") else {
            return Ok(());
        };
        let mut block = value.object().map_err(|fault| fault.under("content_block"))?;
        let kind = block.kind();
        let (channel, member) = match &*kind {
            "text" => (ChannelKind::Text, "text"),
            "thinking" => (ChannelKind::Reasoning, "thinking"),
            "tool_use" => {
                let channel = self.channel(ChannelKind::ToolArguments);
                let id = block.string("id")?.unwrap_or_default();
                let name = block.string("name")?.unwrap_or_default();
                seen.parts.push(Part::ToolUse { channel, id, name });
                (ChannelKind::ToolArguments, "input")
            }
            "redacted_thinking" => return Ok(()),
            // Of tools that the provider runs itself; mostly the input follows.
            kind if kind.ends_with("tool_use") => (ChannelKind::ToolArguments, "input"),
            _ => return self.unknown(self.channel(ChannelKind::Text), value.text(), seen),
        };
        self.text(channel, block.take(member), seen)?;
        match block.take("citations").filter(|_| kind == "text") {
            Some(sources) => self.unknown(Channel::beside(self.index), sources.text(), seen),
            None => Ok(()),
        }
    }

    /// What the model does not know: a block, such as what a tool of the provider's found, or a delta, such as the source of
    /// what is said. It comes whole, and each string in it is a text, but for types, ids and what is encrypted.
    fn unknown(&self, channel: Channel, content: &'a str, seen: &mut Seen) -> Result<(), DecodeError> {
        let offset = span_in(self.data, content).start;
        // The outline has seen that the value is not nested too deep.
        strings(&mut Cursor::new(content), says_nothing, &mut |said| {
            if !said.text.is_empty() {
                seen.places.push((seen.parts.len(), offset + said.span.start..offset + said.span.end));
                seen.parts.push(Part::Text { channel, text: said.text.into_owned() });
            }
        })?;
        Ok(())
    }

    /// By far the most events are deltas: their members are not collected.
    fn delta(&self, seen: &mut Seen) -> Result<(), DecodeError> {
        let Some(delta) = self.value("delta") else {
            return Ok(());
        };
        let (mut kind, mut said) = (Cow::Borrowed(""), SmallVec::<[(Cow<'a, str>, Value<'a>); 2]>::new());
        for member in scan::members(delta.text()) {
            let member = member?;
            match (member.name(), Value::loose(member.value)) {
                (name, value) if name == "type" => kind = value.string().unwrap_or_default(),
                (name, value) => said.push((name, value)),
            }
        }
        let said = |name: &str| {
            let last = said.iter().rev().find(|(key, _)| key == name);
            last.map(|(_, value)| *value).filter(|value| !value.is_null())
        };
        let (kind, value) = match &*kind {
            "text_delta" => (ChannelKind::Text, said("text")),
            "thinking_delta" => (ChannelKind::Reasoning, said("thinking")),
            "input_json_delta" => (ChannelKind::ToolArguments, said("partial_json")),
            "signature_delta" => {
                let channel = self.channel(ChannelKind::Reasoning);
                let signature = said("signature").map(Value::string).transpose()?;
                seen.parts.extend(signature.map(|text| Part::Signature { channel, signature: text.into_owned() }));
                return Ok(());
            }
            _ => return self.unknown(Channel::beside(self.index), delta.text(), seen),
        };
        self.text(kind, value, seen)
    }

    fn text(&self, kind: ChannelKind, value: Option<Value<'a>>, seen: &mut Seen) -> Result<(), DecodeError> {
        let channel = self.channel(kind);
        let text = match value {
            None => return Ok(()),
            // The whole input at once, as some providers send it.
            Some(value) if value.kind() == Kind::Object => {
                seen.rigid = true;
                if value.object()?.is_empty() { String::new() } else { value.text().to_owned() }
            }
            Some(value) => {
                seen.places = smallvec![(seen.parts.len(), span_in(self.data, value.text()))];
                value.string()?.into_owned()
            }
        };
        if text.is_empty() {
            seen.places.clear();
        } else {
            seen.parts.push(Part::Text { channel, text });
        }
        Ok(())
    }

    fn message_delta(&self, seen: &mut Seen) -> Result<(), DecodeError> {
        if let Some(delta) = self.value("delta") {
            let mut delta = delta.object().map_err(|fault| fault.under("delta"))?;
            let sequence = delta.string("stop_sequence")?;
            let reason = delta.string("stop_reason")?.map(|word| finish::read(&word, sequence));
            seen.parts.extend(reason.map(|reason| Part::Finish { choice: 0, reason }));
        }
        // Figures that are none must not cost the client the rest of the answer.
        seen.parts.extend(self.value("usage").and_then(|usage| usage::read(usage).ok()).map(Part::Usage));
        Ok(())
    }
}
