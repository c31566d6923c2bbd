//! What only somebody who has the plugins can check: whether they are there, what they do, whether they like their
//! config.

use crate::problem::{Findings, Path, shortened};
use crate::rules::{warn_of_audit, warn_of_idle, warn_of_open_guard};
use crate::suggest::suggest;
use crate::{ClientKey, Config, InstanceMode, PluginEntry, PluginSource, PluginVersion, Report, STREAMED_HOOKS};
use gatewright_model::glob::matches;
use gatewright_plugin::{FailureMode, Hook, HookSet, Manifest, Permission};
use serde_json::Value;
use std::fmt;

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

    /// What is known of an entry's artefact, `None` as long as nobody has looked; otherwise why it cannot be used. By
    /// default, no artefact can.
    fn artefact(&self, entry: &PluginEntry) -> Result<Option<PluginFacts>, Unusable> {
        let _ = entry;
        Err(Unusable::Path("this gateway has no host that loads plugins from a path".to_owned()))
    }

    /// The paths of the endpoints, as scopes name them; none if they are not known. By default, they are not.
    fn endpoints(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// Whether this is a host that requests may be allowed to; otherwise a sentence of what is wrong. By default, it is.
    fn check_host(&self, host: &str) -> Result<(), String> {
        let _ = host;
        Ok(())
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

/// Why an artefact cannot be used, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// What its path names is not there, or is no plugin that can be run.
    Path(String),
    /// The plugin does not start with its config. Secrets are taken out of the sentence before it is shown.
    Config(String),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(why) | Self::Config(why) => f.write_str(why),
        }
    }
}

