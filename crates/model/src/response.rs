//! A response: the bytes it came in and a view that is parsed when somebody looks.

use crate::{
    Codec, DecodeError, Dialect, Extra, ImageOutput, Kind, Message, Remote, SpeechOutput, TextOutput,
    TranscriptionOutput, Usage,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};

/// A provider's (or a plugin's) whole answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// What was asked for.
    pub kind: Kind,
    /// The provider that answered, by its name in the config; the plugin's name for a short-circuit.
    pub provider: String,
    /// The model that was asked.
    pub model: String,
    /// Members for `extra_fields` in the client's answer (seed 000); empty leaves it out.
    pub extra_fields: serde_json::Map<String, serde_json::Value>,
    source: Source,
    edited: Option<Box<Output>>,
}

/// Where the unedited output is.
#[derive(Clone, Debug)]
enum Source {
    /// Nowhere: it was made here.
    None,
    /// In the bytes it came in.
    Wire(Arc<ResponseWire>),
    /// In another address space.
    Remote(Arc<Remote<Output>>),
}

/// The response as it came from the provider.
#[derive(Debug)]
pub struct ResponseWire {
    codec: &'static dyn Codec,
    body: Bytes,
    output: OnceLock<Result<Output, DecodeError>>,
}

/// What a response holds, by kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Output {
    /// A conversation's next turn, of `chat` and `responses` requests alike.
    Chat(ChatResponse),
    /// Plain text.
    Text(TextOutput),
    /// Sound.
    Speech(SpeechOutput),
    /// What was heard.
    Transcription(TranscriptionOutput),
    /// Pictures.
    Image(ImageOutput),
}

/// A conversation's next turn, in as many choices as were asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChatResponse {
    /// The provider's id for it.
    pub id: String,
    /// The model as the provider names it.
    pub model: String,
    /// Unix time in seconds, where the dialect has it.
    pub created: Option<u64>,
    /// The choices; most answers have one.
    pub choices: Vec<Choice>,
    /// Tokens used.
    pub usage: Option<Usage>,
    /// Top-level members that the model has no field for.
    pub extra: Extra,
}

/// One of the alternatives asked for with `n`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Its number, from 0.
    pub index: u32,
    /// What the model said.
    pub message: Message,
    /// Why it stopped.
    #[serde(default)]
    pub finish: Option<FinishReason>,
    /// Members that the model has no field for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Extra,
}

/// Why the model stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// It was done.
    Stop,
    /// A text of `stop` came; holds it where the dialect tells.
    StopSequence(Option<String>),
    /// The limit of tokens.
    Length,
    /// It asks for tools.
    ToolUse,
    /// The provider's filter, or the model declined.
    ContentFilter,
    /// Another word of the provider's.
    Other(String),
}

// === impl Response ===

impl Response {
    /// A response as it came from a provider.
    pub fn from_wire(kind: Kind, provider: &str, model: &str, codec: &'static dyn Codec, body: Bytes) -> Self {
        let source = Source::Wire(Arc::new(ResponseWire { codec, body, output: OnceLock::new() }));
        Self { source, ..Self::empty(kind, provider, model) }
    }

    /// A response whose output is elsewhere, and is fetched when somebody looks.
    pub fn from_remote(
        kind: Kind,
        provider: String,
        model: String,
        fetch: impl Fn() -> Result<Output, DecodeError> + Send + Sync + 'static,
    ) -> Self {
        let source = Source::Remote(Arc::new(Remote::new(fetch)));
        Self { kind, provider, model, extra_fields: serde_json::Map::new(), source, edited: None }
    }

    /// A response made here.
    pub fn from_output(kind: Kind, provider: &str, model: &str, output: Output) -> Self {
        Self { edited: Some(Box::new(output)), ..Self::empty(kind, provider, model) }
    }

    /// A conversation's answer of one text, as plugins and tests make them.
    pub fn of_text(provider: &str, model: &str, text: impl Into<String>) -> Self {
        let message = Message::text(crate::Role::Assistant, text);
        let choice = Choice { index: 0, message, finish: Some(FinishReason::Stop), extra: Extra::new() };
        let chat = ChatResponse { model: model.to_owned(), choices: vec![choice], ..ChatResponse::default() };
        Self::from_output(Kind::Chat, provider, model, Output::Chat(chat))
    }

