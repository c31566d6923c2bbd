//! What sets one kind of remote provider apart from the next.

use gatewright_dialects::Thoughts;
use gatewright_model::Codec;
use http::{HeaderName, HeaderValue};

/// What sets one kind of remote provider apart from the next: all of it is data and two small functions.
#[derive(Clone, Copy)]
pub(crate) struct Flavour {
    /// The dialect, as one has it who takes so much back of past thoughts.
    pub(crate) codec: fn(Thoughts) -> &'static dyn Codec,
    /// Where it is unless the settings say otherwise.
    pub(crate) base_url: &'static str,
    /// Where conversations go, below a base with this path (without a slash at its end; empty for none).
    pub(crate) chat_path: fn(base: &str) -> &'static str,
    /// The header that carries a key. `None` if the key has characters that no header can carry.
    pub(crate) authorize: fn(key: &str) -> Option<(HeaderName, HeaderValue)>,
    /// Headers for requests whose client did not send them.
    pub(crate) defaults: &'static [(&'static str, &'static str)],
}
