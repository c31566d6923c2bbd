//! The plugins that are linked in: those that ship, and an embedder's own.

use gatewright_builtins::catalog::read;
use gatewright_builtins::{CATALOG, Privileges};
use gatewright_config::{ArtefactKind, Catalog, PluginEntry, PluginFacts, PluginSource, Unusable};
use gatewright_host::HostPattern;
use gatewright_host_process::Address;
use gatewright_plugin::hosted::{Hosted, link};
use gatewright_plugin::{Failure, FromConfig, Hook, Plugin, panicking};
use serde_json::Value as Json;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The plugins that are linked in, in the order of their registration.
#[derive(Clone, Default)]
pub struct Catalogue(Vec<Linked>);

/// A plugin that is linked in.
#[derive(Clone)]
pub(crate) struct Linked {
    pub(crate) facts: PluginFacts,
    /// Whether an instance is there without the config saying so.
    pub(crate) by_default: bool,
    make: Make,
}

/// The plugins that are linked in, and somebody who knows of artefacts.
pub(crate) struct WithArtefacts<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) artefact: &'a dyn Fn(&PluginEntry) -> Result<Option<PluginFacts>, Unusable>,
}

/// Makes an instance from its config.
type Make = Arc<dyn Fn(Json) -> Result<Arc<dyn Hosted>, Failure> + Send + Sync>;

// === impl Catalogue ===

impl Catalogue {
    /// The plugins that ship, in their fixed order.
    pub(crate) fn of_builtins(privileges: &Privileges) -> Self {
        let linked = CATALOG.iter().map(|builtin| {
            let facts = PluginFacts { manifest: builtin.manifest(), hooks: builtin.hooks(), builtin: true };
            let privileges = privileges.clone();
            let make: Make = Arc::new(move |config| builtin.make(config, &privileges));
            Linked { facts, by_default: builtin.is_on_by_default(), make }
        });
        Self(linked.collect())
    }

    /// Adds an instance that exists already; it is there unless the config turns it off. A `config` it is given in
    /// `on_startup`, if it has that.
    pub(crate) fn add_instance<P: Plugin>(&mut self, plugin: P) {
        let facts = PluginFacts { manifest: P::manifest(), hooks: P::HOOKS, builtin: false };
        let hosted = link(plugin);
        let make: Make = Arc::new(move |config| match is_empty(&config) || P::HOOKS.contains(Hook::OnStartup) {
            true => Ok(hosted.clone()),
            false => Err("is not read: the plugin is linked in as it is, and has no `on_startup`".into()),
        });
        self.0.push(Linked { facts, by_default: true, make });
    }

    /// Adds a plugin that the config may ask for by its name, any number of times.
    pub(crate) fn add_plugin<P: FromConfig>(&mut self) {
        let facts = PluginFacts { manifest: P::manifest(), hooks: P::HOOKS, builtin: false };
        self.0.push(Linked { facts, by_default: false, make: Arc::new(from_config::<P>) });
    }

    /// A name that two of them have: the config could not tell which it means, and one of them would never be called.
    pub(crate) fn ambiguous(&self) -> Option<&str> {
        let names = || self.0.iter().map(Linked::name);
        names().enumerate().find(|(at, name)| names().take(*at).any(|before| before == *name)).map(|(_, name)| name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Linked> {
        self.0.iter().find(|linked| linked.facts.manifest.name == name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Linked> {
        self.0.iter()
    }
}

impl Catalog for Catalogue {
    fn plugin(&self, name: &str) -> Option<PluginFacts> {
        self.get(name).map(|linked| linked.facts.clone())
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|linked| linked.facts.manifest.name.clone()).collect()
    }

    fn by_default(&self) -> Vec<String> {
        self.0.iter().filter(|linked| linked.by_default).map(|linked| linked.name().to_owned()).collect()
    }

    fn check_config(&self, name: &str, config: &Json) -> Result<(), String> {
        match self.get(name) {
            Some(linked) => linked.make(config.clone()).map(|_| ()).map_err(|failure| failure.to_string()),
            None => Ok(()),
        }
    }

    /// Whether there is a host for it.
    fn artefact(&self, entry: &PluginEntry) -> Result<Option<PluginFacts>, Unusable> {
        match (entry.artefact(), entry.source()) {
            (Some(ArtefactKind::Remote), PluginSource::Artefact(address)) => {
                address.parse::<Address>().map(|_| None).map_err(|error| Unusable::Path(error.to_string()))
            }
            _ => Ok(None),
        }
    }

    fn endpoints(&self) -> Vec<&'static str> {
        gatewright_server::endpoints()
    }

    fn check_host(&self, host: &str) -> Result<(), String> {
        host.parse::<HostPattern>().map(drop).map_err(|bad| bad.to_string())
    }
}

// === impl WithArtefacts ===

impl Catalog for WithArtefacts<'_> {
    fn plugin(&self, name: &str) -> Option<PluginFacts> {
        self.catalogue.plugin(name)
    }

    fn names(&self) -> Vec<String> {
        self.catalogue.names()
    }

    fn by_default(&self) -> Vec<String> {
        self.catalogue.by_default()
    }

    fn check_config(&self, name: &str, config: &Json) -> Result<(), String> {
        self.catalogue.check_config(name, config)
    }

    fn artefact(&self, entry: &PluginEntry) -> Result<Option<PluginFacts>, Unusable> {
        self.catalogue.artefact(entry)?;
        (self.artefact)(entry)
    }

    fn endpoints(&self) -> Vec<&'static str> {
        self.catalogue.endpoints()
    }

    fn check_host(&self, host: &str) -> Result<(), String> {
        self.catalogue.check_host(host)
    }
}

// === impl Linked ===

impl Linked {
    pub(crate) fn name(&self) -> &str {
        &self.facts.manifest.name
    }

    /// An instance of this config. An error is a sentence of what is wrong with it.
    pub(crate) fn make(&self, config: Json) -> Result<Arc<dyn Hosted>, Failure> {
        panicking::watch();
        // Unwind safety: what it was making is gone with it.
        let made = catch_unwind(AssertUnwindSafe(|| (self.make)(config)));
        made.unwrap_or_else(|panic| Err(Failure::Panicked(panicking::caught(&*panic))))
    }
}

fn from_config<P: FromConfig>(config: Json) -> Result<Arc<dyn Hosted>, Failure> {
    P::from_config(read(config)?).map(link)
}

fn is_empty(config: &Json) -> bool {
    config.is_null() || config.as_object().is_some_and(serde_json::Map::is_empty)
}

#[cfg(test)]
mod tests;
