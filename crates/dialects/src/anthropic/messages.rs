//! The conversation: `system` and `messages`.

use super::block;
use crate::{
    carry::Carry,
    json::{
        Fault, Read, Value,
        write::{self, ArrayWriter},
    },
};
use bytes::{BufMut, Bytes, BytesMut};
use gatewright_model::{Block, Chat, Content, Dialect, EncodeError, Extra, Message, Raw, Role};

/// A conversation as it is written.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) system: Option<Bytes>,
    pub(super) messages: Bytes,
}

/// Reads the value of `system`.
pub(super) fn read_system(value: Value<'_>) -> Read<Message> {
    let message = Message::new(Role::System, block::read(value)?);
    Ok(message.with_wire(None, Extra::new(), Dialect::Anthropic, value.raw()))
}

/// Reads one of `messages`.
pub(super) fn read(value: Value<'_>) -> Read<Message> {
    let mut object = value.object()?;
    let role = match &*object.need_string("role")? {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        word => return Err(Fault::new(format!("must not be `{word}`")).under("role")),
    };
    let blocks = object.need("content", block::read)?;
    Ok(Message::new(role, blocks).with_wire(None, object.rest()?, Dialect::Anthropic, value.raw()))
}

/// Writes a conversation. `in_place`: the client itself has system messages among its messages, so that they stay
/// where they are, and only the first message is `system`, if it was.
///
/// Otherwise all system messages are joined in `system`; those that came after other messages are reported. From
/// another dialect, messages of one speaker that follow each other become one, and tool messages become results in a
/// message of the user's.
pub(super) fn write(chat: &Chat, in_place: InPlace, carry: &mut Carry) -> Result<Conversation, EncodeError> {
    let mut writer = Writer { carry, system: Vec::new(), turns: Vec::new(), in_place };
    chat.messages.iter().try_for_each(|message| writer.push(message))?;
    let Writer { carry, system, turns, .. } = writer;
    carry.leave_messages();
    let mut messages = BytesMut::new();
    write::array(&mut messages, |array| turns.into_iter().for_each(|turn| turn.write(array)));
    Ok(Conversation { system: write_system(&system, carry)?, messages: messages.freeze() })
}

/// Where system messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InPlace {
    /// All to `system`.
    No,
    /// They stay, but for the first message if this says so.
    But { first: bool },
}

// === impl InPlace ===

impl InPlace {
    /// Where the client has them.
    pub(super) fn of(chat: &Chat) -> Self {
        let starts = |message: &Message, with: fn(char) -> bool| {
            message.role() == Role::System
                && message.raw(Dialect::Anthropic).is_some_and(|raw| raw.as_str().starts_with(with))
        };
        match chat.messages.iter().any(|message| starts(message, |c| c == '{')) {
            true => Self::But { first: chat.messages.get(0).is_some_and(|message| starts(message, |c| c != '{')) },
            false => Self::No,
        }
    }
}

struct Writer<'c, 'm> {
    carry: &'c mut Carry,
    system: Vec<&'m Message>,
    turns: Vec<Turn>,
    in_place: InPlace,
}

enum Turn {
    /// As it came.
    Raw(Raw),
    /// One speaker's blocks, written with commas between them.
    Blocks { role: &'static str, blocks: BytesMut, plain: Option<String>, extra: Extra },
}

// === impl Writer ===

impl<'m> Writer<'_, 'm> {
    fn push(&mut self, message: &'m Message) -> Result<(), EncodeError> {
        self.carry.next_message(message);
        let role = match message.role() {
            Role::System | Role::Developer if self.is_outside() => {
                if !self.turns.is_empty() {
                    self.carry.drop("messages.role");
                }
                self.system.push(message);
                return Ok(());
            }
            Role::System | Role::Developer => "system",
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        };
        if let Some(raw) = message.raw(Dialect::Anthropic)
            && raw.as_str().starts_with('{')
        {
            self.turns.push(Turn::Raw(raw.clone()));
            return Ok(());
        }
        if message.name().is_some() {
            self.carry.drop("name");
        }
        let extra = self.carry.extra(message.extra(), &["role", "reasoning_details"]).clone();
        let mut blocks = BytesMut::new();
        write::array(&mut blocks, |array| {
            message.blocks().iter().try_for_each(|block| block::write(array, block, self.carry))
        })?;
        self.say(role, &blocks[1..blocks.len() - 1], plain(message), extra);
        Ok(())
    }

    /// Whether a system message that comes now goes to `system`.
    fn is_outside(&self) -> bool {
        match self.in_place {
            InPlace::No => true,
            InPlace::But { first } => first && self.turns.is_empty() && self.system.is_empty(),
        }
    }

    fn say(&mut self, role: &'static str, written: &[u8], text: Option<&str>, extra: Extra) {
        if self.carry.translates() {
            if written.is_empty() {
                return;
            }
            if let Some(Turn::Blocks { role: last, blocks, plain, .. }) = self.turns.last_mut()
                && *last == role
            {
                blocks.put_u8(b',');
                blocks.extend_from_slice(written);
                *plain = None;
                return;
            }
        }
        let plain = text.map(str::to_owned);
        self.turns.push(Turn::Blocks { role, blocks: BytesMut::from(written), plain, extra });
    }
}

/// The text of a message that is nothing but a text.
fn plain(message: &Message) -> Option<&str> {
    match message.blocks() {
        [Block { content: Content::Text(text), extra }] if extra.is_empty() => Some(text),
        _ => None,
    }
}

// === impl Turn ===

impl Turn {
    fn write(self, array: &mut ArrayWriter<'_>) {
        match self {
            Self::Raw(raw) => array.raw(raw.as_str()),
            Self::Blocks { role, blocks, plain, extra } => array.object(|object| {
                object.string("role", role);
                match plain {
                    Some(text) => object.string("content", &text),
                    None => {
                        let out = object.key("content");
                        out.put_u8(b'[');
                        out.extend_from_slice(&blocks);
                        out.put_u8(b']');
                    }
                }
                object.extra(&extra, &[]);
            }),
        }
    }
}

// === system ===

fn write_system(messages: &[&Message], carry: &mut Carry) -> Result<Option<Bytes>, EncodeError> {
    if let [message] = messages
        && let Some(raw) = message.raw(Dialect::Anthropic)
        && !raw.as_str().starts_with('{')
    {
        return Ok(Some(raw.bytes().clone()));
    }
    for message in messages {
        if message.name().is_some() {
            carry.drop("name");
        }
        carry.extra(message.extra(), &[]);
    }
    let blocks: Vec<_> = messages.iter().flat_map(|message| message.blocks()).filter(|block| says(block)).collect();
    let mut out = BytesMut::new();
    match &*blocks {
        [] => return Ok(None),
        [Block { content: Content::Text(text), extra }] if extra.is_empty() || !carry.own() => {
            carry.extra(extra, &[]);
            write::string_to(&mut out, text);
        }
        _ => write::array(&mut out, |array| blocks.iter().try_for_each(|block| block::write(array, block, carry)))?,
    }
    Ok(Some(out.freeze()))
}

fn says(block: &Block) -> bool {
    !matches!(&block.content, Content::Text(text) if text.is_empty())
}
