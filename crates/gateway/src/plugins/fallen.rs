//! Plugins that did not start, and what is done about them.

use gatewright_config::{Config, PluginEntry, Problem};
use gatewright_plugin::Failure;

/// A plugin that did not load or start.
#[derive(Debug)]
pub(super) struct Fallen {
    /// Its instance, and its entry's place in the config.
    pub(super) name: String,
    pub(super) place: String,
    pub(super) failure: Failure,
    pub(super) then: Then,
}

/// What is done about a plugin that did not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// The instance before goes on: the new file is no good.
    Before,
    /// The instance before goes on: there is no file any more.
    Orphan,
    /// It guards, and its requests get 503.
    Guard,
    /// Requests go on without it.
    Without,
    /// The config is refused.
    Refuse,
}

// === impl Fallen ===

impl Fallen {
    pub(super) fn problem(&self) -> Problem {
        let message = format!("plugin `{}` did not start: {}", self.name, self.failure);
        Problem { path: self.place.clone(), message, hint: None }
    }

    pub(super) fn log(&self) {
        let what = match self.then {
            Then::Before => "a plugin's new file was not taken: the one before goes on",
            Then::Orphan => "a plugin's file is gone: what was loaded of it goes on",
            Then::Guard => "a guard did not start: its requests get 503",
            Then::Without => "a plugin did not start: requests go on without it",
            // The config says so, as it is refused.
            Then::Refuse => return,
        };
        tracing::error!(plugin = self.name, path = self.place, error = %self.failure, "{what}");
    }

    /// Whether an instance goes on that is not made from its file as it is.
    pub(super) fn is_stale(&self) -> bool {
        matches!(self.then, Then::Before | Then::Orphan)
    }

    /// What somebody should know of such an instance.
    pub(super) fn note(&self) -> String {
        let (name, failure) = (&self.name, &self.failure);
        match self.then {
            Then::Orphan => format!("plugin {name}: its file is gone: {failure} (what was loaded of it goes on)"),
            _ => format!("plugin {name}: its new file was not taken: {failure} (the one before goes on)"),
        }
    }
}

/// Where an entry stands in the config.
pub(super) fn place(config: &Config, entry: &PluginEntry) -> String {
    match config.plugins.iter().position(|other| other.name == entry.name) {
        Some(index) => format!("plugins[{index}]"),
        // It is on by default.
        None => "plugins".to_owned(),
    }
}
