//! From the config's plugins to a plugin set: instances that are as before are taken over, the others start.

use crate::error::Error;
use crate::linked::{Catalogue, Linked};
use gatewright_config::{
    Config, Placement as ConfigPlacement, PluginEntry, PluginSource, PluginVersion, STREAMED_HOOKS,
};
use gatewright_pipeline::{Entry, Instance, Placement, PluginSet, Reaper, Scope, Settings};
use gatewright_plugin::services::Services;
use gatewright_plugin::{Failure, FailureMode, Hook};
use gatewright_telemetry::Metrics;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Instances in use, by name, with what each was made from.
#[derive(Default)]
pub(crate) struct Plugins {
    generation: u64,
    instances: BTreeMap<String, (Origin, Arc<Instance>)>,
}

/// What an instance is made from; if that changes, a new one is.
#[derive(Clone, Debug, PartialEq)]
struct Origin {
    plugin: String,
    config: Json,
    version: Option<PluginVersion>,
}

/// What instances are started with.
pub(crate) struct Starting<'a> {
    pub(crate) catalogue: &'a Catalogue,
    /// The services of the instance of this name.
    pub(crate) services: &'a (dyn Fn(&str, &Linked) -> Services + Sync),
    pub(crate) metrics: Option<&'a Metrics>,
    pub(crate) reaper: &'a Reaper,
}

// === impl Plugins ===

impl Plugins {
    /// The plugin set of a config. An error leaves `self` as it was, and nothing that it started serves.
    pub(crate) async fn next(&self, config: &Config, starting: &Starting<'_>) -> Result<(Self, PluginSet), Error> {
        let (mut instances, mut entries) = (BTreeMap::new(), Vec::new());
        for (order, entry) in wanted(config, starting.catalogue) {
            let PluginSource::Linked(plugin) = entry.source() else { continue };
            let Some(linked) = starting.catalogue.get(plugin) else { continue };
            let origin =
                Origin { plugin: plugin.to_owned(), config: entry.config.get(), version: entry.version.clone() };
            let kept =
                self.instances.get(&entry.name).filter(|(had, instance)| *had == origin && !instance.is_absent());
            let instance = match kept {
                Some((_, instance)) => instance.clone(),
                None => start(&entry, linked, &origin, starting, self.generation == 0).await?,
            };
            entries.push(Entry { instance: instance.clone(), settings: settings(&entry, linked, order) });
            instances.insert(entry.name.clone(), (origin, instance));
        }
        let generation = self.generation + 1;
        let set = PluginSet::compile(generation, entries)?;
        if let Some(metrics) = starting.metrics {
            metrics.plugin_set(generation);
        }
        Ok((Self { generation, instances }, set))
    }
}

/// The entries that are to be there, in the order of their registration: the built-ins and an embedder's own in theirs,
/// then the config's. The number is the place of their kind in the catalogue.
pub(crate) fn wanted(config: &Config, catalogue: &Catalogue) -> Vec<(i64, PluginEntry)> {
    // Of these the catalogue has the instance; of the others the config says which there are.
    let has_instance = |linked: &Linked| linked.facts.builtin || linked.by_default;
    let (mut wanted, mut further) = (Vec::new(), Vec::new());
    for (linked, place) in catalogue.iter().zip(0..).filter(|(linked, _)| has_instance(linked)) {
        let entry = config.plugins.iter().find(|entry| entry.name == linked.name() && entry.path.is_none());
        match entry {
            Some(entry) if entry.enabled => wanted.push((place, entry.clone())),
            Some(_) => {}
            None if linked.by_default => wanted.push((place, PluginEntry::new(linked.name()))),
            None => {}
        }
    }
    for entry in config.plugins.iter().filter(|entry| entry.enabled) {
        let PluginSource::Linked(kind) = entry.source() else { continue };
        let found = catalogue.iter().zip(0..).find(|(linked, _)| linked.name() == kind);
        if let Some((linked, place)) = found
            && (entry.path.is_some() || !has_instance(linked))
        {
            further.push((place, entry.clone()));
        }
    }
    wanted.append(&mut further);
    wanted
}

/// Starts an instance. A guard that does not start still guards: it is there, and refuses. Another plugin that does not
/// start at the gateway's `first` config is left out; later its config is refused.
async fn start(
    entry: &PluginEntry,
    linked: &Linked,
    origin: &Origin,
    starting: &Starting<'_>,
    first: bool,
) -> Result<Arc<Instance>, Error> {
    let hooks = entry.hooks_of(linked.facts.hooks);
    let services = (starting.services)(&entry.name, linked);
    let probe = starting.metrics.map(|metrics| metrics.probe(&entry.name, hooks));
    let reaper = Some(starting.reaper.clone());
    let hosted = linked.make(origin.config.clone());
    let started = match hosted {
        Ok(hosted) => {
            let (services, probe) = (services.clone(), probe.clone());
            Instance::start(&entry.name, hosted, origin.config.clone(), services, probe, reaper).await
        }
        Err(failure) => Err(failure),
    };
    started.or_else(|failure| {
        let failure = Failure::new(entry.config.redact(&failure.to_string()));
        let mode = entry.failure_mode.or(linked.facts.manifest.failure_mode);
        match mode == Some(FailureMode::Closed) || hooks.contains(Hook::Auth) {
            true => {
                tracing::error!(plugin = %entry.name, error = %failure, "a guard did not start: its requests get 503");
            }
            false if first => {
                tracing::error!(plugin = %entry.name, error = %failure, "a plugin did not start: requests go on without it");
            }
            // The last good config has it, or never had it: that one keeps serving.
            false => return Err(Error::Plugin { name: entry.name.clone(), failure }),
        }
        Ok(Instance::absent(&entry.name, linked.facts.manifest.clone(), hooks, failure.to_string(), services, probe))
    })
}

fn settings(entry: &PluginEntry, linked: &Linked, order: i64) -> Settings {
    let (placement, order) = match (linked.facts.builtin, entry.placement()) {
        (true, _) => (Placement::Builtin, order),
        (false, ConfigPlacement::PreBuiltin) => (Placement::PreBuiltin, entry.order.unwrap_or_default().into()),
        (false, ConfigPlacement::PostBuiltin) => (Placement::PostBuiltin, entry.order.unwrap_or_default().into()),
    };
    let modes = STREAMED_HOOKS.iter().filter_map(|hook| Some((*hook, entry.stream_mode(*hook)?)));
    Settings {
        placement,
        order,
        priority: entry.priority,
        failure_mode: entry.failure_mode,
        timeout: entry.timeout(),
        hooks: Some(entry.hooks_of(linked.facts.hooks)),
        stream_modes: modes.collect(),
        apply_to_input: entry.apply_to_input,
        apply_to_output: entry.apply_to_output,
        scope: Scope {
            routes: entry.routes.clone().unwrap_or_default(),
            models: entry.models.clone().unwrap_or_default(),
            apps: entry.apps.clone().unwrap_or_default(),
            sample: entry.sample,
        },
    }
}

#[cfg(test)]
mod tests;
