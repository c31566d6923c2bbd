//! How the messages of a session are read and written.

use bytes::Buf;
use gatewright_proto::v1::{HostFrames, PluginFrames};
use prost::{Message, decode_length_delimiter};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// The most frames of one message. In memory a frame is many times what an empty one is in a message.
const MOST: usize = 4096;

/// The codec of a session.
pub(crate) struct Frames;

// === impl Frames ===

impl Codec for Frames {
    type Encode = HostFrames;
    type Decode = PluginFrames;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Frames {
    type Item = HostFrames;
    type Error = Status;

    fn encode(&mut self, frames: HostFrames, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        frames.encode(into).map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for Frames {
    type Item = PluginFrames;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<PluginFrames>, Status> {
        if !few(from.chunk()) {
            return Err(Status::out_of_range(format!("it is no message of at most {MOST} frames")));
        }
        PluginFrames::decode(from).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}

/// Whether a message has no more fields than it may have frames.
fn few(mut message: &[u8]) -> bool {
    let mut fields = 0;
    while !message.is_empty() {
        fields += 1;
        if fields > MOST || pass(&mut message).is_none() {
            return false;
        }
    }
    true
}

/// Passes over a field. Nobody writes groups.
fn pass(message: &mut &[u8]) -> Option<()> {
    let varint = |message: &mut &[u8]| decode_length_delimiter(message).ok();
    let bytes = match varint(message)? & 7 {
        0 => return varint(message).map(|_| ()),
        1 => 8,
        2 => varint(message)?,
        5 => 4,
        _ => return None,
    };
    *message = message.get(bytes..)?;
    Some(())
}

#[cfg(test)]
mod tests;
