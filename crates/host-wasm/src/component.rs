//! What is looked at before a component runs.

use crate::engine::LOAD_TIMEOUT;
use crate::expansion;
use crate::share::Weight;
use gatewright_abi::functions::{Function, FunctionInfo};
use gatewright_abi::{Unintelligible, VERSION, wit};
use gatewright_plugin::{Hook, HookSet, Permission};
use std::cmp::Ordering::{Equal, Greater, Less};
use std::collections::BTreeSet;
use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex};

/// A component cannot be loaded: in one sentence, what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The engine did not start.
    #[error("the WASM engine: {0}")]
    Engine(String),
    /// The file is a core module.
    #[error("the file is a core WASM module and no component: build it with `gatewright plugin build`")]
    CoreModule,
    /// The file is no component.
    #[error(
        "the file is no WASM component that this gateway can run, since {0}: build it with `gatewright plugin build`"
    )]
    NotAComponent(String),
    /// It imports what no plugin gets.
    #[error("it imports `{0}`, and plugins get no such thing: only interfaces of `{package}` are there", package = wit::PACKAGE)]
    Foreign(String),
    /// It imports what was not granted.
    #[error("{}", not_granted(.0))]
    NotGranted(BTreeSet<Permission>),
    /// It was built for another version.
    #[error(
        "it needs {what}, and this gateway speaks version {}.{} of the plugin contract: upgrade the gateway, or build \
         the plugin with an older SDK",
        VERSION.0,
        VERSION.1
    )]
    TooNew {
        /// What it needs.
        what: String,
    },
    /// It was built for an older version.
    #[error(
        "it needs {what}, and this gateway speaks version {}.{} of the plugin contract: build the plugin with a newer SDK",
        VERSION.0,
        VERSION.1
    )]
    TooOld {
        /// What it needs.
        what: String,
    },
    /// It does not export what every plugin does.
    #[error("it does not export `{wanted}`, so it is no plugin; it exports {found}")]
    NoPlugin {
        /// What is missing.
        wanted: String,
        /// What is there.
        found: String,
    },
    /// A function that it exports or imports is another one than the contract has under this name.
    #[error(
        "its function `{name}` has another type than the contract gives it: build it with `gatewright plugin build`"
    )]
    Type {
        /// The function.
        name: String,
    },
    /// What it says of itself.
    #[error(transparent)]
    Introduction(#[from] Unintelligible),
    /// It failed before it served.
    #[error("it failed while it was started: {0}")]
    Start(String),
    /// The instance that took the place of another did not start.
    #[error("its instance was made anew, and its `on_startup` failed: {0}")]
    Startup(String),
    /// It was given up.
    #[error("it did not load within {} s", LOAD_TIMEOUT.as_secs())]
    Slow,
    /// Its config is wrong.
    #[error("{0}")]
    Config(String),
}

/// The most characters of what somebody else says is wrong.
const LONGEST_REASON: usize = 300;

/// How a file begins that is WASM, and how one that is a core module, and one that is a component.
const WASM: &[u8] = b"\0asm";
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// A component that nobody has looked at.
pub(crate) struct Compiled {
    pub(crate) component: Component,
    pub(crate) weight: Weight,
}

/// A component that may be run.
pub(crate) struct Checked {
    pub(crate) component: Component,
    /// What an instance of it takes.
    pub(crate) weight: Weight,
    /// The hooks that it exports.
    pub(crate) hooks: HookSet,
    /// Where each of them is.
    pub(crate) handles: [Option<ComponentExportIndex>; Hook::COUNT],
    pub(crate) introduce: ComponentExportIndex,
    pub(crate) create: ComponentExportIndex,
    pub(crate) streams: Option<(ComponentExportIndex, ComponentExportIndex)>,
    /// Whether it may call a host function that waits.
    pub(crate) waits: bool,
}

/// Compiles a file. Takes up to seconds.
pub(crate) fn compile(engine: &Engine, wasm: &[u8]) -> Result<Compiled, LoadError> {
    let reason = match wasm {
        [] => "it is empty".to_owned(),
        _ if wasm.starts_with(CORE_MODULE) => return Err(LoadError::CoreModule),
        _ if !wasm.starts_with(WASM) => "it does not begin as one does".to_owned(),
        _ if !wasm.starts_with(COMPONENT) => "it is of another version of the format".to_owned(),
        _ => match expansion::check(wasm).map(|modules| (modules, Component::new(engine, wasm))) {
            Ok((modules, Ok(component))) => {
                return Ok(Compiled { weight: Weight::of(&component, modules), component });
            }
            Ok((_, Err(error))) => format!(
                "it is truncated or damaged, or asks for more than plugins get ({})",
                in_a_line(&format!("{error:#}"))
            ),
            Err(reason) => reason,
        },
    };
    Err(LoadError::NotAComponent(reason))
}

// === impl Checked ===

