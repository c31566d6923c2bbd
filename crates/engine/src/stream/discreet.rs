//! The events of a provider's stream, without what its errors must not tell.

use crate::provider::{Provider, ProviderStream};
use bytes::Bytes;
use gatewright_model::{Chunk, DecodeError, LlmError, Part, StreamDecoder};
use std::mem;
use std::sync::Arc;

/// Reads events, and has the provider take out of errors what nobody is to be told.
pub(crate) struct Discreet {
    decoder: Box<dyn StreamDecoder>,
    provider: Arc<dyn Provider>,
}

// === impl Discreet ===

impl Discreet {
    pub(crate) fn new(stream: &ProviderStream, provider: Arc<dyn Provider>) -> Self {
        Self { decoder: stream.codec.stream_decoder(), provider }
    }

    pub(crate) fn decode(&mut self, event: Bytes) -> Result<Chunk, DecodeError> {
        let mut chunk = self.decoder.decode(event)?;
        if chunk.has(|part| matches!(part, Part::Error(_))) {
            chunk.parts_mut().iter_mut().for_each(|part| self.conceal(part));
        }
        Ok(chunk)
    }

    fn conceal(&self, part: &mut Part) {
        if let Part::Error(error) = part {
            let nothing = LlmError::new(error.kind, "");
            **error = self.provider.conceal(mem::replace(error, nothing));
        }
    }
}
