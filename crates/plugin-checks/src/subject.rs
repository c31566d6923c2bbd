//! The plugin under test.

use gatewright_plugin::Permission;
use gatewright_plugin::hosted::Hosted;
use gatewright_plugin::services::BoxFuture;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The plugin under test: loaded by its host as often as the cases want it.
pub trait Subject: Sync {
    /// The host's name: `wasm`, `native`, `process`.
    fn host(&self) -> &str;

    /// Loads it, as an instance of its own.
    fn load<'a>(&'a self, asked: Asked) -> BoxFuture<'a, Result<Arc<dyn Hosted>, NotLoaded>>;
}

/// An instance that a case wants.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its name in the config.
    pub name: String,
    /// Its config.
    pub config: Json,
    /// What it is granted.
    pub granted: BTreeSet<Permission>,
}

/// Why there is no instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotLoaded {
    /// The plugin or its host said no, in words.
    Refused(String),
    /// It panicked, trapped, ended or hung.
    Broke(String),
}

/// How it is tested.
#[derive(Clone, Debug, Default)]
pub struct Test {
    /// Its config; a gateway gives one that has none an empty map.
    pub config: Json,
    /// What it is granted; `None` for all that it asks for.
    pub granted: Option<BTreeSet<Permission>>,
}

// === impl NotLoaded ===

impl NotLoaded {
    /// What was said.
    pub fn message(&self) -> &str {
        match self {
            Self::Refused(message) | Self::Broke(message) => message,
        }
    }
}
