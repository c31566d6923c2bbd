//! The one list of the plugins that ship.

use crate::{Logging, Telemetry};
use gatewright_plugin::hosted::{Hosted, link};
use gatewright_plugin::{Failure, FromConfig, HookSet, Manifest, Plugin};
use gatewright_stock_plugins::{CostAlerter, JailbreakDetector, NoConfig, RequestLogger, WebhookNotifier};
use gatewright_telemetry::Metrics;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use std::sync::Arc;

/// The plugins that ship, in the order in which they stand among themselves. The config enables and configures them; it
/// does not move them.
///
/// What only looks on comes first, so that nothing which waits holds it up.
pub static CATALOG: [Builtin; 6] = [
    Builtin { name: "telemetry", on_by_default: true, ..Builtin::privileged::<Telemetry>(make_telemetry) },
    Builtin { name: "logging", on_by_default: true, ..Builtin::privileged::<Logging>(make::<Logging>) },
    Builtin { name: "request_logger", ..Builtin::plain::<RequestLogger>() },
    Builtin { name: "jailbreak_detector", ..Builtin::plain::<JailbreakDetector>() },
    Builtin { name: "cost_alerter", ..Builtin::plain::<CostAlerter>() },
    Builtin { name: "webhook_notifier", ..Builtin::plain::<WebhookNotifier>() },
];

/// A plugin that ships.
#[derive(Clone, Copy)]
pub struct Builtin {
    name: &'static str,
    on_by_default: bool,
    privileged: bool,
    hooks: HookSet,
    manifest: fn() -> Manifest,
    make: Make,
}

/// What privileged plugins are given beyond a plugin's services.
#[derive(Clone, Debug)]
pub struct Privileges {
    /// The gateway's own metrics.
    pub metrics: Arc<Metrics>,
}

type Make = fn(Json, &Privileges) -> Result<Arc<dyn Hosted>, Failure>;

/// The plugin of this name.
pub fn find(name: &str) -> Option<&'static Builtin> {
    CATALOG.iter().find(|builtin| builtin.name == name)
}

// === impl Builtin ===

impl Builtin {
    const fn plain<P: FromConfig>() -> Self {
        Self { privileged: false, ..Self::privileged::<P>(make::<P>) }
    }

    const fn privileged<P: Plugin>(make: Make) -> Self {
        let (hooks, manifest) = (P::HOOKS, P::manifest as fn() -> Manifest);
        Self { name: "", on_by_default: false, privileged: true, hooks, manifest, make }
    }

    /// Its name, in configs and docs.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether it is there unless the config says otherwise.
    pub fn is_on_by_default(&self) -> bool {
        self.on_by_default
    }

    /// Whether it is given more than a plugin may have.
    pub fn is_privileged(&self) -> bool {
        self.privileged
    }

    /// The hooks it stands at.
    pub fn hooks(&self) -> HookSet {
        self.hooks
    }

    /// What it says of itself.
    pub fn manifest(&self) -> Manifest {
        (self.manifest)()
    }

    /// Makes an instance from its `config`; `null` is an empty one. An error says in one sentence what is wrong with it,
    /// and where.
    pub fn make(&self, config: Json, privileges: &Privileges) -> Result<Arc<dyn Hosted>, Failure> {
        (self.make)(config, privileges)
    }
}

impl std::fmt::Debug for Builtin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Builtin").field(&self.name).finish()
    }
}

fn make<P: FromConfig>(config: Json, _: &Privileges) -> Result<Arc<dyn Hosted>, Failure> {
    P::from_config(read(config)?).map(link)
}

fn make_telemetry(config: Json, privileges: &Privileges) -> Result<Arc<dyn Hosted>, Failure> {
    let NoConfig {} = read(config)?;
    Ok(link(Telemetry::new(privileges.metrics.clone())))
}

/// Reads the `config` of a plugin that is linked in; `null` is an empty one. An error says in one sentence what is wrong
/// with it, and where.
pub fn read<C: DeserializeOwned>(config: Json) -> Result<C, Failure> {
    let config = if config.is_null() { Json::Object(Map::new()) } else { config };
    serde_path_to_error::deserialize(config).map_err(|error| match error.path().to_string().as_str() {
        "." => Failure::new(error.inner().to_string()),
        path => Failure::new(format!("{path}: {}", error.inner())),
    })
}

#[cfg(test)]
mod tests;
