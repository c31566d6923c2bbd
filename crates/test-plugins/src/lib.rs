//! The test plugins: a fixed list of ordinary plugins, which every host loads from its own kind of artefact.
//!
//! They are scripted by their `config` ([`Script`]) and write every call into the `records` service (table
//! [`CALLS`]), so that they work the same across an address space or a process. This crate uses the contract, serde and
//! nothing else, so that its sources compile into any artefact: `examples/` has one for each, and one for each plugin
//! that ships.

mod decide;
mod every_hook;
mod few_hooks;
mod generation;
mod perform;
mod saw;
mod script;
mod subject;

pub use every_hook::{EveryHook, EveryHookWaiting};
pub use few_hooks::{Declared, NoHook, OneHook, SomeHooks};
pub use generation::Generation;
pub use perform::{CALLS, GATE};
pub use saw::Saw;
pub use script::{Decision, ErrorSpec, Script, Step};

use gatewright_plugin::hosted::{Hosted, link};
use gatewright_plugin::{Failure, FromConfig, HookSet, Manifest};
use serde_json::Value as Json;
use std::sync::Arc;

/// A test plugin: a host loads the artefact of this name.
#[derive(Debug)]
pub struct TestPlugin {
    /// Its name: the artefact's, and the one in its manifest.
    pub name: &'static str,
    /// The hooks that its source implements.
    pub hooks: HookSet,
    /// Of these, the plain functions.
    pub immediate: HookSet,
    /// What its source says of itself.
    pub manifest: fn() -> Manifest,
    /// Makes it, linked in.
    pub link: fn(Json) -> Result<Arc<dyn Hosted>, Failure>,
    /// Whether it is shown everything, and not what its manifest asks for: what a script looks at, its case says.
    pub shown_all: bool,
}

/// Every hook, as plain functions.
pub static EVERY_HOOK: TestPlugin = TestPlugin::scripted::<EveryHook>("every_hook");

/// Every hook, as `async` functions.
pub static EVERY_HOOK_WAITING: TestPlugin = TestPlugin::scripted::<EveryHookWaiting>("every_hook_waiting");

/// No hook.
pub static NO_HOOK: TestPlugin = TestPlugin::scripted::<NoHook>("no_hook");

/// `check_input` alone.
pub static ONE_HOOK: TestPlugin = TestPlugin::scripted::<OneHook>("one_hook");

/// `pre_llm` as a plain function, `post_llm` and `request_end` as `async` ones.
pub static SOME_HOOKS: TestPlugin = TestPlugin::scripted::<SomeHooks>("some_hooks");

/// With a full manifest.
pub static DECLARED: TestPlugin = TestPlugin::scripted::<Declared>("declared");

/// The list.
pub static TEST_PLUGINS: [&TestPlugin; 6] =
    [&EVERY_HOOK, &EVERY_HOOK_WAITING, &NO_HOOK, &ONE_HOOK, &SOME_HOOKS, &DECLARED];

// === impl TestPlugin ===

impl TestPlugin {
    /// Any plugin, as the artefact of this name.
    pub const fn of<P: FromConfig>(name: &'static str) -> Self {
        let (hooks, immediate) = (P::HOOKS, P::IMMEDIATE);
        Self { name, hooks, immediate, manifest: P::manifest, link: linked::<P>, shown_all: false }
    }

    const fn scripted<P: FromConfig>(name: &'static str) -> Self {
        Self { shown_all: true, ..Self::of::<P>(name) }
    }
}

fn linked<P: FromConfig>(config: Json) -> Result<Arc<dyn Hosted>, Failure> {
    let config = serde_json::from_value(config).map_err(|error| Failure::new(format!("its config: {error}")))?;
    Ok(link(P::from_config(config)?))
}
