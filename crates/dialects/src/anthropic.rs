//! Anthropic messages.

mod block;
mod finish;
mod messages;
mod params;
mod request;
mod response;
mod stream;
mod thinking;
mod tool;
mod usage;

pub(crate) use stream::{silent_event, unknown_content};

use crate::{error, head, json::write};
use bytes::{Bytes, BytesMut};
use gatewright_model::{
    Chat, Codec, DecodeError, Dialect, EncodeError, Encoded, LlmError, Output, Request, RequestHead, RequestSplice,
    Response, Segments, StreamDecoder, StreamEncoder, Usage,
};

/// The codec of Anthropic's messages.
///
/// The top-level `system` is read as the first message, of the role [`gatewright_model::Role::System`].
#[derive(Clone, Copy, Debug)]
pub struct Anthropic;

// === impl Anthropic ===

impl Codec for Anthropic {
    fn dialect(&self) -> Dialect {
        Dialect::Anthropic
    }

    fn scan_request(&self, body: &Bytes) -> Result<RequestHead, DecodeError> {
        head::scan(body, Dialect::Anthropic)
    }

    fn decode_request(&self, body: &Bytes) -> Result<Chat, DecodeError> {
        request::decode(body)
    }

    fn encode_request(&self, request: &Request, splice: &RequestSplice<'_>) -> Result<Encoded<Segments>, EncodeError> {
        request::encode(request, splice)
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

    fn stream_encoder(&self, model: &str, _include_usage: bool) -> Box<dyn StreamEncoder> {
        Box::new(stream::Encoder::new(model))
    }
}

/// `{"type": "error", "error": {type, message, code?, param?, plugin?}, "request_id"?}`.
fn write_error(out: &mut BytesMut, error: &LlmError, request_id: &str) {
    write::object(out, |envelope| {
        envelope.string("type", "error");
        envelope.object("error", |object| {
            object.string("type", error.kind.as_str());
            object.string("message", &error.message);
            for (name, value) in [("code", &error.code), ("param", &error.param), ("plugin", &error.plugin)] {
                if let Some(value) = value {
                    object.string(name, value);
                }
            }
        });
        if !request_id.is_empty() {
            envelope.string("request_id", request_id);
        }
    });
}

#[cfg(test)]
mod tests;
