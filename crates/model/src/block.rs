//! Blocks: what a message is made of.

use crate::{Extra, Raw};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// One part of a message: its content, and the members that its dialect had beside it (`cache_control`, ...).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// What the block holds.
    pub content: Content,
    /// Members that the model has no field for; kept when the block is edited.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Extra,
}

/// What a block holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Content {
    /// Plain text.
    Text(String),
    /// A picture.
    Image {
        /// Where its bytes are.
        source: ImageSource,
        /// How closely to look (`low`, `high`, `auto`), where the dialect has it.
        detail: Option<String>,
    },
    /// Sound, as input.
    Audio {
        /// Base64 data.
        data: String,
        /// `wav`, `mp3`, ...
        format: String,
    },
    /// A file or document.
    Document {
        /// Where its bytes are.
        source: MediaSource,
        /// File name or title.
        name: Option<String>,
    },
    /// What the model thought before it answered.
    Reasoning {
        /// Readable text; empty when redacted.
        text: String,
        /// The provider's signature over it, which must go back unchanged.
        signature: Option<String>,
        /// Opaque data in place of the text.
        redacted: Option<String>,
    },
    /// The model asks for a tool.
    ToolUse {
        /// Id that the result refers to.
        id: String,
        /// The tool's name.
        name: String,
        /// The arguments as JSON text, which models do not always make valid.
        arguments: String,
    },
    /// What a tool answered.
    ToolResult {
        /// Id of the call.
        id: String,
        /// The answer.
        content: Vec<Block>,
        /// Whether the tool failed.
        is_error: bool,
    },
    /// The model declined.
    Refusal(String),
    /// A block of a kind that the model does not know, whole.
    Other(Raw),
}

/// Where the bytes of a picture are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageSource {
    /// Behind an address that the provider fetches.
    Url(String),
    /// In the request.
    Base64 {
        /// `image/png`, ...
        media_type: String,
        /// Base64 text.
        data: String,
    },
    /// In a file that was uploaded to the provider.
    File(String),
}

/// Where the bytes of a document are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaSource {
    /// Behind an address that the provider fetches.
    Url(String),
    /// In the request.
    Base64 {
        /// `application/pdf`, ...
        media_type: String,
        /// Base64 text.
        data: String,
    },
    /// In a file that was uploaded to the provider.
    File(String),
    /// Plain text in the request.
    Text(String),
}

/// Members beside those that have a field, by name, whose strings are texts.
pub(crate) struct Members {
    pub(crate) read: &'static [&'static str],
    /// Whether what is under this name in them is for programs alone.
    pub(crate) silent: fn(&str) -> bool,
}

/// Members of blocks that the model reads as text: of a document what it is about.
const READ_OF_BLOCKS: Members = Members { read: &["context"], silent: none };

/// The same of blocks inside a tool's result, whose sources no message tells.
const READ_OF_INNER: Members = Members { read: &["context", "citations"], silent: none };

// === impl Block ===

impl Block {
    /// A block of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::from(Content::Text(text.into()))
    }

    /// The text that a guardrail reads in this block: text, refusal, reasoning, tool arguments or a document's text.
    /// Empty for pictures, sound and opaque blocks; for tool results see [`Block::texts`].
    pub fn as_text(&self) -> &str {
        match &self.content {
            Content::Text(text)
            | Content::Refusal(text)
            | Content::Reasoning { text, .. }
            | Content::ToolUse { arguments: text, .. }
            | Content::Document { source: MediaSource::Text(text), .. } => text,
            _ => "",
        }
    }

    /// Calls `visit` with every text in the block that is not empty, those inside tool results too, and a document's title
    /// and context. Of a block that the gateway does not know it is every string, since the model reads it all the same.
    pub fn texts(&self, visit: &mut dyn FnMut(&str)) {
        self.texts_with(&READ_OF_BLOCKS, visit);
    }

    fn texts_with(&self, members: &Members, visit: &mut dyn FnMut(&str)) {
        match &self.content {
            Content::ToolResult { content, .. } => {
                content.iter().for_each(|block| block.texts_with(&READ_OF_INNER, visit));
            }
            Content::Other(raw) => visit_raw(raw, none, visit),
            content => {
                let name = match content {
                    Content::Document { name, .. } => name.as_deref(),
                    _ => None,
                };
                // The model reads the title first.
                for text in [name.unwrap_or_default(), self.as_text()] {
                    if !text.is_empty() {
                        visit(text);
                    }
                }
            }
        }
        visit_extra(&self.extra, members, visit);
    }

    /// Replaces texts, of those that [`Block::texts`] visits: `edit` answers `Some` where one is to change. Answers whether
    /// any did.
    pub fn map_texts(&mut self, edit: &mut dyn FnMut(&str) -> Option<String>) -> bool {
        match self.mapped(&READ_OF_BLOCKS, edit) {
            Some(new) => {
                *self = new;
                true
            }
            None => false,
        }
    }

    /// The block with other texts; `None` if none changes. A text that is replaced is not copied first.
    fn mapped(&self, members: &Members, edit: &mut dyn FnMut(&str) -> Option<String>) -> Option<Self> {
        match (self.content.mapped(edit), mapped_extra(&self.extra, members, edit)) {
            (None, None) => None,
            (content, extra) => Some(Self {
                content: content.unwrap_or_else(|| self.content.clone()),
                extra: extra.unwrap_or_else(|| self.extra.clone()),
            }),
        }
    }
}

