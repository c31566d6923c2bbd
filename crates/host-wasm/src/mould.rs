//! What the instances of a plugin are made from.

use crate::alive::Alive;
use crate::component::{Checked, LoadError, in_a_line};
use crate::instance::Instance;
use crate::linker::State;
use crate::options::Options;
use gatewright_abi::{Introduction, View};
use gatewright_plugin::payload::Startup;
use gatewright_plugin::services::Services;
use std::sync::{Arc, OnceLock};
use wasmtime::component::{InstancePre, Linker};

/// What the instances of a plugin are made from.
pub(crate) struct Mould {
    pub(crate) checked: Checked,
    pub(crate) pre: InstancePre<State>,
    pub(crate) config: Vec<u8>,
    pub(crate) memory: usize,
    pub(crate) alive: Alive,
    /// How the plugin was started, where each instance that takes the place of another has to be.
    pub(crate) started: OnceLock<Started>,
}

/// How a plugin was started.
pub(crate) struct Started {
    pub(crate) startup: Startup,
    pub(crate) services: Services,
    pub(crate) view: Arc<View>,
}

// === impl Mould ===

impl Mould {
    pub(crate) fn new(
        checked: Checked,
        linker: &Linker<State>,
        config: Vec<u8>,
        options: &Options,
        alive: Alive,
    ) -> Result<Self, LoadError> {
        let pre = linker.instantiate_pre(&checked.component).map_err(|error| unfit(&format!("{error:#}")))?;
        Ok(Self { checked, pre, config, memory: options.memory_bytes, alive, started: OnceLock::new() })
    }

    /// What the component says of itself; its hooks are those that it exports, whatever it says of them.
    pub(crate) async fn introduce(&self) -> Result<Introduction, LoadError> {
        let mut bare = Instance::bare(self).await?;
        let introduction = Introduction::read(&bare.introduce(&self.checked).await?)?;
        Ok(Introduction { hooks: self.checked.hooks.bits(), ..introduction })
    }
}

/// What a linker's error says of an import. Interfaces, functions and permissions were checked: what does not fit now is
/// of another type, or something else than a function.
fn unfit(error: &str) -> LoadError {
    let mut names = error.split('`').skip(1).step_by(2);
    match (names.next(), names.next()) {
        (Some(interface), Some(member)) if error.ends_with("implementation is missing") => {
            LoadError::TooNew { what: format!("`{member}` of `{interface}`") }
        }
        (Some(interface), Some(member)) => LoadError::Type { name: format!("{interface}.{member}") },
        _ => LoadError::NotAComponent(in_a_line(error)),
    }
}
