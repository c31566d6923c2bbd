//! How a hook crosses a boundary: into a WASM component, a native library, or another process.
//!
//! Every host and every SDK says the same thing in the same way. A call hands over
//!
//! * the hook's number;
//! * a *head*: a small [document](mod@document) with what is cheap of the payload;
//! * a handle, by which the callee fetches [parts](Part) when it looks: the conversation, bodies, facts, state.
//!
//! What comes back is one document, the *answer*: outcome, edits, and what was written to state, scratchpad and
//! metadata; nothing at all is the answer of a hook that has nothing to say. Nothing that the callee does before
//! reaches the request, so that undo, timeout and late writes are one mechanism here too.
//!
//! Documents are CBOR (RFC 8949). Members are only ever added, and unknown ones are passed over: no record is frozen.
//!
//! [`host`] is the side of those who call, [`guest`] that of those who are called; [`functions`] lists what a guest
//! may ask of its host.

mod answer;
mod carry;
pub mod document;
mod facts;
mod far;
pub mod functions;
pub mod guest;
pub mod host;
mod introduction;
pub mod native;
mod part;
pub mod proto;
#[cfg(test)]
mod sample;
pub mod service;
mod stream;
pub mod wit;

pub use carry::{Contents, Unfit};
pub use far::Far;
pub use introduction::{Introduction, Unintelligible};
pub use part::{NotGiven, Part, View};
pub use stream::{Pulled, Pulls, Streams, pull};

/// The version of the contract that this crate speaks: the major number breaks, the minor one adds.
pub const VERSION: (u32, u32) = (1, 0);

/// The most bytes of one answer.
pub const MAX_ANSWER_BYTES: usize = 32 << 20;
