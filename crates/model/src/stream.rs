//! Streams: chunks, and the parts that they say.

use crate::{Dialect, FinishReason, LlmError, Raw, Usage};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// One event of a provider's stream.
///
/// Holds the bytes it came in beside what they say; while nothing is edited, the bytes leave as they came.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    parts: SmallVec<[Part; 2]>,
    wire: Option<(Dialect, Bytes)>,
    edited: bool,
}

/// One thing that a chunk says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Part {
    /// The answer begins.
    Start {
        /// The provider's id for it.
        id: String,
        /// The model as the provider names it.
        model: String,
    },
    /// A tool call begins; its arguments follow as text of the channel.
    ToolUse {
        /// Where its arguments will come.
        channel: Channel,
        /// Id that the result refers to.
        id: String,
        /// The tool's name.
        name: String,
    },
    /// More text of a channel.
    Text {
        /// Which one.
        channel: Channel,
        /// The text, split anywhere between two characters.
        text: String,
    },
    /// The signature over a block of reasoning or over a tool call that has begun, whole or its next piece.
    Signature {
        /// The block's channel.
        channel: Channel,
        /// The signature.
        signature: String,
    },
    /// The block of a channel is complete.
    BlockEnd(Channel),
    /// A choice is complete.
    Finish {
        /// Which one.
        choice: u32,
        /// Why.
        reason: FinishReason,
    },
    /// Tokens used so far.
    Usage(Usage),
    /// The provider ends the stream with an error.
    Error(Box<LlmError>),
    /// The stream is complete (`[DONE]`, `message_stop`).
    Done,
}

/// A text that grows over the chunks: hooks work on these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Channel {
    /// The choice.
    pub choice: u32,
    /// The block in it; where the dialect has no block numbers, the tool call's number.
    pub block: u32,
    /// What kind of text.
    pub kind: ChannelKind,
}

/// What kind of text a channel carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// The answer.
    Text,
    /// What the model thinks first.
    Reasoning,
    /// Arguments of a tool call, as JSON text.
    ToolArguments,
    /// The model declines.
    Refusal,
}

/// One event of the client's stream, in the client's dialect, as `http_stream_chunk` sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamChunk {
    /// The event's name, where the dialect names events.
    pub event: Option<String>,
    /// The event's data, typed by kind.
    pub body: StreamChunkBody,
}

/// The data of an event, by the kind of what is streamed (seed 000). Each holds the dialect's JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StreamChunkBody {
    /// Of a text completion.
    Text(Raw),
    /// Of a conversation.
    Chat(Raw),
    /// Of the Responses API.
    Responses(Raw),
    /// Of speech synthesis.
    Speech(Raw),
    /// Of a transcription.
    Transcription(Raw),
    /// Of image generation.
    Image(Raw),
    /// An error in the middle of a stream.
    Error(Raw),
}

// === impl Chunk ===

impl Chunk {
    /// A chunk as it came from a provider: one whole event of the wire, line ends included, and what it says.
    pub fn from_wire(dialect: Dialect, event: Bytes, parts: impl IntoIterator<Item = Part>) -> Self {
        Self { parts: parts.into_iter().collect(), wire: Some((dialect, event)), edited: false }
    }

    /// A chunk made here.
    pub fn from_parts(parts: impl IntoIterator<Item = Part>) -> Self {
        Self { parts: parts.into_iter().collect(), wire: None, edited: true }
    }

    /// More text of a channel.
    pub fn text(channel: Channel, text: impl Into<String>) -> Self {
        Self::from_parts([Part::Text { channel, text: text.into() }])
    }

    /// What it says, in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What it says, to edit.
    pub fn parts_mut(&mut self) -> &mut SmallVec<[Part; 2]> {
        self.edited = true;
        &mut self.parts
    }

