//! The one model of LLM traffic.
//!
//! Every endpoint is a thin codec over these types, and every hook sees them: a [`Request`] made of [`Message`]s made
//! of [`Block`]s, a [`Response`] made of [`Choice`]s, a stream made of [`Chunk`]s, and one normalised [`LlmError`].
//! The model is made of blocks and items, not of chat completions, so that unlike dialects fit it without loss.
//!
//! Payloads keep the bytes they came from (the *wire*). A payload that nobody reads is never parsed, and one that
//! nobody edits leaves as it came: see [`Request::chat`] and [`Request::chat_mut`].

mod block;
mod body;
mod chat;
mod codec;
mod error;
pub mod glob;
mod http_message;
mod kind;
mod media;
mod message;
mod raw;
mod remote;
mod request;
mod response;
mod stream;
mod usage;

pub use block::{Block, Content, ImageSource, MediaSource};
pub use body::Body;
pub use chat::{Chat, Params, Reasoning, ResponseFormat, Tool, ToolChoice};
pub use codec::{
    Codec, Compat, DecodeError, Dialect, Dropped, EncodeError, Encoded, MaxTokensField, RequestSplice, Segments,
    StreamDecoder, StreamEncoder,
};
pub use error::{ErrorKind, LlmError};
pub use http_message::{Headers, HttpRequest, HttpResponse};
pub use kind::Kind;
pub use media::{ImageOutput, SpeechOutput, TextOutput, TranscriptionOutput};
pub use message::{Message, Messages, PlacedText, Role, TextOf};
pub use raw::{Extra, Raw};
pub use remote::Remote;
pub use request::{RemoteChat, Request, RequestHead, RequestWire};
pub use response::{ChatResponse, Choice, FinishReason, Output, Response, ResponseWire};
pub use stream::{Channel, ChannelKind, Chunk, Part, StreamChunk, StreamChunkBody};
pub use usage::Usage;
