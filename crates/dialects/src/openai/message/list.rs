//! Writes the messages of a request.

use super::{
    super::{Thoughts, content},
    write_assistant,
};
use crate::{
    carry::Carry,
    json::{extra, write::ArrayWriter},
    signed,
};
use gatewright_model::{Block, Content, Dialect, EncodeError, Message, Role};

/// What a tool message says where its result has no text of its own.
const ATTACHED: &str = "(The result is attached to the next message.)";

/// Writes the messages of a request. One message of another dialect may become several.
///
/// Chat completions have only text in tool messages: pictures and documents in a tool's result go into a message of
/// the user's, after the results.
#[derive(Debug)]
pub(in crate::openai) struct Messages<'w, 'o> {
    array: &'w mut ArrayWriter<'o>,
    thoughts: Thoughts,
    carry: &'w mut Carry,
    attached: Vec<Block>,
    /// How many tool messages stand behind each other.
    results: usize,
}

// === impl Messages ===

impl<'w, 'o> Messages<'w, 'o> {
    pub(in crate::openai) fn new(array: &'w mut ArrayWriter<'o>, thoughts: Thoughts, carry: &'w mut Carry) -> Self {
        Self { array, thoughts, carry, attached: Vec::new(), results: 0 }
    }

    pub(in crate::openai) fn push(&mut self, message: &Message) -> Result<(), EncodeError> {
        self.carry.next_message(message);
        if let Some(raw) = message.raw(Dialect::OpenAi) {
            if message.role() != Role::Tool {
                self.flush()?;
            }
            self.array.raw(raw.as_str());
            return Ok(());
        }
        let (results, others): (Vec<_>, Vec<_>) =
            message.blocks().iter().partition(|block| matches!(block.content, Content::ToolResult { .. }));
        if results.is_empty() {
            if message.role() != Role::User {
                self.flush()?;
            }
        } else {
            results.iter().try_for_each(|result| self.tool_message(message, result))?;
        }
        match message.role() {
            Role::Assistant => self.assistant(message, &others),
            Role::System | Role::Developer => self.system(message, &others),
            Role::User | Role::Tool if others.is_empty() && !results.is_empty() => Ok(()),
            Role::User | Role::Tool => self.user(message, &others),
        }
    }

    /// Ends the list.
    pub(in crate::openai) fn end(mut self) -> Result<(), EncodeError> {
        self.flush()
    }

    fn flush(&mut self) -> Result<(), EncodeError> {
        self.results = 0;
        if self.attached.is_empty() {
            return Ok(());
        }
        let attached = std::mem::take(&mut self.attached);
        let blocks: Vec<_> = attached.iter().collect();
        let carry = &mut *self.carry;
        self.array.object(|object| {
            object.string("role", "user");
            content::write(object.key("content"), &blocks, carry)
        })
    }

    fn tool_message(&mut self, message: &Message, result: &Block) -> Result<(), EncodeError> {
        let Content::ToolResult { id, content, is_error } = &result.content else {
            return Ok(());
        };
        let id = if self.carry.own() { id } else { signed::take(id).0 };
        self.results += 1;
        if *is_error {
            self.carry.drop("is_error");
        }
        let (texts, others): (Vec<_>, Vec<_>) = content.iter().partition(|block| is_text(block));
        self.carry.extra(&result.extra, &[]);
        if !others.is_empty() {
            // The call's id is the client's own text, which no guard reads.
            self.attached.push(Block::text(format!("Attached to tool result {}:", self.results)));
            self.attached.extend(others.iter().map(|block| (*block).clone()));
        }
        let attached = Block::text(ATTACHED);
        let texts = if texts.is_empty() && !others.is_empty() { vec![&attached] } else { texts };
        let carry = &mut *self.carry;
        let beside = if message.role() == Role::Tool { carry.extra(message.extra(), &[]) } else { &Vec::new() };
        self.array.object(|object| {
            match extra(beside, "role") {
                Some(role) => object.raw("role", role.as_str()),
                None => {
                    object.string("role", "tool");
                    object.string("tool_call_id", id);
                }
            }
            if let Some(name) = message.name() {
                object.string("name", name);
            }
            content::write(object.key("content"), &texts, carry)?;
            object.extra(beside, &["role"]);
            Ok(())
        })
    }

    fn system(&mut self, message: &Message, blocks: &[&Block]) -> Result<(), EncodeError> {
        let role = if message.role() == Role::Developer { "developer" } else { "system" };
        if self.carry.own() {
            return self.plain(message, role, blocks);
        }
        // Joined, since not every provider of this dialect takes parts here.
        blocks.iter().for_each(|block| {
            self.carry.extra(&block.extra, &[]);
        });
        let text = Block::text(content::joined(blocks.iter().copied(), "\n\n"));
        self.plain(message, role, &[&text])
    }

    fn user(&mut self, message: &Message, blocks: &[&Block]) -> Result<(), EncodeError> {
        let attached = std::mem::take(&mut self.attached);
        let blocks: Vec<_> = attached.iter().chain(blocks.iter().copied()).collect();
        self.plain(message, "user", &blocks)
    }

    fn plain(&mut self, message: &Message, role: &str, blocks: &[&Block]) -> Result<(), EncodeError> {
        let carry = &mut *self.carry;
        let beside = carry.extra(message.extra(), &[]);
        self.array.object(|object| {
            object.string("role", role);
            if let Some(name) = message.name() {
                object.string("name", name);
            }
            content::write(object.key("content"), blocks, carry)?;
            object.extra(beside, &["role"]);
            Ok(())
        })
    }

    fn assistant(&mut self, message: &Message, blocks: &[&Block]) -> Result<(), EncodeError> {
        let (thoughts, carry) = (self.thoughts, &mut *self.carry);
        self.array.object(|object| write_assistant(object, message, blocks, thoughts, carry))
    }
}

fn is_text(block: &Block) -> bool {
    matches!(block.content, Content::Text(_))
}
