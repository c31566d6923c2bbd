//! Gatewright as a library: a gateway with your plugins linked in.
//!
//! ```no_run
//! use gatewright::prelude::*;
//!
//! struct Hello;
//!
//! #[plugin]
//! impl Plugin for Hello {
//!     fn pre_llm(&self, cx: &mut Cx, request: &mut Draft<Request>) -> Result<PreLlm, Failure> {
//!         cx.metadata("hello", request.model.as_str());
//!         Ok(PreLlm::Continue)
//!     }
//! }
//!
//! fn main() -> Result<(), gatewright::Error> {
//!     gatewright::Gateway::builder().plugin(Hello).serve()
//! }
//! ```

extern crate self as gatewright;

mod artefacts;
mod builder;
mod concealed;
mod error;
mod gateway;
mod linked;
mod plugins;
mod providers;
mod serve;
mod snapshot;
mod written;

pub use artefacts::CALL_TIMEOUT_MS;
pub use builder::{GatewayBuilder, Read};
pub use error::Error;
pub use gateway::{Gateway, Reload, Started};
pub use gatewright_config as config;
pub use gatewright_plugin as plugin;
pub use gatewright_server::Readiness;
pub use linked::Catalogue;

/// Artefacts of plugins, looked at before anything of them runs here.
pub mod artefact {
    pub use crate::artefacts::look::{look, read};
    pub use crate::artefacts::rehearsal::{Rehearsal, Rehearsed, rehearsed};
}

/// What the source of a plugin usually needs.
pub mod prelude {
    pub use gatewright_plugin::prelude::*;
    pub use gatewright_plugin_macros::linked_plugin as plugin;
}
