//! Streams: from the provider's bytes, through the hooks, to what the client gets.
//!
//! Where no hook needs events and both sides speak one dialect, bytes pass under a [`Tap`]; otherwise a [`Driver`] takes
//! events apart and runs the hooks.

mod assemble;
mod channels;
mod discreet;
mod driver;
mod ends;
mod failed;
mod hold;
mod plan;
mod plugin_stream;
mod replay;
mod shown;
mod source;
mod tap;
mod texts;

pub use assemble::Assembler;
pub(crate) use driver::close_attempt;
pub use driver::{Driver, STREAM_BUFFER_BYTES};
pub(crate) use plugin_stream::PluginStream;
pub use replay::replay;
pub(crate) use source::Source;
pub use tap::Tap;
