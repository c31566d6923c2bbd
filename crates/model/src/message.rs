//! Messages, cheap to share and to edit one at a time.

use crate::block::{Members, mapped, mapped_extra, visit_extra};
use crate::{Block, Dialect, Extra, Raw};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::iter::Peekable;
use std::sync::Arc;

/// Who speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The application's standing instructions (Anthropic: the top-level `system`).
    System,
    /// The same, in OpenAI's newer word.
    Developer,
    /// The person.
    #[default]
    User,
    /// The model.
    Assistant,
    /// A tool's answer (OpenAI; Anthropic has tool results as blocks of the user).
    Tool,
}

/// One turn of a conversation.
#[derive(Clone, Debug)]
pub struct Message {
    role: Role,
    name: Option<String>,
    blocks: Vec<Block>,
    extra: Extra,
    source: Option<Source>,
}

/// Members of messages that are read as text: the model's own thoughts, where they are in no form that has a field, the
/// sources of what it says, and what a plugin wrote under the names of what has a field.
const READ_OF_MESSAGES: Members = Members {
    read: &[
        "reasoning",
        "reasoning_content",
        "reasoning_details",
        "thinking_blocks",
        "provider_specific_fields",
        "annotations",
        "content",
        "refusal",
        "audio",
        "tool_calls",
        "function_call",
    ],
    silent: is_for_programs,
};

/// Members of blocks that stand beside what the block says: its sources.
const SOURCES_OF_BLOCKS: Members = Members { read: &["citations"], silent: is_for_programs };

/// Whether a member of a thought or a source says nothing, and is of no use any more once it is changed.
fn is_for_programs(name: &str) -> bool {
    let exact = ["type", "format", "id", "signature", "thought_signature", "thought_signatures", "data"];
    exact.contains(&name) || name.ends_with("_id") || name.starts_with("encrypted_")
}

/// A text that stands in another's stead, after the place of that among the texts of a conversation.
pub type PlacedText = (u32, String);

/// Whose a text is, among all texts of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextOf {
    /// Who speaks.
    pub role: Role,
    /// The message that it is in, from 0. A message may have several texts, or none.
    pub message: usize,
}

/// Where an unedited message came from.
#[derive(Clone, Debug)]
enum Source {
    /// Its text in a dialect.
    Raw(Dialect, Raw),
    /// Its place in a list that somebody else has.
    Origin(u32),
}

/// The messages of a request. Copying the list, or editing one message of it, copies no other message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Messages(Arc<Vec<Arc<Message>>>);

/// Texts to replace others with, by the place of those.
pub(crate) struct Placed {
    texts: Peekable<std::vec::IntoIter<PlacedText>>,
    place: u32,
}

// === impl Placed ===

impl Placed {
    pub(crate) fn new(texts: Vec<PlacedText>) -> Self {
        Self { texts: texts.into_iter().peekable(), place: 0 }
    }

    /// What stands instead at the next place.
    pub(crate) fn next(&mut self) -> Option<String> {
        let new = self.texts.next_if(|(at, _)| *at == self.place);
        self.place += 1;
        new.map(|(_, text)| text)
    }

    /// Whether all of them found their places.
    pub(crate) fn were_all_placed(mut self) -> bool {
        self.texts.next().is_none()
    }
}

// === impl Role ===

impl Role {
    /// The word that OpenAI has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Developer => "developer",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

// === impl Message ===

impl Message {
    /// A message made here, with no wire behind it.
    pub fn new(role: Role, blocks: Vec<Block>) -> Self {
        Self { role, name: None, blocks, extra: Extra::new(), source: None }
    }

    /// A message with one block of text.
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self::new(role, vec![Block::text(text)])
    }

    /// With members that the model has no field for.
    pub fn with_extra(self, extra: Extra) -> Self {
        Self { extra, ..self }
    }

    /// Adds what a codec found beside role and blocks.
    pub fn with_wire(mut self, name: Option<String>, extra: Extra, dialect: Dialect, raw: Raw) -> Self {
        self.name = name;
        self.extra = extra;
        self.source = Some(Source::Raw(dialect, raw));
        self
    }

