//! Streams of chunks.

mod decode;
mod encode;
mod read;

pub(super) use decode::Decoder;
pub(super) use encode::Encoder;
