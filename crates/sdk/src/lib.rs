//! Makes a plugin an artefact.
//!
//! The source of a plugin is the same in every host. What makes it a WASM component, a native library or a process is
//! in here: each kind of artefact carries calls in and answers out, over what `gatewright-abi` defines.

mod exported;
#[cfg(all(feature = "process", unix))]
pub mod process;

pub use exported::Exported;
pub use gatewright_abi as abi;
pub use gatewright_plugin as plugin;