impl Content {
    fn mapped(&self, edit: &mut dyn FnMut(&str) -> Option<String>) -> Option<Self> {
        Some(match self {
            Self::Text(text) => Self::Text(replaced(text, edit)?),
            Self::Refusal(text) => Self::Refusal(replaced(text, edit)?),
            Self::Reasoning { text, signature, redacted } => {
                let text = replaced(text, edit)?;
                Self::Reasoning { text, signature: signature.clone(), redacted: redacted.clone() }
            }
            Self::ToolUse { id, name, arguments } => {
                Self::ToolUse { arguments: replaced(arguments, edit)?, id: id.clone(), name: name.clone() }
            }
            Self::Document { source, name } => {
                let title = name.as_deref().and_then(|name| replaced(name, edit));
                let text = match source {
                    MediaSource::Text(text) => replaced(text, edit).map(MediaSource::Text),
                    _ => None,
                };
                match (text, title) {
                    (None, None) => return None,
                    (text, title) => Self::Document {
                        source: text.unwrap_or_else(|| source.clone()),
                        name: title.or_else(|| name.clone()),
                    },
                }
            }
            Self::ToolResult { id, content, is_error } => {
                let content = mapped_with(&READ_OF_INNER, content, edit)?;
                Self::ToolResult { id: id.clone(), content, is_error: *is_error }
            }
            Self::Other(raw) => match mapped_raw(raw, none, edit)? {
                Json::String(text) if raw.parsed().is_none() => Self::Text(text),
                value => Self::Other(Raw::from_value(&value)),
            },
            Self::Image { .. } | Self::Audio { .. } => return None,
        })
    }
}

/// Blocks with other texts; `None` if none changes.
pub(crate) fn mapped(blocks: &[Block], edit: &mut dyn FnMut(&str) -> Option<String>) -> Option<Vec<Block>> {
    mapped_with(&READ_OF_BLOCKS, blocks, edit)
}

fn mapped_with(
    members: &Members,
    blocks: &[Block],
    edit: &mut dyn FnMut(&str) -> Option<String>,
) -> Option<Vec<Block>> {
    let mut all: Option<Vec<Block>> = None;
    for (at, block) in blocks.iter().enumerate() {
        match (block.mapped(members, edit), &mut all) {
            (Some(new), Some(all)) => all.push(new),
            (Some(new), None) => {
                let mut begun = Vec::with_capacity(blocks.len());
                begun.extend_from_slice(&blocks[..at]);
                begun.push(new);
                all = Some(begun);
            }
            (None, Some(all)) => all.push(block.clone()),
            (None, None) => {}
        }
    }
    all
}

/// Another text in the place of one that is visited.
fn replaced(text: &str, edit: &mut dyn FnMut(&str) -> Option<String>) -> Option<String> {
    if text.is_empty() { None } else { edit(text) }
}

impl From<Content> for Block {
    fn from(content: Content) -> Self {
        Self { content, extra: Extra::new() }
    }
}

/// No name.
fn none(_: &str) -> bool {
    false
}

/// Every string in a JSON text, but for what is under `silent` names; one that no tree holds is a text as a whole, so that
/// nothing of it passes unseen.
fn visit_raw(raw: &Raw, silent: fn(&str) -> bool, visit: &mut dyn FnMut(&str)) {
    match raw.parsed() {
        Some(value) => visit_strings(&value, silent, visit),
        None if !raw.as_str().is_empty() => visit(raw.as_str()),
        None => {}
    }
}

/// The value with other strings; `None` if none changes.
fn mapped_raw(raw: &Raw, silent: fn(&str) -> bool, edit: &mut dyn FnMut(&str) -> Option<String>) -> Option<Json> {
    match raw.parsed() {
        Some(mut value) => map_strings(&mut value, silent, edit).then_some(value),
        None => replaced(raw.as_str(), edit).map(Json::String),
    }
}

/// Every string in those members that the model reads, though there is no field for them here.
pub(crate) fn visit_extra(extra: &Extra, members: &Members, visit: &mut dyn FnMut(&str)) {
    for (_, value) in extra.iter().filter(|(name, _)| members.read.contains(&&**name)) {
        visit_raw(value, members.silent, visit);
    }
}

/// The members with other strings in those; `None` if none changes.
pub(crate) fn mapped_extra(
    extra: &Extra,
    members: &Members,
    edit: &mut dyn FnMut(&str) -> Option<String>,
) -> Option<Extra> {
    let mut all = None;
    for (at, (_, value)) in extra.iter().enumerate().filter(|(_, (name, _))| members.read.contains(&&**name)) {
        if let Some(new) = mapped_raw(value, members.silent, edit) {
            all.get_or_insert_with(|| extra.clone())[at].1 = Raw::from_value(&new);
        }
    }
    all
}

/// Every string in a value. JSON is read to a bounded depth, so this ends.
fn visit_strings(value: &Json, silent: fn(&str) -> bool, visit: &mut dyn FnMut(&str)) {
    match value {
        Json::String(text) if !text.is_empty() => visit(text),
        Json::Array(items) => items.iter().for_each(|item| visit_strings(item, silent, visit)),
        Json::Object(members) => {
            let said = members.iter().filter(|(name, _)| !silent(name));
            said.for_each(|(_, member)| visit_strings(member, silent, visit));
        }
        _ => {}
    }
}

fn map_strings(value: &mut Json, silent: fn(&str) -> bool, edit: &mut dyn FnMut(&str) -> Option<String>) -> bool {
    match value {
        Json::String(text) => match replaced(text, edit) {
            Some(new) => {
                *text = new;
                true
            }
            None => false,
        },
        Json::Array(items) => items.iter_mut().fold(false, |changed, item| map_strings(item, silent, edit) | changed),
        Json::Object(members) => {
            let said = members.iter_mut().filter(|(name, _)| !silent(name));
            said.fold(false, |changed, (_, member)| map_strings(member, silent, edit) | changed)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
