//! Makes a WASM component of a plugin's core module, and reads what a component says of itself.
//!
//! [`pack`] does what `wasm-tools component new` would, so that building a plugin needs no tool but ours. The readers
//! look at a file that anybody may have made, before the engine sees it: they only walk its sections, run nothing, and
//! a truncated or hostile file is an error, never a panic.

mod pack;
mod read;
mod reexport;
mod section;
mod types;

pub use pack::{PackError, pack};
pub use read::{ReadError, custom_section, exports, imports};

/// The custom section that holds a plugin's manifest.
///
/// A plugin's core module carries it; [`pack`] lifts it to the component, where [`custom_section`] finds it.
pub const MANIFEST_SECTION: &str = "gatewright:manifest";

/// The custom section that says which hooks a plugin implements: 8 bytes, little end first, bit N for hook number N.
pub const HOOKS_SECTION: &str = "gatewright:hooks";

/// The largest module that is packed and the largest component that is read, in bytes.
pub const MAX_BYTES: usize = 256 << 20;
