//! The hosts under test, each with plugins from artefacts of its kind.

#[path = "../common/artefacts.rs"]
mod artefacts;
#[path = "../common/components.rs"]
mod components;
mod documents;
mod native;
mod process;
mod wasm;

use gatewright_conformance::{Builtin, Host};

/// A host.
pub(crate) struct Member {
    pub(crate) host: &'static (dyn Host + Send),
    /// Builds what it loads: a case has no time for it.
    pub(crate) prepare: fn(),
}

/// All of them: those of the gateway, and beside them what is between a plugin and the boundaries, without a boundary,
/// and processes that are spoken with call by call.
pub(crate) static MEMBERS: [Member; 6] = [
    Member { host: &Builtin, prepare: || () },
    Member { host: &native::Native, prepare: artefacts::build },
    Member { host: &wasm::Wasm, prepare: wasm::compile },
    Member { host: &process::Process::SESSIONS, prepare: || () },
    Member { host: &documents::Documents, prepare: || () },
    Member { host: &process::Process::SINGLE_CALLS, prepare: || () },
];
