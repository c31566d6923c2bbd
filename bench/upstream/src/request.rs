//! What a request body asks for, found by scanning.
//!
//! A parse of a 100 KB body would cost more than the answer. A quote inside a JSON string is always escaped, so the
//! bytes `"stream"` cannot occur within one: what is found is a real key (at some depth, which is near enough here).

use memchr::memmem;

/// The flags of a chat request that change the shape of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wish {
    /// `"stream": true`
    pub(crate) stream: bool,
    /// `"include_usage": true`, of OpenAI's `stream_options`.
    pub(crate) include_usage: bool,
}

impl Wish {
    pub(crate) fn of(body: &[u8]) -> Self {
        let stream = is_true(body, b"\"stream\"");
        Self { stream, include_usage: stream && is_true(body, b"\"include_usage\"") }
    }
}

fn is_true(body: &[u8], key: &[u8]) -> bool {
    memmem::find_iter(body, key).any(|at| {
        let value = body[at + key.len()..].trim_ascii_start();
        value.strip_prefix(b":").is_some_and(|value| value.trim_ascii_start().starts_with(b"true"))
    })
}

#[cfg(test)]
mod tests;
