//! What is looked at before a component runs.

use gatewright_abi::functions::Function;
use gatewright_abi::{Unintelligible, VERSION, wit};
use gatewright_plugin::{Hook, HookSet, Permission};
use std::collections::BTreeSet;
use wasmtime::Engine;
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
    #[error("the file is no WASM component: {0}")]
    NotAComponent(String),
    /// It imports what no plugin gets.
    #[error("it imports `{0}`, and plugins get no such thing: only interfaces of `{package}` are there", package = wit::PACKAGE)]
    Foreign(String),
    /// It imports what was not granted.
    #[error(
        "it uses `{interface}`, and the permission `{permission}` is not granted: add \"{permission}\" to `permissions` \
         of its entry in the config",
        permission = .permission.as_str()
    )]
    NotGranted {
        /// The interface.
        interface: String,
        /// What is missing.
        permission: Permission,
    },
    /// It was built for another version.
    #[error(
        "it needs `{what}`, and this gateway speaks version {}.{} of the plugin contract: upgrade the gateway, or build \
         the plugin with an older SDK",
        VERSION.0,
        VERSION.1
    )]
    TooNew {
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
    /// What it says of itself.
    #[error(transparent)]
    Introduction(#[from] Unintelligible),
    /// It failed before it served.
    #[error("it failed while it was started: {0}")]
    Start(String),
    /// Its config is wrong.
    #[error("{0}")]
    Config(String),
}

/// A component that may be run.
pub(crate) struct Checked {
    pub(crate) component: Component,
    /// The hooks that it exports.
    pub(crate) hooks: HookSet,
    /// Where each of them is.
    pub(crate) handles: [Option<ComponentExportIndex>; Hook::COUNT],
    pub(crate) introduce: ComponentExportIndex,
    pub(crate) create: ComponentExportIndex,
    pub(crate) streams: Option<(ComponentExportIndex, ComponentExportIndex)>,
}

// === impl Checked ===

impl Checked {
    pub(crate) fn new(
        engine: &Engine,
        component: Component,
        granted: &BTreeSet<Permission>,
    ) -> Result<Self, LoadError> {
        let ty = component.component_type();
        for (name, _) in ty.imports(engine) {
            importable(name, granted)?;
        }
        let find = |interface: &str, function: &str| {
            let instance = component.get_export_index(None, wit::interface(interface).as_str())?;
            component.get_export_index(Some(&instance), function)
        };
        let (Some(introduce), Some(create)) = (find("plugin", "introduce"), find("plugin", "create")) else {
            let found: Vec<String> = ty.exports(engine).map(|(name, _)| format!("`{name}`")).take(20).collect();
            let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
            return Err(LoadError::NoPlugin { wanted: wit::interface("plugin"), found });
        };
        let handles = std::array::from_fn(|at| find(&wit::of_hook(Hook::TABLE[at].hook), "handle"));
        let hooks = Hook::TABLE.iter().filter(|row| handles[row.hook as usize].is_some()).map(|row| row.hook).collect();
        let streams = find("streams", "pull").zip(find("streams", "close"));
        Ok(Self { component, hooks, handles, introduce, create, streams })
    }
}

/// Whether a component may import this.
fn importable(name: &str, granted: &BTreeSet<Permission>) -> Result<(), LoadError> {
    let foreign = || LoadError::Foreign(name.to_owned());
    let (package, rest) = name.split_once('/').ok_or_else(foreign)?;
    let (interface, version) = rest.split_once('@').ok_or_else(foreign)?;
    if package != wit::PACKAGE {
        return Err(foreign());
    }
    let known = ["types", "clock", "random"].contains(&interface);
    let group = Function::TABLE.iter().find(|row| row.group == interface);
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major != Some(VERSION.0) || !(known || group.is_some()) {
        return Err(LoadError::TooNew { what: name.to_owned() });
    }
    match group.and_then(|row| row.permission) {
        Some(permission) if !granted.contains(&permission) => {
            Err(LoadError::NotGranted { interface: interface.to_owned(), permission })
        }
        _ => Ok(()),
    }
}