impl Checked {
    pub(crate) fn new(engine: &Engine, compiled: Compiled, granted: &BTreeSet<Permission>) -> Result<Self, LoadError> {
        let Compiled { component, weight } = compiled;
        let ty = component.component_type();
        let (mut waits, mut missing) = (false, BTreeSet::new());
        for (name, import) in ty.imports(engine) {
            let group = importable(name)?;
            functions_are_there(name, &import.ty, engine)?;
            let Some(function) = group else { continue };
            waits |= function.waits;
            missing.extend(function.permission.filter(|permission| !granted.contains(permission)));
        }
        if !missing.is_empty() {
            return Err(LoadError::NotGranted(missing));
        }
        let find = |interface: &str, function: &str| {
            let instance = component.get_export_index(None, wit::interface(interface).as_str())?;
            component.get_export_index(Some(&instance), function)
        };
        let (Some(introduce), Some(create)) = (find("plugin", "introduce"), find("plugin", "create")) else {
            if let Some(other) = ty.exports(engine).find_map(|(name, _)| of_another_version(name)) {
                return Err(other);
            }
            let found: Vec<String> = ty.exports(engine).map(|(name, _)| format!("`{name}`")).take(20).collect();
            let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
            return Err(LoadError::NoPlugin { wanted: wit::interface("plugin"), found });
        };
        let handles = std::array::from_fn(|at| find(&wit::of_hook(Hook::TABLE[at].hook), "handle"));
        let hooks = Hook::TABLE.iter().filter(|row| handles[row.hook as usize].is_some()).map(|row| row.hook).collect();
        let streams = find("streams", "pull").zip(find("streams", "close"));
        Ok(Self { component, weight, hooks, handles, introduce, create, streams, waits })
    }
}

/// The major version of an interface of ours.
fn major_of(name: &str) -> Option<u32> {
    let (interface, version) = name.split_once('@')?;
    let ours = interface.split_once('/').is_some_and(|(package, _)| package == wit::PACKAGE);
    ours.then(|| version.split('.').next()?.parse().ok()).flatten()
}

/// What is wrong with an interface of ours that is of another major version.
fn of_another_version(name: &str) -> Option<LoadError> {
    let what = format!("`{name}`");
    match major_of(name)?.cmp(&VERSION.0) {
        Less => Some(LoadError::TooOld { what }),
        Equal => None,
        Greater => Some(LoadError::TooNew { what }),
    }
}

/// What somebody else said, in one line that is not too long.
pub(crate) fn in_a_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(LONGEST_REASON).collect()
}

/// Which permissions are missing, and what to write so that they are not.
fn not_granted(missing: &BTreeSet<Permission>) -> String {
    let names: Vec<String> = missing.iter().map(|permission| format!("`{}`", permission.as_str())).collect();
    let (names, grants) = (names.join(", "), missing.iter().map(|it| it.grant()).collect::<Vec<_>>().join(", "));
    let which = match missing.len() {
        1 => format!("permission {names}, which is"),
        _ => format!("permissions {names}, which are"),
    };
    format!("it needs the {which} not granted: add {grants} to `permissions` of its entry in the config")
}

/// A host function of those that a component imports there, if there are any: all of them wait, or none, behind the same
/// permission. An error if nobody may import it.
fn importable(name: &str) -> Result<Option<&'static FunctionInfo>, LoadError> {
    let foreign = || LoadError::Foreign(name.to_owned());
    let (package, rest) = name.split_once('/').ok_or_else(foreign)?;
    let (interface, _) = rest.split_once('@').ok_or_else(foreign)?;
    if package != wit::PACKAGE {
        return Err(foreign());
    }
    let known = wit::COMMON.iter().any(|(common, _)| *common == interface);
    let group = Function::TABLE.iter().find(|row| row.group == interface);
    if major_of(name) != Some(VERSION.0) || !(known || group.is_some()) {
        return Err(of_another_version(name).unwrap_or_else(|| LoadError::TooNew { what: format!("`{name}`") }));
    }
    Ok(group)
}

/// Looks at the functions that a component imports of an interface of ours. An error names one that came later.
fn functions_are_there(name: &str, import: &ComponentItem, engine: &Engine) -> Result<(), LoadError> {
    let ComponentItem::ComponentInstance(instance) = import else { return Ok(()) };
    let interface = name.split(['/', '@']).nth(1).unwrap_or_default();
    let common = wit::COMMON.iter().find(|(common, _)| *common == interface);
    let there = |function: &str| match common {
        Some((_, functions)) => functions.contains(&function),
        None => Function::TABLE.iter().any(|row| row.group == interface && row.name == function),
    };
    let mut functions =
        instance.exports(engine).filter(|(_, export)| matches!(export.ty, ComponentItem::ComponentFunc(_)));
    match functions.find(|(function, _)| !there(function)) {
        Some((function, _)) => Err(LoadError::TooNew { what: format!("the function `{function}` of `{name}`") }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
