//! Secrets of plugins that no line about them shows: those of their entries, and those that their entries had before.

use gatewright_config::{PluginEntry, Secrets};
use gatewright_telemetry::log::{Conceal, conceal};
use std::collections::BTreeMap;
use std::sync::Arc;

/// So many secrets of an entry are remembered, as it had them one after the other: an instance that was replaced may still
/// speak of its own.
const MOST: usize = 8;

/// The most names of entries that are no more.
const MOST_NAMES: usize = 1024;

/// What was in the entries of a name, the last at the end.
#[derive(Default)]
pub(crate) struct Concealed(BTreeMap<Box<str>, Vec<Secrets>>);

// === impl Concealed ===

impl Concealed {
    /// From now on, what is in these entries is concealed too.
    pub(crate) fn add<'a>(&mut self, entries: impl Iterator<Item = &'a PluginEntry> + Clone) {
        if self.0.len() > MOST_NAMES {
            self.0.retain(|name, _| entries.clone().any(|entry| *entry.name == **name));
        }
        for entry in entries {
            let secrets = entry.secrets();
            if secrets.is_empty() {
                continue;
            }
            let known = self.0.entry(entry.name.as_str().into()).or_default();
            known.retain(|before| *before != secrets);
            known.push(secrets);
            let surplus = known.len().saturating_sub(MOST);
            known.drain(..surplus);
        }
        conceal(self.0.iter().map(|(name, known)| {
            let secrets = Secrets::all(known);
            let conceal: Conceal = Arc::new(move |text| secrets.conceal(text));
            (name.clone(), conceal)
        }));
    }
}

#[cfg(test)]
mod tests;
