//! For tests of plugins: a mock context, services that record, builders, a tiny `block_on`; a [`ChainRunner`] that runs
//! plugins together, and a [`ScriptedProvider`] to answer in a provider's place.
//!
//! A plugin's hook is a method; a test calls it with a [`MockCx`], which is a context whose services record what they
//! are asked and answer what the test told them to.
//!
//! ```
//! use gatewright_plugin::prelude::*;
//! use gatewright_testkit::{MockCx, block_on, request};
//!
//! struct NoSecrets;
//!
//! #[plugin]
//! impl Plugin for NoSecrets {
//!     fn check_input(&self, cx: &mut Cx, request: &Request) -> Result<Verdict, Failure> {
//!         let mut found = false;
//!         request.texts(|_, text| found |= text.contains("sk-"))?;
//!         cx.metadata("found", found);
//!         Ok(if found { Verdict::block("The prompt holds a key") } else { Verdict::Allow })
//!     }
//! }
//!
//! let mut cx = MockCx::new("test-123", "user-456", "key-789", "gpt-4", "/v1/chat/completions");
//! let request = request("gpt-4").user("My key is sk-123").build();
//! let verdict = block_on(NoSecrets.check_input(&mut cx, &request));
//! assert_eq!(verdict, Ok(Verdict::block("The prompt holds a key")));
//! assert_eq!(cx.attached()["found"], true);
//! ```

mod block_on;
mod cx;
pub mod kv_cases;
mod provider;
mod request;
mod response;
mod runner;
pub mod services;
mod summary;

pub use block_on::{block_on, poll_once};
pub use cx::MockCx;
pub use gatewright_pipeline::Settings;
pub use provider::{Piece, ProviderCall, ScriptedAnswer, ScriptedProvider};
pub use request::{RequestBuilder, request};
pub use response::{ResponseBuilder, output, response};
pub use runner::{ChainRequest, ChainRunner, GuardrailResult, HookResult, RegisterError};
pub use summary::{failed, summary};

/// The samples of the page compile, and those that run do what it says.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/writing-a-plugin.md")]
struct WritingAPlugin;