    /// Replaces texts: `edit` answers `Some` where a text is to change. Answers whether any did.
    pub fn map_texts(&mut self, mut edit: impl FnMut(Channel, &str) -> Option<String>) -> bool {
        let mut changed = false;
        for part in &mut self.parts {
            if let Part::Text { channel, text } = part
                && let Some(new) = edit(*channel, text)
            {
                *text = new;
                changed = true;
            }
        }
        self.edited |= changed;
        changed
    }

    /// Whether it says this, somewhere.
    pub fn has(&self, test: impl Fn(&Part) -> bool) -> bool {
        self.parts.iter().any(test)
    }

    /// The bytes it came in, if it came in this dialect, also after edits.
    pub fn wire(&self, dialect: Dialect) -> Option<&Bytes> {
        self.wire.as_ref().filter(|(of, _)| *of == dialect).map(|(_, bytes)| bytes)
    }

    /// About how much memory it takes, what it came in counted in.
    pub fn bytes(&self) -> usize {
        let wire = self.wire.as_ref().map_or(0, |(_, event)| event.len());
        self.parts.iter().fold(64 + wire, |bytes, part| bytes + part.bytes())
    }

    /// Whether anything in it was edited or made here.
    pub fn is_edited(&self) -> bool {
        self.edited
    }
}

// === impl Part ===

impl Part {
    /// Bytes of what it says.
    fn bytes(&self) -> usize {
        match self {
            Self::Start { id, model } => id.len() + model.len(),
            Self::ToolUse { id, name, .. } => id.len() + name.len(),
            Self::Text { text, .. } => text.len(),
            Self::Signature { signature, .. } => signature.len(),
            Self::Finish { reason, .. } => reason.as_str().len(),
            Self::Error(error) => error.message.len(),
            Self::BlockEnd(_) | Self::Usage(_) | Self::Done => 0,
        }
    }
}

// === impl Channel ===

impl Channel {
    /// The answer's text of the first choice.
    pub const TEXT: Self = Self { choice: 0, block: 0, kind: ChannelKind::Text };

    /// Of texts that stand beside a block's own and come while that is written, such as the sources of what it says: a
    /// channel apart, so that they do not get between its words.
    pub const fn beside(block: u32) -> Self {
        Self { block: u32::MAX - block, ..Self::TEXT }
    }

    /// Whether its texts stand beside a block's own. They are no block of the answer.
    pub const fn is_beside(self) -> bool {
        self.block > u32::MAX / 2 && matches!(self.kind, ChannelKind::Text)
    }
}

// === impl ChannelKind ===

impl ChannelKind {
    /// The word in hooks, metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Reasoning => "reasoning",
            Self::ToolArguments => "tool_arguments",
            Self::Refusal => "refusal",
        }
    }
}

// === impl StreamChunkBody ===

impl StreamChunkBody {
    /// The same kind with nothing that the model says: `null`. An error stays.
    pub fn emptied(&self) -> Self {
        let null = Raw::from_value(&serde_json::Value::Null);
        match self {
            Self::Text(_) => Self::Text(null),
            Self::Chat(_) => Self::Chat(null),
            Self::Responses(_) => Self::Responses(null),
            Self::Speech(_) => Self::Speech(null),
            Self::Transcription(_) => Self::Transcription(null),
            Self::Image(_) => Self::Image(null),
            Self::Error(error) => Self::Error(error.clone()),
        }
    }

    /// The event's JSON.
    pub fn data(&self) -> &Raw {
        match self {
            Self::Text(raw)
            | Self::Chat(raw)
            | Self::Responses(raw)
            | Self::Speech(raw)
            | Self::Transcription(raw)
            | Self::Image(raw)
            | Self::Error(raw) => raw,
        }
    }

    /// The event's JSON, to edit.
    pub fn data_mut(&mut self) -> &mut Raw {
        match self {
            Self::Text(raw)
            | Self::Chat(raw)
            | Self::Responses(raw)
            | Self::Speech(raw)
            | Self::Transcription(raw)
            | Self::Image(raw)
            | Self::Error(raw) => raw,
        }
    }
}

#[cfg(test)]
mod tests;
