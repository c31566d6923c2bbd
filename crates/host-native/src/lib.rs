//! Runs plugins that are native libraries, behind a C ABI.
//!
//! [`load`] copies a library into a folder of the gateway's own, looks at the copy, opens it and makes an instance.
//! Calls run on a lane of the plugin's own, since a thread that hangs in foreign code cannot be stopped: a call that
//! takes too long is given up, and two that do not come back put the plugin into quarantine. The ABI is
//! `include/gatewright_plugin.h`, and `docs/abi-native.md` explains it.

mod alive;
mod before;
mod calls;
mod code;
mod decision;
mod desk;
mod inline;
mod inspect;
mod lane;
mod library;
mod load;
mod native;
mod patience;
mod payload;
mod place;
mod table;
mod tree;

pub use alive::{Instances, have_ended, leave};
pub use inspect::{NotAPlugin, built_for_this_machine, inspect};
pub use lane::LaneHealth;
pub use library::{Generations, generations, is_open};
pub use load::{Artefact, LoadError, Options, introduce_staged, load, load_staged};
pub use native::Native;
