//! Components that misbehave: their own calls fail and say why, others are untouched, and nothing of them is left.
//!
//! A panic at each hook is a case of its own, which `wasm.rs` runs.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod answers;
mod bench;
mod guest;
mod loads;
mod requests;
mod services;
mod streams;
mod time;
