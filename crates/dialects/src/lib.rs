//! Codecs between the model of LLM traffic and the dialects that clients and providers speak.
//!
//! A codec does as little as the moment asks for. A request that nobody reads is scanned, not parsed, and leaves as
//! the bytes it came in with the model spliced in; one that was edited keeps the bytes of all that was not touched;
//! one for a provider of another dialect is translated, and what the other dialect cannot say is dropped and reported,
//! or refused where leaving it out would change the meaning. Responses and the chunks of streams go the same three
//! ways.

pub mod scan;
pub mod sse;

mod answer;
mod anthropic;
mod carry;
mod details;
mod error;
mod head;
mod json;
mod made;
mod openai;
mod rewrite;
mod signed;
mod stream;

pub use anthropic::Anthropic;
pub use head::MAX_FALLBACKS;
pub use json::plain_if_json;
pub use openai::{OpenAi, Thoughts};

use gatewright_model::{Codec, Dialect};

/// The codec of OpenAI's chat completions.
pub static OPENAI: OpenAi = OpenAi::taking_back(Thoughts::None);

/// The codec of Anthropic's messages.
pub static ANTHROPIC: Anthropic = Anthropic;

/// The codec of a dialect; `None` for one that has none yet.
pub fn codec(dialect: Dialect) -> Option<&'static dyn Codec> {
    match dialect {
        Dialect::OpenAi => Some(&OPENAI),
        Dialect::Anthropic => Some(&ANTHROPIC),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
