//! What only somebody who has the plugins can check: whether they are there, what they do, whether they like their
//! config.

use crate::problem::{Findings, Path};
use crate::rules::{warn_of_audit, warn_of_open_guard};
use crate::suggest::suggest;
use crate::{Config, PluginEntry, PluginSource, PluginVersion, Report, STREAMED_HOOKS};
use gatewright_plugin::{FailureMode, Hook, HookSet, Manifest};
use serde_json::Value;

/// The plugins that are at hand.
pub trait Catalog {
    /// The plugin of this name that is linked in.
    fn plugin(&self, name: &str) -> Option<PluginFacts>;

    /// The names of all plugins that are linked in.
    fn names(&self) -> Vec<String>;

    /// The names of those that are there without an entry of their own: an embedder's, or built-ins that are on by
    /// default. By default, none.
    fn by_default(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether a plugin would start with this config; otherwise a sentence of what is wrong. `config` has its
    /// references to the environment resolved; secrets are taken out of the sentence before it is shown.
    fn check_config(&self, name: &str, config: &Value) -> Result<(), String>;

    /// The artefact of this path or address; otherwise a sentence of why it cannot be loaded. By default, no artefact
    /// can.
    fn artefact(&self, path: &str) -> Result<PluginFacts, String> {
        let _ = path;
        Err("this gateway has no host that loads plugins from a path".to_owned())
    }
}

/// What is known of a plugin.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginFacts {
    /// What it says of itself.
    pub manifest: Manifest,
    /// The hooks that it implements.
    pub hooks: HookSet,
    /// Whether it ships with the gateway, so that its place is fixed.
    pub builtin: bool,
}

/// Checks what [`Config::parse`] could not: the plugins against the catalogue, and whether the address may be listened
/// on. Call it with flags and environment applied.
pub fn validate(config: &Config, catalog: &dyn Catalog) -> Report {
    let mut findings = Findings::default();
    let mut authenticates = false;
    for (index, entry) in config.plugins.iter().enumerate() {
        let path = Path::default().key("plugins").item(index);
        let Some(facts) = facts(entry, catalog, &path, &mut findings) else { continue };
        if entry.enabled {
            authenticates |= entry.hooks_of(facts.hooks).contains(Hook::Auth);
            check_entry(entry, &facts, &path, &mut findings);
            if let PluginSource::Linked(name) = entry.source()
                && let Err(wrong) = catalog.check_config(name, &entry.config.get())
            {
                findings.error(&path.key("config"), entry.config.redact(&wrong));
            }
        }
    }
    let has_entry = |name: &String| config.plugins.iter().any(|entry| entry.name == *name && entry.path.is_none());
    for name in catalog.by_default().iter().filter(|name| !has_entry(name)) {
        if let Some(facts) = catalog.plugin(name) {
            authenticates |= facts.hooks.contains(Hook::Auth);
            check_entry(&PluginEntry::new(name), &facts, &Path::default().key("plugins"), &mut findings);
        }
    }
    if let Err(message) = check_exposure(config, authenticates) {
        findings.error(&Path::default().key("server").key("host"), message);
    }
    findings.finish()
}

/// Whether the gateway may listen where it is told to: beyond loopback it needs `auth.keys`, a plugin that
/// authenticates, or `auth.allow_anonymous`. Otherwise a sentence that says so.
pub fn check_exposure(config: &Config, plugin_authenticates: bool) -> Result<(), String> {
    if config.server.is_loopback() || config.auth.requires_key() || plugin_authenticates || config.auth.allow_anonymous
    {
        return Ok(());
    }
    Err(format!(
        "`{}` can be reached from beyond this machine, and anybody there could spend your provider keys: set `auth.keys`, \
         or `auth.allow_anonymous` if that is meant",
        config.server.host
    ))
}

fn facts(entry: &PluginEntry, catalog: &dyn Catalog, path: &Path, findings: &mut Findings) -> Option<PluginFacts> {
    let (key, message, hint) = match entry.source() {
        PluginSource::Linked(name) => match catalog.plugin(name) {
            Some(facts) => return Some(facts),
            None => {
                let names = catalog.names();
                let hint = suggest(name, names.iter().map(String::as_str)).map(ToOwned::to_owned);
                let key = if entry.path.is_some() { "path" } else { "name" };
                let message = match &hint {
                    Some(_) => format!("there is no built-in plugin `{name}`"),
                    None => {
                        format!("there is no built-in plugin `{name}` (there are {}), and no `path`", names.join(", "))
                    }
                };
                (key, message, hint)
            }
        },
        PluginSource::Artefact(artefact) if entry.enabled => match catalog.artefact(artefact) {
            Ok(facts) => return Some(facts),
            Err(message) => ("path", message, None),
        },
        PluginSource::Artefact(_) => return None,
    };
    match entry.enabled {
        true => findings.hinted(&path.key(key), message, hint.as_deref()),
        false => {
            let hint = hint.map_or_else(String::new, |hint| format!("; did you mean `{hint}`?"));
            findings.warn(&path.key(key), message + &hint);
        }
    }
    None
}

fn check_entry(entry: &PluginEntry, facts: &PluginFacts, path: &Path, findings: &mut Findings) {
    let names = |hooks: HookSet| hooks.iter().map(Hook::name).collect::<Vec<_>>().join("`, `");
    for (index, name) in entry.hooks.iter().flatten().enumerate() {
        if !facts.hooks.contains(name.hook()) {
            let message = format!("the plugin has no `{}`; it has `{}`", name.hook(), names(facts.hooks));
            findings.error(&path.key("hooks").item(index), message);
        }
    }
    let fixed = [
        ("placement", entry.placement.is_some()),
        ("order", entry.order.is_some()),
        ("priority", entry.priority.is_some()),
    ];
    for (key, _) in fixed.iter().filter(|(_, set)| facts.builtin && *set) {
        findings.error(&path.key(key), "the place of a built-in plugin is fixed; remove this key");
    }
    if let Some(PluginVersion::Semantic(version)) = &entry.version
        && *version != facts.manifest.version
    {
        let message = format!("`{version}` is wanted, and the plugin is `{}`", facts.manifest.version);
        findings.warn(&path.key("version"), message);
    }
    let used = entry.hooks_of(facts.hooks);
    if entry.stream_mode.is_some() && !STREAMED_HOOKS.iter().any(|hook| used.contains(*hook)) {
        findings.warn(&path.key("stream_mode"), "has no effect: none of the plugin's hooks sees the text of a stream");
    }
    if used.contains(Hook::CheckOutput) {
        warn_of_audit(entry, path, findings);
    }
    // Hooks without a mode of their own are open; only `auth` is not, and is left out of the warning.
    let mode = entry.failure_mode.or(facts.manifest.failure_mode).unwrap_or(FailureMode::Open);
    warn_of_open_guard(entry, facts.hooks, mode, path, findings);
}

#[cfg(test)]
mod tests;
