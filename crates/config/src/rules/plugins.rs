//! Rules of `plugins`, as far as they need no knowledge of the plugins themselves.

use super::providers::patterns;
use super::{NAME_RULE, is_name, once};
use crate::artefact::MOST_MEMORY_MB;
use crate::problem::{Findings, Path, shortened};
use crate::suggest::suggest;
use crate::{ArtefactKind, Config, Grant, Isolation, PluginEntry, PluginSource};
use gatewright_plugin::{FailureMode, Hook, HookSet, Permission, StreamMode};

/// Hooks whose plugin guards something, so that a request should not pass when it fails.
const GUARDS: HookSet = HookSet::of(&[Hook::PreAuth, Hook::Auth, Hook::CheckInput, Hook::CheckOutput]);

/// Plugins that ship and guard something.
const SHIPPED_GUARDS: [&str; 1] = ["jailbreak_detector"];

pub(super) fn check(config: &Config, path: &Path, findings: &mut Findings) {
    once(path, config.plugins.iter().map(|entry| entry.name.as_str()), findings);
    for (index, entry) in config.plugins.iter().enumerate() {
        one(entry, &path.item(index), findings);
        warn_of_models(entry, config, &path.item(index).key("models"), findings);
    }
}

/// Warns of models whose provider is not there, and has nearly the name of one that is. Others may be a model's own name.
fn warn_of_models(entry: &PluginEntry, config: &Config, path: &Path, findings: &mut Findings) {
    for (index, model) in entry.models.iter().flatten().enumerate().filter(|_| entry.enabled) {
        let Some((name, _)) = model.split_once('/').filter(|(name, _)| !name.contains('*')) else { continue };
        let known = || config.active_providers().map(|(name, _)| name);
        if !config.providers.contains_key(name)
            && let Some(hint) = suggest(name, known())
        {
            let message = format!("there is no provider `{}`; did you mean `{hint}`?", shortened(name));
            findings.warn(&path.item(index), message);
        }
    }
}

fn one(entry: &PluginEntry, path: &Path, findings: &mut Findings) {
    if !is_name(&entry.name) {
        let message = format!("`{}` cannot be a plugin's name: {NAME_RULE}", shortened(&entry.name));
        findings.error(&path.key("name"), message);
    }
    if entry.path.as_deref() == Some("builtin:") {
        findings.error(&path.key("path"), "`builtin:` must be followed by a plugin's name");
    }
    artefact(entry, path, findings);
    for (index, name) in entry.hooks.iter().flatten().enumerate() {
        if entry.hooks.iter().flatten().take(index).any(|before| before == name) {
            findings.error(&path.key("hooks").item(index), format!("`{}` is in this list before", name.hook()));
        }
    }
    let routes = entry.routes.as_deref().unwrap_or_default();
    for (index, route) in routes.iter().enumerate().filter(|(_, route)| !route.starts_with(['/', '*'])) {
        let message = format!("`{}` is not a path: it begins with `/` or `*`", shortened(route));
        findings.error(&path.key("routes").item(index), message);
    }
    patterns(&path.key("models"), entry.models.as_deref(), findings);
    apps(&path.key("apps"), entry, findings);
    if !entry.enabled {
        return;
    }
    if entry.sample == Some(0.0) {
        findings.warn(&path.key("sample"), "is 0: the plugin stands at no request");
    }
    if entry.hooks.as_ref().is_some_and(Vec::is_empty) {
        findings.warn(&path.key("hooks"), "is empty: the plugin is loaded and stands at no request");
    }
    if let Some(hooks) = entry.named_hooks() {
        warn_of_idle(entry, hooks, path, findings);
    }
    if entry.named_hooks().is_some_and(|hooks| hooks.contains(Hook::CheckOutput)) {
        warn_of_audit(entry, path, findings);
    }
    let ships = match entry.source() {
        PluginSource::Linked(name) if SHIPPED_GUARDS.contains(&name) => HookSet::of(&[Hook::CheckInput]),
        _ => HookSet::EMPTY,
    };
    let hooks = entry.named_hooks().unwrap_or(ships);
    if entry.failure_mode == Some(FailureMode::Open) {
        warn_of_open_guard(entry, hooks, FailureMode::Open, path, findings);
    }
}

/// Applications that can be somebody's.
fn apps(path: &Path, entry: &PluginEntry, findings: &mut Findings) {
    for (index, app) in entry.apps.iter().flatten().enumerate() {
        if app.trim().is_empty() {
            findings.error(&path.item(index), "must not be empty");
        } else if app.contains('*') && entry.enabled {
            findings.warn(&path.item(index), "is an application's id and no pattern: `*` stands for itself");
        }
    }
}

