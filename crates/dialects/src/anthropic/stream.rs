//! Streams of events.

mod blocks;
mod decode;
mod encode;
mod read;

pub(super) use decode::Decoder;
pub(super) use encode::Encoder;
pub(crate) use read::{silent_event, unknown_content};
