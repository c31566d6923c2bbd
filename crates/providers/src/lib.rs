//! The providers: who answers what the engine asks.
//!
//! [`build`] makes a provider from its [`ProviderSettings`]. An attempt at one is a try and its retries, with weighted
//! keys that rotate when one is limited, with timeouts for each phase, and over connections that stay with their worker
//! thread. A stream is an answer only once its first event is there and is no error. Dropping an attempt, or its
//! stream, cancels the request upstream.
//!
//! | kind | its own address | key | model prefix |
//! |---|---|---|---|
//! | [`ProviderKind::OpenAi`] | `https://api.openai.com/v1` | `authorization: Bearer` | by its name |
//! | [`ProviderKind::Anthropic`] | `https://api.anthropic.com` | `x-api-key` | by its name |
//! | [`ProviderKind::Demo`] | none: built in | none | by its name |

mod anthropic;
mod construct;
mod demo;
mod http;
mod keys;
mod openai;
mod remote;
mod retry;
mod settings;
mod thoughts;
mod watch;

pub use crate::http::{TlsError, UrlError};
pub use construct::{BuildError, BuildFault, build};
pub use gatewright_dialects::Thoughts;
pub use gatewright_plugin::payload::Secret;
pub use settings::{KeySettings, NetworkSettings, ProviderKind, ProviderSettings, RetrySettings};
