//! Who loads the test plugins.

use crate::plugins::TestPlugin;
use gatewright_plugin::Failure;
use gatewright_plugin::hosted::Hosted;
use gatewright_plugin::services::BoxFuture;
use serde_json::Value as Json;
use std::sync::Arc;

/// A host under test: a way of running plugins.
pub trait Host: Sync {
    /// Its name, for the report: one of [`HOSTS`], or another for another way of running plugins.
    fn name(&self) -> &'static str;

    /// How many times as long as within one process a call may take: where a case gives calls a time that they must
    /// keep or miss, it gives so many times as much.
    fn patience(&self) -> u32 {
        1
    }

    /// Loads a test plugin with this config, as an instance of its own. An error fails the case.
    fn load<'a>(&'a self, plugin: &'static TestPlugin, config: Json)
    -> BoxFuture<'a, Result<Arc<dyn Hosted>, Failure>>;
}

/// The hosts of the gateway: the table has each of them.
pub const HOSTS: [&str; 4] = ["builtin", "native", "wasm", "process"];

/// The built-in host: plugins linked into the program.
#[derive(Clone, Copy, Debug, Default)]
pub struct Builtin;

// === impl Builtin ===

impl Host for Builtin {
    fn name(&self) -> &'static str {
        "builtin"
    }

    fn load<'a>(
        &'a self,
        plugin: &'static TestPlugin,
        config: Json,
    ) -> BoxFuture<'a, Result<Arc<dyn Hosted>, Failure>> {
        Box::pin(std::future::ready((plugin.link)(config)))
    }
}
