//! Artefacts on trial, for `validate`: a component is made with its config, as `serve` would. Meanwhile it can do nothing
//! but say whether it starts; a library or a program could do anything, and is only looked at.

use super::hosts::{Hosts, fits};
use super::look::inspect;
use gatewright_config::{ArtefactKind, PluginEntry, PluginFacts, Unusable};
use std::path::PathBuf;
use std::thread;
use tokio::runtime;

/// Tries artefacts, and keeps none.
pub(crate) struct Trial {
    base: PathBuf,
    hosts: Hosts,
}

// === impl Trial ===

impl Trial {
    /// `base` is what relative paths are relative to.
    pub(crate) fn new(base: PathBuf) -> Self {
        Self { base, hosts: Hosts::default() }
    }

    /// What an entry's artefact says of itself, if that can be known, or why it cannot be used.
    pub(crate) fn examine(&self, entry: &PluginEntry) -> Result<Option<PluginFacts>, Unusable> {
        match (entry.artefact(), inspect(entry, &self.base).map_err(Unusable::Path)?) {
            (Some(ArtefactKind::Wasm), Some(component)) => {
                fits(component.len() as u64).map_err(Unusable::Path)?;
                self.start(entry, component).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn start(&self, entry: &PluginEntry, component: Vec<u8>) -> Result<PluginFacts, Unusable> {
        let start = || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
            let hosted = runtime.block_on(self.hosts.wasm(entry, component, None))?;
            Ok(PluginFacts { manifest: hosted.manifest().clone(), hooks: hosted.hooks(), builtin: false })
        };
        // Whoever asks may be a task already, within which no other can be waited for.
        thread::scope(|scope| scope.spawn(start).join()).unwrap_or_else(|_| Err(failed("its host panicked")))
    }
}

fn failed(why: impl std::fmt::Display) -> Unusable {
    Unusable::Path(format!("it could not be tried: {why}"))
}
