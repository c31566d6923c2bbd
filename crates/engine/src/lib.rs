//! One LLM request end to end, without HTTP: what the server, agents and the `llm` host function call.

mod provider;

pub use provider::{Answer, AnswerBody, AttemptCall, ByteStream, Provider, ProviderStream};
