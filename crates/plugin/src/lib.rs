//! The contract between Gatewright and its plugins.
//!
//! A plugin is a type that implements [`Plugin`] under the [`plugin`] attribute and overrides the hooks it wants, each
//! as `fn` or `async fn`. Which hooks those are, the attribute finds by itself; the others never reach the plugin.
//!
//! ```
//! use gatewright_plugin::prelude::*;
//!
//! struct NoSecrets;
//!
//! #[plugin(name = "no_secrets", failure_mode = FailureMode::Closed)]
//! impl Plugin for NoSecrets {
//!     fn check_input(&self, _cx: &mut Cx, request: &Request) -> Result<Verdict, Failure> {
//!         let mut found = false;
//!         request.texts(|_, text| found |= text.contains("sk-"))?;
//!         Ok(if found { Verdict::block("The prompt holds a key") } else { Verdict::Allow })
//!     }
//! }
//! assert_eq!(NoSecrets::HOOKS.iter().collect::<Vec<_>>(), [Hook::CheckInput]);
//! ```
//!
//! This crate has no I/O and no runtime: the same source runs linked in, as a native library, as a WASM component and
//! as a process. [`hosted`] is the other side, which hosts implement and the pipeline calls.

extern crate self as gatewright_plugin;

mod cx;
mod draft;
mod facts;
mod failure;
mod hook;
pub mod hosted;
mod kept;
mod manifest;
mod outcome;
pub mod panicking;
pub mod payload;
mod plugin;
pub mod services;
mod state;

pub use cx::{Cx, Remote, Writes};
pub use draft::Draft;
pub use facts::{AgentFacts, Facts};
pub use failure::{Failure, FailureMode};
pub use gatewright_model as model;
pub use gatewright_plugin_macros::plugin;
pub use hook::{Direction, Hook, HookInfo, HookSet, Kind, Layer, MAX_TIMEOUT};
pub use kept::{Kept, KeptFor};
pub use manifest::{Access, Manifest, Permission, StreamMode};
pub use outcome::{
    AccessFlow, AfterAgent, AgentFlow, AuthDecision, ChunkFlow, Health, HttpFlow, HttpResponseFlow, Identity,
    ModelFlow, ObjectFlow, PostLlm, PreLlm, Recovery, Rejection, Suspension, ToolFlow, Verdict,
};
pub use plugin::{FromConfig, Plugin};
pub use state::{MAX_STATE_BYTES, MAX_STATE_ENTRIES, State, StateFull, Value};

/// What the source of a plugin usually needs.
pub mod prelude {
    pub use crate::model::{
        Block, Channel, ChannelKind, Chunk, Content, ErrorKind, HttpRequest, HttpResponse, LlmError, Message, Messages,
        Request, Response, Role, Usage,
    };
    pub use crate::payload::*;
    pub use crate::{
        Access, AccessFlow, AfterAgent, AgentFlow, AuthDecision, ChunkFlow, Cx, Draft, Failure, FailureMode,
        FromConfig, Health, Hook, HttpFlow, HttpResponseFlow, Identity, Manifest, ModelFlow, ObjectFlow, Permission,
        Plugin, PostLlm, PreLlm, Recovery, Rejection, StreamMode, ToolFlow, Value, Verdict, plugin,
    };
}
