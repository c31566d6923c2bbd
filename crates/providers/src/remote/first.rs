//! The first event of a stream, which decides whether the try failed.

use super::collect::data;
use super::failure::Teller;
use crate::http::ResponseBody;
use crate::retry::Failure;
use crate::watch::Watch;
use bytes::Bytes;
use gatewright_dialects::sse::{Event, Framer};
use gatewright_model::{Codec, LlmError, Part};
use memchr::memmem;

/// Most bytes until the first event is complete: 8 MiB.
const LIMIT: usize = 8 << 20;

/// Reads until the first event that says something, and answers with all pieces that were read: comments and pings
/// before it, and what came along behind it. An error event is a failure.
pub(super) async fn event(
    body: &mut ResponseBody,
    watch: &mut Watch,
    codec: &'static dyn Codec,
    teller: &Teller<'_>,
) -> Result<Vec<Bytes>, Failure> {
    let mut framer = Framer::with_limit(LIMIT);
    let mut pieces = Vec::new();
    let mut read = 0;
    loop {
        let piece = watch.over(data(body)).await.map_err(|late| teller.late(late, true))?;
        let piece = piece.map_err(|error| teller.transport(error))?.ok_or_else(|| teller.no_event())?;
        read += piece.len();
        pieces.push(piece.clone());
        framer.feed(piece);
        let too_large = || teller.first_event(&format!("has a first event of more than {LIMIT} bytes"));
        while let Some(event) = framer.next().map_err(|_| too_large())? {
            match Said::in_event(&event, codec) {
                Said::Nothing => {}
                Said::Something => return Ok(pieces),
                Said::Error(error) => return Err(teller.streamed(*error)),
                Said::Garbage => return Err(teller.first_event("begins with an event that is not JSON")),
            }
        }
        if read > LIMIT {
            return Err(too_large());
        }
    }
}

/// What an event at the beginning of a stream says.
enum Said {
    Nothing,
    Something,
    Error(Box<LlmError>),
    Garbage,
}

// === impl Said ===

impl Said {
    fn in_event(event: &Bytes, codec: &'static dyn Codec) -> Self {
        let Some(read) = Event::read(event) else { return Self::Garbage };
        let Some(data) = read.data.filter(|_| read.name != Some("ping")) else { return Self::Nothing };
        let data = data.trim_start();
        if data.is_empty() {
            return Self::Nothing;
        }
        if !data.starts_with('{') && !data.starts_with("[DONE]") {
            return Self::Garbage;
        }
        // Only an event that may be an error is worth decoding twice.
        if memmem::find(event, b"error").is_none() {
            return Self::Something;
        }
        match codec.stream_decoder().decode(event.clone()) {
            Err(_) => Self::Garbage,
            Ok(chunk) => {
                let error = chunk.parts().iter().find_map(|part| match part {
                    Part::Error(error) => Some(error.clone()),
                    _ => None,
                });
                error.map_or(Self::Something, Self::Error)
            }
        }
    }
}