    /// Who speaks.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The speaker's name, where the dialect has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The blocks.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Members that the model has no field for.
    pub fn extra(&self) -> &Extra {
        &self.extra
    }

    /// The message as it came, while nothing in it was edited and if it came in this dialect.
    pub fn raw(&self, dialect: Dialect) -> Option<&Raw> {
        match &self.source {
            Some(Source::Raw(of, raw)) if *of == dialect => Some(raw),
            _ => None,
        }
    }

    /// Adds that it was handed over from this place of a list.
    pub fn with_origin(mut self, place: u32) -> Self {
        self.source = Some(Source::Origin(place));
        self
    }

    /// Its place in the list that it was handed over from, while nothing in it was edited.
    pub fn origin(&self) -> Option<u32> {
        match self.source {
            Some(Source::Origin(place)) => Some(place),
            _ => None,
        }
    }

    /// Says who speaks: the raw text is given up, `extra` stays.
    pub fn set_role(&mut self, role: Role) {
        self.source = None;
        self.role = role;
    }

    /// The blocks, to edit: the raw text is given up, `extra` stays.
    pub fn blocks_mut(&mut self) -> &mut Vec<Block> {
        self.source = None;
        &mut self.blocks
    }

    /// Calls `visit` with every text of the message that is not empty: of its blocks, of their sources, and of thoughts in a
    /// form that the gateway does not know.
    pub fn texts(&self, visit: &mut dyn FnMut(&str)) {
        self.blocks.iter().for_each(|block| block.texts(visit));
        self.texts_beside_blocks(visit);
    }

    /// Of the texts that [`Message::texts`] visits those that are in no block.
    pub fn texts_beside_blocks(&self, visit: &mut dyn FnMut(&str)) {
        self.blocks.iter().for_each(|block| visit_extra(&block.extra, &SOURCES_OF_BLOCKS, visit));
        visit_extra(&self.extra, &READ_OF_MESSAGES, visit);
    }

    /// The message with other texts, of those that [`Message::texts`] visits; `None` if none changes.
    pub(crate) fn mapped(&self, edit: &mut dyn FnMut(&str) -> Option<String>) -> Option<Self> {
        let mut blocks = mapped(&self.blocks, edit);
        for at in 0..self.blocks.len() {
            let extra = &blocks.as_ref().unwrap_or(&self.blocks)[at].extra;
            if let Some(extra) = mapped_extra(extra, &SOURCES_OF_BLOCKS, edit) {
                blocks.get_or_insert_with(|| self.blocks.clone())[at].extra = extra;
            }
        }
        match (blocks, mapped_extra(&self.extra, &READ_OF_MESSAGES, edit)) {
            (None, None) => None,
            (blocks, extra) => Some(Self {
                role: self.role,
                name: self.name.clone(),
                blocks: blocks.unwrap_or_else(|| self.blocks.clone()),
                extra: extra.unwrap_or_else(|| self.extra.clone()),
                source: None,
            }),
        }
    }

    /// The texts of all blocks, joined by line breaks.
    pub fn joined_text(&self) -> String {
        let mut joined = String::new();
        self.blocks.iter().for_each(|block| {
            block.texts(&mut |text| {
                if !joined.is_empty() {
                    joined.push('\n');
                }
                joined.push_str(text);
            })
        });
        joined
    }
}

/// A message in a document. One that has an origin is nothing but that: whoever handed it over has the rest.
#[derive(Serialize, Deserialize)]
struct Document<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    /// There in one that has none, too: who has another name for them must not lose them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    blocks: Option<Cow<'a, [Block]>>,
    #[serde(default, skip_serializing_if = "<[(Box<str>, Raw)]>::is_empty")]
    extra: Cow<'a, [(Box<str>, Raw)]>,
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let origin = self.origin();
        let whole = origin.is_none();
        let document = Document {
            origin,
            role: whole.then_some(self.role),
            name: self.name.as_deref().filter(|_| whole).map(Cow::Borrowed),
            blocks: whole.then_some(Cow::Borrowed(&self.blocks)),
            extra: Cow::Borrowed(if whole { &self.extra } else { &[] }),
        };
        document.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = Document::deserialize(deserializer)?;
        if document.origin.is_none() && document.blocks.is_none() {
            return Err(D::Error::custom("a message has neither `blocks` nor an `origin`"));
        }
        Ok(Self {
            role: document.role.unwrap_or_default(),
            name: document.name.map(Cow::into_owned),
            blocks: document.blocks.unwrap_or_default().into_owned(),
            extra: document.extra.into_owned(),
            source: document.origin.map(Source::Origin),
        })
    }
}

