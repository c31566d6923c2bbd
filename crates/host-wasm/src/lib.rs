//! Runs plugins that are WASM components.
//!
//! A component has no authority but what is linked to it: no files, no sockets, no environment, and of the host's
//! functions those whose permission was granted. It is preempted each millisecond, or ended where its calls have no more
//! than [`MOST_IN_PLACE`], so that no worker is held for long; a call that traps, or that was given up, takes its instance with it and leaves the plugin as it was.

mod alive;
mod component;
mod contents;
mod engine;
mod expansion;
mod instance;
mod limits;
mod linker;
mod mould;
mod options;
mod plugin;
mod pool;
#[cfg(test)]
mod sample;
mod share;
mod stream;

pub use component::LoadError;
pub use engine::WasmHost;
pub use options::{InstancePolicy, MOST_IN_PLACE, Options};