/// What is only for plugins from a path, or only for one kind of them.
fn artefact(entry: &PluginEntry, path: &Path, findings: &mut Findings) {
    let kind = entry.artefact();
    let native = kind == Some(ArtefactKind::Native);
    let program = kind == Some(ArtefactKind::Program);
    let isolated = native && entry.isolation == Some(Isolation::Process);
    let set = [
        ("sha256", entry.sha256.is_some(), kind.is_some_and(ArtefactKind::is_file)),
        ("instance", entry.instance.is_some(), kind == Some(ArtefactKind::Wasm)),
        ("memory_mb", entry.memory_mb.is_some(), kind == Some(ArtefactKind::Wasm) || program || native),
        ("isolation", entry.isolation.is_some(), native),
        ("inline", entry.inline.is_some(), native),
        ("arguments", !entry.arguments.is_empty(), program),
        ("environment", !entry.environment.is_empty(), program || native),
        ("permissions", !entry.permissions.is_unset(), kind.is_some()),
    ];
    for (key, _, _) in set.iter().filter(|(_, is_set, fits)| *is_set && !fits) {
        let message = match kind {
            None if *key == "permissions" => {
                "is for plugins from a `path`: one that is linked in may do what the gateway may; remove this key"
                    .to_owned()
            }
            None => "is for plugins from a `path`, and this one is linked in; remove this key".to_owned(),
            Some(kind) => format!("does not apply to {}; remove this key", kind.as_str()),
        };
        findings.error(&path.key(key), message);
    }
    if isolated && entry.inline == Some(true) {
        findings
            .error(&path.key("inline"), "is for a library in the gateway's process, and `isolation` gives it its own");
    }
    let shared = native && !isolated;
    for (key, is_set) in [("memory_mb", entry.memory_mb.is_some()), ("environment", !entry.environment.is_empty())] {
        if shared && is_set {
            let message = "is for a process of its own: set `isolation` to `process`, or remove this key";
            findings.error(&path.key(key), message);
        }
    }
    if kind == Some(ArtefactKind::Wasm)
        && let Some(wanted) = entry.memory_mb.filter(|wanted| *wanted > MOST_MEMORY_MB)
    {
        findings.error(
            &path.key("memory_mb"),
            format!("must be at most {MOST_MEMORY_MB} for a WASM component, is {wanted}"),
        );
    }
    for name in entry.environment.keys() {
        let message = match name.as_str() {
            _ if name.is_empty() || name.contains(['=', '\0']) => "is no name of a variable",
            _ if name.starts_with("GATEWRIGHT_") => "is the gateway's own: choose another name",
            _ => continue,
        };
        findings.error(&path.key("environment").key(name), message);
    }
    let path = path.key("permissions");
    let grants = entry.permissions.grants();
    for (index, grant) in grants.iter().enumerate() {
        let permission = grant.permission();
        if grants[..index].iter().any(|before| before.permission() == permission) {
            let message = match grant.hosts() {
                [] => format!("`{}` is in this list before", permission.as_str()),
                _ => "`http` is in this list before; name all hosts in one place".to_owned(),
            };
            findings.error(&path.item(index), message);
        } else if *grant == Grant::Plain(Permission::Http) && entry.enabled {
            let message = "`http` without hosts reaches none; write `{\"http\": [\"api.example.com\"]}`";
            findings.warn(&path.item(index), message);
        }
    }
}

/// Warns of a guard that lets requests pass when it fails.
pub(crate) fn warn_of_open_guard(
    entry: &PluginEntry,
    hooks: HookSet,
    mode: FailureMode,
    path: &Path,
    findings: &mut Findings,
) {
    let path = path.key("failure_mode");
    let guards = entry.hooks_of(hooks).intersection(GUARDS);
    let open: Vec<&str> = guards.without(HookSet::of(&[Hook::Auth])).iter().map(Hook::name).collect();
    if mode == FailureMode::Open && !open.is_empty() {
        let message = format!(
            "`{}` guards ({}) and is fail_open: when it fails, requests pass unchecked; set `fail_closed`",
            entry.name,
            open.join(", ")
        );
        findings.warn(&path, message);
    }
    if entry.failure_mode == Some(FailureMode::Open) && guards.contains(Hook::Auth) {
        findings.warn(&path, format!("`{}` authenticates: its `auth` stays fail_closed", entry.name));
    }
}

/// Warns of a plugin whose hooks are all turned off by `apply_to_input` and `apply_to_output`.
pub(crate) fn warn_of_idle(entry: &PluginEntry, hooks: HookSet, path: &Path, findings: &mut Findings) {
    if let Some(key) = entry.turned_off_by(hooks) {
        findings.warn(&path.key(key), "is false, which leaves no hook of it: the plugin stands at no request");
    }
}

/// Warns of an output check that cannot block in a stream.
pub(crate) fn warn_of_audit(entry: &PluginEntry, path: &Path, findings: &mut Findings) {
    if entry.stream_mode(Hook::CheckOutput) == Some(StreamMode::Observe) {
        let message = "with `observe`, `check_output` audits streams only: it cannot block what has left";
        findings.warn(&path.key("stream_mode"), message);
    }
}
