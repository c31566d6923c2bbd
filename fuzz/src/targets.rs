//! The targets.

mod config;
mod document;
mod request;
mod response;
mod scan;
mod sse;
mod stream;

use gatewright_dialects::{ANTHROPIC, OPENAI};
use serde::de::IgnoredAny;

/// Something to fuzz. Its seed corpus is `corpus/<name>/`.
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// Panics if the input shows a fault. Answers whether the input was accepted, and so is worth mutating further.
    pub run: fn(&[u8]) -> bool,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "config", run: config::run },
    Target { name: "document", run: document::run },
    Target { name: "sse", run: sse::run },
    Target { name: "scan", run: scan::run },
    Target { name: "openai_request", run: |input| request::run(&OPENAI, &ANTHROPIC, input) },
    Target { name: "openai_response", run: |input| response::run(&OPENAI, &ANTHROPIC, input) },
    Target { name: "openai_stream", run: |input| stream::run(&OPENAI, &ANTHROPIC, input) },
    Target { name: "anthropic_request", run: |input| request::run(&ANTHROPIC, &OPENAI, input) },
    Target { name: "anthropic_response", run: |input| response::run(&ANTHROPIC, &OPENAI, input) },
    Target { name: "anthropic_stream", run: |input| stream::run(&ANTHROPIC, &OPENAI, input) },
];

/// Reads what an encoder wrote, which must be JSON; `null` where a value cannot hold it (a number of 999 digits, half
/// of a surrogate pair).
fn json(bytes: &[u8]) -> serde_json::Value {
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(bytes) {
        panic!("what was written is not JSON: {error}: {}", String::from_utf8_lossy(bytes));
    }
    serde_json::from_slice(bytes).unwrap_or_default()
}
