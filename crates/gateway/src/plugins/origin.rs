//! What instances are made from.

use gatewright_config::{
    ArtefactKind, InstanceMode, Isolation, Permissions, PluginEntry, PluginSource, PluginVersion, Secret,
};
use gatewright_host::Sha256;
use gatewright_host_wasm::MOST_IN_PLACE;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::time::Duration;

/// What an instance is made from; if that changes, a new one is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Origin {
    pub(super) plugin: String,
    pub(super) config: Json,
    version: Option<PluginVersion>,
    pub(super) artefact: Option<Loading>,
}

/// How an artefact is loaded.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Loading {
    wanted: Option<String>,
    instance: Option<InstanceMode>,
    memory_mb: Option<u32>,
    isolation: Option<Isolation>,
    inline: Option<bool>,
    /// The time of a call, where its host makes something of it: a component may be called in place, and a library or a
    /// process is given up on.
    timeout: Option<Duration>,
    arguments: Vec<String>,
    environment: BTreeMap<String, Secret>,
    permissions: Permissions,
    /// What is in it; `None` if it could not be read, or is elsewhere.
    pub(super) sha256: Option<Sha256>,
}

// === impl Origin ===

impl Origin {
    pub(super) fn of(entry: &PluginEntry, sha256: Option<Sha256>) -> Self {
        let (PluginSource::Linked(plugin) | PluginSource::Artefact(plugin)) = entry.source();
        let artefact = entry.artefact().map(|kind| Loading {
            wanted: entry.sha256.clone(),
            instance: entry.instance,
            memory_mb: entry.memory_mb,
            isolation: entry.isolation,
            inline: entry.inline,
            timeout: entry.timeout().filter(|time| match kind {
                ArtefactKind::Wasm => *time <= MOST_IN_PLACE,
                ArtefactKind::Native | ArtefactKind::Program | ArtefactKind::Remote => true,
            }),
            arguments: entry.arguments.clone(),
            environment: entry.environment.clone(),
            permissions: entry.permissions.clone(),
            sha256,
        });
        Self { plugin: plugin.to_owned(), config: entry.config.get(), version: entry.version.clone(), artefact }
    }

    pub(super) fn sha256(&self) -> Option<Sha256> {
        self.artefact.as_ref()?.sha256
    }

    /// Whether all is the same but for what is in the file.
    pub(super) fn is_of_same_entry(&self, other: &Self) -> bool {
        let entry = |origin: &Self| {
            let artefact = origin.artefact.clone().map(|artefact| Loading { sha256: None, ..artefact });
            Self { artefact, ..origin.clone() }
        };
        entry(self) == entry(other)
    }
}