/// Equal when they say the same; where a message came from does not count.
impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.role == other.role && self.name == other.name && self.blocks == other.blocks && self.extra == other.extra
    }
}

// === impl Messages ===

impl Messages {
    /// The messages in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Message> + DoubleEndedIterator {
        self.0.iter().map(|message| &**message)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The message at `index`.
    pub fn get(&self, index: usize) -> Option<&Message> {
        self.0.get(index).map(|message| &**message)
    }

    /// The message at `index`, sharing its storage.
    pub fn shared(&self, index: usize) -> Option<&Arc<Message>> {
        self.0.get(index)
    }

    /// The message at `index`, to edit. Only this one is copied, and only if it is shared.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut Message> {
        Arc::make_mut(&mut self.0).get_mut(index).map(Arc::make_mut)
    }

    /// The messages, each with its storage: none is copied that is not shared.
    pub fn into_shared(self) -> Vec<Arc<Message>> {
        Arc::unwrap_or_clone(self.0)
    }

    /// Puts a message at the end.
    pub fn push(&mut self, message: Message) {
        Arc::make_mut(&mut self.0).push(Arc::new(message));
    }

    /// Puts a message at `index`, or at the end if that is nearer.
    pub fn insert(&mut self, index: usize, message: Message) {
        let at = index.min(self.0.len());
        Arc::make_mut(&mut self.0).insert(at, Arc::new(message));
    }

    /// Takes out those for which `keep` says no.
    pub fn retain(&mut self, mut keep: impl FnMut(&Message) -> bool) {
        Arc::make_mut(&mut self.0).retain(|message| keep(message));
    }

    /// Replaces texts in all messages: `edit` answers `Some` where a text is to change. Messages in which nothing
    /// changes keep their raw text. Answers whether any changed.
    pub fn map_texts(&mut self, mut edit: impl FnMut(TextOf, &str) -> Option<String>) -> bool {
        let mut changed = false;
        for index in 0..self.0.len() {
            let message = &self.0[index];
            let of = TextOf { role: message.role, message: index };
            let Some(new) = message.mapped(&mut |text| edit(of, text)) else { continue };
            Arc::make_mut(&mut self.0)[index] = Arc::new(new);
            changed = true;
        }
        changed
    }

    /// Calls `visit` with every text that is not empty.
    pub fn texts(&self, mut visit: impl FnMut(TextOf, &str)) {
        for (index, message) in self.iter().enumerate() {
            let of = TextOf { role: message.role, message: index };
            message.texts(&mut |text| visit(of, text));
        }
    }

    /// Replaces texts by their place among those that [`Messages::texts`] visits. Answers whether there is one at each of
    /// these places, which must ascend.
    pub fn replace_texts(&mut self, texts: Vec<PlacedText>) -> bool {
        let mut placed = Placed::new(texts);
        self.map_texts(|_, _| placed.next());
        placed.were_all_placed()
    }

    /// Whether both lists share their storage, so that nothing in them was edited.
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl FromIterator<Message> for Messages {
    fn from_iter<I: IntoIterator<Item = Message>>(messages: I) -> Self {
        Self(Arc::new(messages.into_iter().map(Arc::new).collect()))
    }
}

impl FromIterator<Arc<Message>> for Messages {
    fn from_iter<I: IntoIterator<Item = Arc<Message>>>(messages: I) -> Self {
        Self(Arc::new(messages.into_iter().collect()))
    }
}

impl From<Vec<Message>> for Messages {
    fn from(messages: Vec<Message>) -> Self {
        messages.into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