    fn empty(kind: Kind, provider: &str, model: &str) -> Self {
        let (provider, model) = (provider.to_owned(), model.to_owned());
        Self { kind, provider, model, extra_fields: serde_json::Map::new(), source: Source::None, edited: None }
    }

    /// What it holds. An error if the body is not what the kind promises.
    pub fn output(&self) -> Result<&Output, DecodeError> {
        match (&self.edited, &self.source) {
            (Some(output), _) => Ok(output),
            (None, Source::Wire(wire)) => wire.output(),
            (None, Source::Remote(remote)) => remote.get(),
            (None, Source::None) => Err(DecodeError::new("the response has no body")),
        }
    }

    /// What it holds, to edit. The first call copies.
    pub fn output_mut(&mut self) -> Result<&mut Output, DecodeError> {
        let copy = match self.edited.take() {
            Some(output) => output,
            None => Box::new(self.output()?.clone()),
        };
        Ok(self.edited.insert(copy))
    }

    /// The conversation's turn, if this is one.
    pub fn chat(&self) -> Option<&ChatResponse> {
        match self.output() {
            Ok(Output::Chat(chat)) => Some(chat),
            _ => None,
        }
    }

    /// The conversation's turn, to edit, if this is one.
    pub fn chat_mut(&mut self) -> Option<&mut ChatResponse> {
        match self.output_mut() {
            Ok(Output::Chat(chat)) => Some(chat),
            _ => None,
        }
    }

    /// Replaces texts of the conversation's turn: `edit` answers `Some` where a text is to change. Answers whether any
    /// did; a response that is none, or cannot be read, has no texts.
    pub fn map_texts(&mut self, mut edit: impl FnMut(&str) -> Option<String>) -> bool {
        let Some(chat) = self.chat() else { return false };
        let mut changed = Vec::new();
        for (index, choice) in chat.choices.iter().enumerate() {
            changed.extend(choice.message.mapped(&mut edit).map(|message| (index, message)));
        }
        let edited = !changed.is_empty();
        if edited && let Some(chat) = self.chat_mut() {
            for (index, message) in changed {
                chat.choices[index].message = message;
            }
        }
        edited
    }

    /// The bytes it came in, if it came from a provider.
    pub fn wire(&self) -> Option<&ResponseWire> {
        match &self.source {
            Source::Wire(wire) => Some(wire),
            Source::None | Source::Remote(_) => None,
        }
    }

    /// Whether the output, but for edits, is elsewhere.
    pub fn is_remote(&self) -> bool {
        matches!(self.source, Source::Remote(_))
    }

    /// The edited output, if there is one.
    pub fn edited(&self) -> Option<&Output> {
        self.edited.as_deref()
    }
}

/// Equal when they say the same; the wire counts by its bytes.
impl PartialEq for Response {
    fn eq(&self, other: &Self) -> bool {
        let bytes = |response: &Self| response.wire().map(|wire| wire.body.clone());
        (self.kind, &self.provider, &self.model) == (other.kind, &other.provider, &other.model)
            && self.extra_fields == other.extra_fields
            && self.edited == other.edited
            && bytes(self) == bytes(other)
    }
}

// === impl ResponseWire ===

impl ResponseWire {
    /// The dialect it came in.
    pub fn dialect(&self) -> Dialect {
        self.codec.dialect()
    }

    /// The whole body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// What it holds, parsed once.
    pub fn output(&self) -> Result<&Output, DecodeError> {
        self.output.get_or_init(|| self.codec.decode_response(&self.body)).as_ref().map_err(Clone::clone)
    }

    /// What it holds, if somebody had it parsed already.
    pub fn read(&self) -> Option<&Output> {
        self.output.get().and_then(|output| output.as_ref().ok())
    }

    /// The tokens used, found without parsing the rest where that is possible.
    pub fn usage(&self) -> Option<Usage> {
        match self.output.get() {
            Some(Ok(Output::Chat(chat))) => chat.usage,
            _ => self.codec.scan_usage(&self.body),
        }
    }
}

// === impl FinishReason ===

impl FinishReason {
    /// The word in metrics and logs.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::StopSequence(_) => "stop_sequence",
            Self::Length => "length",
            Self::ToolUse => "tool_use",
            Self::ContentFilter => "content_filter",
            Self::Other(word) => word,
        }
    }
}

#[cfg(test)]
mod tests;
