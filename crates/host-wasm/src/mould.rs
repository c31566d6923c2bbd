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
        // Names and permissions were checked: what does not fit now are functions that came later.
        let pre = linker.instantiate_pre(&checked.component);
        let pre = pre.map_err(|error| LoadError::TooNew { what: needed(&format!("{error:#}")) })?;
        Ok(Self { checked, pre, config, memory: options.memory_bytes, alive, started: OnceLock::new() })
    }

    /// What the component says of itself; its hooks are those that it exports, whatever it says of them.
    pub(crate) async fn introduce(&self) -> Result<Introduction, LoadError> {
        let mut bare = Instance::bare(self).await?;
        let introduction = Introduction::read(&bare.introduce(&self.checked).await?)?;
        Ok(Introduction { hooks: self.checked.hooks.bits(), ..introduction })
    }
}

/// What a linker's error says is missing, without the rest.
fn needed(error: &str) -> String {
    in_a_line(error.split('`').nth(1).unwrap_or(error))
}