/// Checks what [`Config::parse`] could not: the plugins against the catalogue, and whether the address may be listened
/// on. Call it with flags and environment applied.
pub fn validate(config: &Config, catalog: &dyn Catalog) -> Report {
    let mut findings = Findings::default();
    let mut authenticates = false;
    for (index, entry) in config.plugins.iter().enumerate() {
        let path = Path::default().key("plugins").item(index);
        check_hosts(entry, catalog, &path, &mut findings);
        check_name(entry, catalog, &path, &mut findings);
        warn_of_routes(entry, catalog, &path, &mut findings);
        let facts = match facts(entry, catalog, &path, &mut findings) {
            Known::Facts(facts) => facts,
            // Who looks at it says so; until then it may.
            Known::Later => {
                authenticates |= entry.named_hooks().is_none_or(|hooks| hooks.contains(Hook::Auth));
                continue;
            }
            Known::Nothing => continue,
        };
        if entry.enabled {
            authenticates |= entry.hooks_of(facts.hooks).contains(Hook::Auth);
            check_entry(entry, &facts, &path, &mut findings);
            if let PluginSource::Linked(name) = entry.source()
                && let Err(wrong) = catalog.check_config(name, &entry.config.get())
            {
                findings.error(&path.key("config"), entry.secrets().conceal(&wrong));
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
    if !authenticates {
        warn_of_apps(config, &mut findings);
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

/// Hooks that are called around what others do, and by themselves make no plugin do anything. One that has `on_startup`
/// alone may be there for that.
const AROUND: HookSet = HookSet::of(&[Hook::RequestEnd, Hook::OnShutdown, Hook::Health]);

/// What is known of an entry's plugin.
enum Known {
    Facts(Box<PluginFacts>),
    /// It has to be loaded first.
    Later,
    /// It is not there, or not looked at.
    Nothing,
}

/// Two plugins of one name would be one in metrics and logs, and what is there by default could not be turned off.
fn check_name(entry: &PluginEntry, catalog: &dyn Catalog, path: &Path, findings: &mut Findings) {
    if entry.enabled && entry.path.is_some() && catalog.by_default().contains(&entry.name) {
        let message = format!(
            "`{}` is the name of a plugin that is linked in and there without an entry, and one with a `path` is another: \
             choose another name",
            entry.name
        );
        findings.error(&path.key("name"), message);
    }
}

/// Warns of routes that are none: there the plugin stands at no request, also if it guards.
fn warn_of_routes(entry: &PluginEntry, catalog: &dyn Catalog, path: &Path, findings: &mut Findings) {
    let endpoints = catalog.endpoints();
    let leads_nowhere = |route: &&String| !endpoints.iter().any(|endpoint| matches(route, endpoint));
    let routes = entry.routes.iter().flatten().enumerate();
    for (index, route) in routes.filter(|(_, route)| entry.enabled && !endpoints.is_empty() && leads_nowhere(route)) {
        let message = match suggest(route, endpoints.iter().copied()) {
            Some(hint) => format!("`{}` is no endpoint; did you mean `{hint}`?", shortened(route)),
            None => format!("`{}` is no endpoint; there are `{}`", shortened(route), endpoints.join("`, `")),
        };
        findings.warn(&path.key("routes").item(index), message);
    }
}

/// Warns of applications that no key identifies, where no plugin might.
fn warn_of_apps(config: &Config, findings: &mut Findings) {
    for (index, entry) in config.plugins.iter().enumerate().filter(|(_, entry)| entry.enabled) {
        for (number, app) in entry.apps.iter().flatten().enumerate() {
            let apps = || config.auth.keys.iter().map(ClientKey::app);
            if !apps().any(|known| known == app) {
                let message = format!("no key of `auth` is for the application `{}`", shortened(app));
                let hint = suggest(app, apps()).map_or_else(String::new, |hint| format!("; did you mean `{hint}`?"));
                findings.warn(&Path::default().key("plugins").item(index).key("apps").item(number), message + &hint);
            }
        }
    }
}

fn check_hosts(entry: &PluginEntry, catalog: &dyn Catalog, path: &Path, findings: &mut Findings) {
    for (index, grant) in entry.permissions.grants().iter().enumerate() {
        for (number, host) in grant.hosts().iter().enumerate() {
            if let Err(wrong) = catalog.check_host(host) {
                let (advice, hint) = about_host(host);
                let path = path.key("permissions").item(index).key("http").item(number);
                findings.hinted(&path, wrong + advice, hint.as_deref());
            }
        }
    }
}

/// What to say of an entry that is no host: that a URL was written, or that all hosts were meant; and the host of the URL.
fn about_host(written: &str) -> (&'static str, Option<String>) {
    if written.contains('*') && !written.contains("*.") {
        return (
            "; there is no entry for all hosts: name each, or write `*.example.com` for all names below one",
            None,
        );
    }
    let (scheme, rest) = written.split_once("://").unwrap_or(("", written));
    match rest.split_once(['/', '?', '#']) {
        Some((host, _)) if !host.is_empty() => {
            let host = if scheme == "http" { format!("http://{host}") } else { host.to_owned() };
            ("; a host is written without scheme and path", Some(host))
        }
        _ => ("", None),
    }
}

fn facts(entry: &PluginEntry, catalog: &dyn Catalog, path: &Path, findings: &mut Findings) -> Known {
    let (key, message, hint) = match entry.source() {
        PluginSource::Linked(name) => match catalog.plugin(name) {
            Some(facts) => return Known::Facts(Box::new(facts)),
            None => {
                let names = catalog.names();
                let hint = suggest(name, names.iter().map(String::as_str)).map(ToOwned::to_owned);
                let key = if entry.path.is_some() { "path" } else { "name" };
                let there_are = || names.join(", ");
                let message = match (&hint, &entry.path) {
                    (Some(_), _) => format!("there is no built-in plugin `{name}`"),
                    (None, Some(_)) => format!("there is no built-in plugin `{name}`; there are {}", there_are()),
                    (None, None) => {
                        format!("there is no built-in plugin `{name}` (there are {}), and no `path`", there_are())
                    }
                };
                (key, message, hint)
            }
        },
        PluginSource::Artefact(artefact) if entry.enabled => match catalog.artefact(entry) {
            Ok(Some(facts)) => return Known::Facts(Box::new(facts)),
            Ok(None) => return Known::Later,
            Err(Unusable::Path(message)) => ("path", message + about_path(artefact), meant(artefact, catalog)),
            Err(Unusable::Config(message)) => ("config", entry.secrets().conceal(&message), None),
        },
        PluginSource::Artefact(_) => return Known::Nothing,
    };
    match entry.enabled {
        true => findings.hinted(&path.key(key), message, hint.as_deref()),
        false => {
            let hint = hint.map_or_else(String::new, |hint| format!("; did you mean `{hint}`?"));
            findings.warn(&path.key(key), message + &hint);
        }
    }
    Known::Nothing
}

/// What to say of an address that is none of a process: that it is fetched, as others do, was probably hoped.
fn about_path(path: &str) -> &'static str {
    match path.split_once("://") {
        Some((scheme, _)) if !scheme.starts_with("grpc") => "; nothing is fetched: put the file on this machine",
        _ => "",
    }
}

/// The path that was probably meant: another ending, or the name of a plugin that is linked in.
fn meant(path: &str, catalog: &dyn Catalog) -> Option<String> {
    if !path.contains(['/', '.']) {
        let names = catalog.names();
        return suggest(path, names.iter().map(String::as_str)).map(|name| format!("builtin:{name}"));
    }
    let (rest, ending) = path.rsplit_once('.').filter(|(_, ending)| !ending.contains('/'))?;
    let hint = suggest(ending, ["wasm", "so", "dylib"]).filter(|hint| *hint != ending)?;
    Some(format!("{rest}.{hint}"))
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
    if entry.artefact().is_some() {
        warn_of_grants(entry, &facts.manifest, path, findings);
    }
    if facts.hooks.without(AROUND).is_empty() {
        let key = if entry.path.is_some() { "path" } else { "name" };
        findings.warn(&path.key(key), "the plugin implements no hook of a request: it is loaded, and stands at none");
    }
    warn_of_idle(entry, facts.hooks, path, findings);
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

/// Warns of what a plugin asks for and does not get, or gets and does not ask for; and of one that keeps state where
/// state means nothing.
fn warn_of_grants(entry: &PluginEntry, manifest: &Manifest, path: &Path, findings: &mut Findings) {
    let words = |some: Vec<&Permission>| some.into_iter().map(|it| it.as_str()).collect::<Vec<_>>().join("`, `");
    let (asked, granted) = (&manifest.permissions, entry.permissions.set());
    let missing = words(asked.difference(&granted).collect());
    if !missing.is_empty() {
        let message = format!("the plugin asks for `{missing}`, which is not granted: its calls for that are refused");
        findings.warn(&path.key("permissions"), message);
    }
    let unasked = words(granted.difference(asked).collect());
    if !unasked.is_empty() {
        let message = format!("the plugin does not ask for `{unasked}`, and does not get it");
        findings.warn(&path.key("permissions"), message);
    }
    if manifest.stateful && entry.instance.is_some_and(|mode| mode != InstanceMode::Single) {
        let message = "the plugin says that it keeps state in itself: with more than one instance that means nothing";
        findings.warn(&path.key("instance"), message);
    }
}

#[cfg(test)]
mod tests;
