//! OpenAI chat completions.

mod content;
mod finish;
mod message;
mod params;
mod request;
mod response;
mod stream;
mod tool;
mod usage;

use crate::{error, head, json::write};
use bytes::{Bytes, BytesMut};
use gatewright_model::{
    Chat, Codec, DecodeError, Dialect, EncodeError, Encoded, LlmError, Output, Request, RequestHead, RequestSplice,
    Response, Segments, StreamDecoder, StreamEncoder, Usage,
};

/// The codec of OpenAI's chat completions, and of the many providers that speak it.
///
/// Reasoning is read from the members `reasoning_content` and `reasoning` of messages and deltas. Answers have it in the
/// first where it did not come from the second, and requests as the provider takes it back.
#[derive(Clone, Copy, Debug)]
pub struct OpenAi {
    thoughts: Thoughts,
}

/// What a provider of OpenAI's dialect takes back of the thoughts of earlier turns, where the client speaks another one.
///
/// OpenAI has no members for them, and others refuse a conversation in which they are missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Thoughts {
    /// Nothing.
    #[default]
    None,
    /// What was thought, as `reasoning_content` of the message. No message may be without: one in which nothing was
    /// thought has a space there, since an empty text counts as missing.
    ReasoningContent,
    /// What was thought, as `reasoning` of the message.
    Reasoning,
    /// The signatures over tool calls, as `extra_content.google.thought_signature` of the call.
    Signatures,
}

// === impl OpenAi ===

impl OpenAi {
    /// The codec for a provider that takes so much back.
    pub const fn taking_back(thoughts: Thoughts) -> Self {
        Self { thoughts }
    }
}

impl Codec for OpenAi {
    fn dialect(&self) -> Dialect {
        Dialect::OpenAi
    }

    fn scan_request(&self, body: &Bytes) -> Result<RequestHead, DecodeError> {
        head::scan(body, Dialect::OpenAi)
    }

    fn decode_request(&self, body: &Bytes) -> Result<Chat, DecodeError> {
        request::decode(body)
    }

    fn encode_request(&self, request: &Request, splice: &RequestSplice<'_>) -> Result<Encoded<Segments>, EncodeError> {
        request::encode(request, splice, self.thoughts)
    }

    fn decode_response(&self, body: &Bytes) -> Result<Output, DecodeError> {
        response::decode(body)
    }

    fn encode_response(&self, response: &Response) -> Result<Encoded<Bytes>, EncodeError> {
        response::encode(response)
    }

    fn scan_usage(&self, body: &[u8]) -> Option<Usage> {
        usage::scan(body)
    }

    fn decode_error(&self, status: u16, body: &[u8]) -> LlmError {
        error::decode(status, body)
    }

    fn encode_error(&self, error: &LlmError, request_id: &str) -> Bytes {
        let mut out = BytesMut::new();
        write_error(&mut out, error, request_id);
        out.freeze()
    }

    fn stream_decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::default())
    }

    fn stream_encoder(&self, model: &str, include_usage: bool) -> Box<dyn StreamEncoder> {
        Box::new(stream::Encoder::new(model, include_usage))
    }
}

/// `{"error": {message, type, param, code, plugin?, request_id?}}`.
fn write_error(out: &mut BytesMut, error: &LlmError, request_id: &str) {
    write::object(out, |envelope| {
        envelope.object("error", |object| {
            object.string("message", &error.message);
            object.string("type", error.kind.as_str());
            for (name, value) in [("param", &error.param), ("code", &error.code)] {
                match value {
                    Some(value) => object.string(name, value),
                    None => object.null(name),
                }
            }
            if let Some(plugin) = &error.plugin {
                object.string("plugin", plugin);
            }
            if !request_id.is_empty() {
                object.string("request_id", request_id);
            }
        });
    });
}

#[cfg(test)]
mod tests;
