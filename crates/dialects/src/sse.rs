//! Server-sent events: cutting a stream of bytes into events, and reading one event.

mod event;
mod framer;

pub use event::{Event, Line};
pub use framer::{DEFAULT_LIMIT, EventTooLarge, Framer};

#[cfg(test)]
mod tests;
