//! What a dialect's codec does. The codecs themselves live in `gatewright-dialects`.

use crate::{Chat, Chunk, LlmError, Output, Request, RequestHead, Response, Usage};
use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

/// A way of writing LLM traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// OpenAI chat completions.
    OpenAi,
    /// Anthropic messages.
    Anthropic,
    /// Gemini generateContent.
    Gemini,
}

/// Translates between the model and one dialect. Stateless; streams get a decoder and an encoder of their own.
pub trait Codec: std::fmt::Debug + Send + Sync + 'static {
    /// Which dialect.
    fn dialect(&self) -> Dialect;

    /// Finds the head of a request's body without parsing the rest. Refuses what is not UTF-8, not one JSON object,
    /// or lacks `model` or `messages`, naming the member.
    fn scan_request(&self, body: &Bytes) -> Result<RequestHead, DecodeError>;

    /// Parses a whole request. Raw slices share the body's buffer.
    fn decode_request(&self, body: &Bytes) -> Result<Chat, DecodeError>;

    /// Writes a request for a provider that speaks this dialect. Unedited and of this dialect: the bytes with the
    /// splices, and nothing parsed. Edited: untouched members and messages keep their bytes. Of another dialect:
    /// translated.
    fn encode_request(&self, request: &Request, splice: &RequestSplice<'_>) -> Result<Encoded<Segments>, EncodeError>;

    /// Parses a whole response.
    fn decode_response(&self, body: &Bytes) -> Result<Output, DecodeError>;

    /// Writes a response for a client that speaks this dialect; the same rules as for requests.
    fn encode_response(&self, response: &Response) -> Result<Encoded<Bytes>, EncodeError>;

    /// Finds the usage of a response without parsing the rest.
    fn scan_usage(&self, body: &[u8]) -> Option<Usage>;

    /// Reads a provider's error answer. Never fails: what is not understood becomes the kind of the status.
    fn decode_error(&self, status: u16, body: &[u8]) -> LlmError;

    /// Writes the error envelope for a client.
    fn encode_error(&self, error: &LlmError, request_id: &str) -> Bytes;

    /// Reads one stream of a provider.
    fn stream_decoder(&self) -> Box<dyn StreamDecoder>;

    /// Writes one stream for a client. `include_usage`: whether the client is to see the usage.
    fn stream_encoder(&self, model: &str, include_usage: bool) -> Box<dyn StreamEncoder>;
}

/// Reads the events of one stream.
pub trait StreamDecoder: Send {
    /// One whole event as framed, line ends included, to a chunk. Unknown events become chunks that say nothing and
    /// keep their bytes.
    fn decode(&mut self, event: Bytes) -> Result<Chunk, DecodeError>;
}

/// Writes the events of one stream.
pub trait StreamEncoder: Send {
    /// Appends the bytes of a chunk: as it came where that is right, patched where only texts were edited, written
    /// anew otherwise. A chunk that says nothing to this client (the usage that it did not ask for) appends nothing.
    fn encode(&mut self, chunk: &Chunk, out: &mut BytesMut);

    /// Appends what ends a stream with an error: an `error` event and no `[DONE]`.
    fn encode_error(&mut self, error: &LlmError, request_id: &str, out: &mut BytesMut);

    /// What could not be carried so far, and is not yet reported.
    fn take_dropped(&mut self) -> Vec<Dropped>;
}

/// What is written into the head of a request on its way out.
#[derive(Clone, Copy, Debug)]
pub struct RequestSplice<'a> {
    /// The model, as the provider names it.
    pub model: &'a str,
    /// Whether to ask for usage in a stream where the client did not.
    pub include_usage: bool,
    /// How the provider differs from others that speak its dialect.
    pub compat: Compat,
}

/// How a provider differs from others that speak its dialect. The default is as the dialect's author has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compat {
    /// Whether it may be asked for usage in a stream. If not, nobody asks in a client's name.
    pub stream_usage: bool,
    /// The member that limits the tokens of an answer where the client wrote none of this dialect.
    pub max_tokens_field: MaxTokensField,
}

/// The members of OpenAI's dialect that limit the tokens of an answer. Other dialects have one alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MaxTokensField {
    /// `max_tokens`, which most compatible providers know.
    MaxTokens,
    /// `max_completion_tokens`, without which OpenAI's reasoning models refuse a limit.
    #[default]
    MaxCompletionTokens,
}

/// Bytes in pieces, written one after the other.
pub type Segments = SmallVec<[Bytes; 4]>;

/// What an encoder made, and what it could not carry.
#[derive(Clone, Debug)]
pub struct Encoded<B> {
    /// The bytes.
    pub body: B,
    /// What was left out; reported in a response header and the log.
    pub dropped: Vec<Dropped>,
}

/// Something that a dialect cannot say and that may be left out without changing the meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The member, as the source dialect calls it.
    pub param: String,
}

/// A body is not what its dialect says it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DecodeError {
    message: String,
    param: Option<String>,
}

/// A request asks for what the provider's dialect cannot say, and leaving it out would change the meaning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{param}` cannot be sent to a provider that speaks {dialect}: {reason}", dialect = .dialect.as_str())]
pub struct EncodeError {
    /// The member, as the source dialect calls it.
    pub param: String,
    /// The dialect that cannot say it.
    pub dialect: Dialect,
    /// Why not.
    pub reason: String,
}

// === impl Dialect ===

impl Dialect {
    /// The dialect's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }
}

// === impl Compat ===

impl Default for Compat {
    fn default() -> Self {
        Self { stream_usage: true, max_tokens_field: MaxTokensField::default() }
    }
}

// === impl DecodeError ===

impl DecodeError {
    /// An error that says so.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), param: None }
    }

    /// The same error, naming the member.
    pub fn at(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// The member at fault, as a path (`messages[0].role`).
    pub fn param(&self) -> Option<&str> {
        self.param.as_deref()
    }
}

impl From<DecodeError> for LlmError {
    fn from(error: DecodeError) -> Self {
        let llm = Self::new(crate::ErrorKind::InvalidRequest, error.message);
        match error.param {
            Some(param) => llm.with_param(param),
            None => llm,
        }
    }
}

impl From<EncodeError> for LlmError {
    fn from(error: EncodeError) -> Self {
        Self::new(crate::ErrorKind::InvalidRequest, error.to_string()).with_param(error.param).with_code("unsupported")
    }
}
