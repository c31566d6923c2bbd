//! One LLM request end to end, without HTTP: what the server, agents and the `llm` host function call.
//!
//! A caller opens a [`Lifecycle`] and hands it with an [`LlmCall`] to [`Engine::run`]. The engine runs the request
//! layer, then attempts (the primary, then fallbacks), each through the attempt layer to a [`Provider`]. What is
//! answered is a whole response, or a stream that the caller reads. However the request ends, dropping the lifecycle
//! closes what it opened.

mod attempt;
mod call;
mod engine;
mod error;
mod input;
mod lifecycle;
#[cfg(test)]
mod logged;
mod output;
mod price;
mod provider;
mod routing;
mod stream;

pub use call::{Answered, AttemptWatch, LlmCall, Reply};
pub use engine::Engine;
pub use error::{blocked, fault_error, rejected};
pub use gatewright_dialects::MAX_FALLBACKS;
pub use lifecycle::{Lifecycle, Open, Progress};
pub use price::{Pricing, Unpriced};
pub use provider::{Answer, AnswerBody, AttemptCall, ByteStream, Provider, ProviderStream};
pub use routing::{Routing, Target};
pub use stream::{Assembler, Driver, STREAM_BUFFER_BYTES, Tap, replay};
