//! Plugins: which instances there are, where they stand, and how the host judges them.

use crate::artefact::{ArtefactKind, InstanceMode, Isolation, Permissions};
use crate::provider::yes;
use crate::secret::Secrets;
use crate::stream_modes::StreamModes;
use crate::{HookName, Seconds, Secret, Settings};
use gatewright_plugin::{FailureMode, Hook, HookSet, StreamMode};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// An instance of a plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginEntry {
    /// Whether it is loaded.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Its identity in logs, metrics and the API; once in the config. 1 to 64 of `a-z`, `A-Z`, `0-9`, `.`, `_`, `-`,
    /// the first a letter or digit. Without `path`, also the plugin that it is an instance of.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// What it is an instance of: a WASM component (`.wasm`), a native library (`.so`, `.dylib`, `.dll`) or a program
    /// (any other path), relative to the folder of this file; a process that runs elsewhere (`grpc://HOST:PORT`,
    /// `grpc+unix:///PATH`); or `builtin:NAME` for a second instance of a plugin that is linked in. Unset: the plugin of
    /// this `name` that is linked in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub path: Option<String>,
    /// The SHA-256 of the artefact at `path`, as `sha256sum` prints it; another one is not loaded. Unset: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "sha256", "pattern" = "^[0-9a-fA-F]{64}$"))]
    pub sha256: Option<String>,
    /// How the calls of a WASM plugin share instances of it. Unset: `single` if the plugin says that it is stateful,
    /// else `pooled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceMode>,
    /// The most memory in MiB: of one instance of a WASM plugin, at most 1024, and 64 if unset; a call that wants more
    /// fails. Of a process that the gateway starts, on Linux, 4096 if unset: its allocations fail beyond that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_048_576))]
    pub memory_mb: Option<u32>,
    /// Where a native library runs: `process` for a process of its own. Unset: in the gateway's, with all its trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
    /// Whether hooks of a native library that answer at once are called on the threads that serve requests: quicker, and
    /// for plugins that are trusted not to hang. Unset: no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline: Option<bool>,
    /// The arguments of a program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub arguments: Vec<String>,
    /// The environment of a process that the gateway starts, by name; a value may be `env.NAME`. It has no other
    /// variables but `GATEWRIGHT_*`, which are the gateway's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, Secret>,
    /// What a plugin from a `path` may do beyond its hooks, of what it asks for; `{"http": [HOST, ...]}` says which
    /// hosts its requests may go to. Unset: nothing.
    #[serde(default, skip_serializing_if = "Permissions::is_unset")]
    #[schemars(length(max = 16))]
    pub permissions: Permissions,
    /// The plugin's own configuration. Every text in it that is `env.NAME` is replaced by the variable.
    #[serde(default)]
    pub config: Settings,
    /// An integer: the revision of this entry; another one makes a new instance at the next reload, though nothing else
    /// changed. A text: the semantic version that the plugin should have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<PluginVersion>,
    /// Before or after the plugins that are built in. Unset: after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// Its place within the placement; lower is earlier. Unset: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1_000_000, max = 1_000_000))]
    pub order: Option<i32>,
    /// Its place among those of the same order; lower is earlier. Unset: the plugin's own, 100 if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1_000_000, max = 1_000_000))]
    pub priority: Option<i32>,
    /// What its failures mean. Unset: as the plugin says, else as each hook has it: `fail_open`, but for `auth`,
    /// `on_startup` and the agent hooks. `auth` stays `fail_closed` whatever is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "failure_mode_schema")]
    pub failure_mode: Option<FailureMode>,
    /// The longest time of one hook call. Unset: as the plugin says, else as each hook has it, mostly 5. Start and
    /// stop have 30 and 10 seconds of their own. A component with at most 0.002 is called in place where it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minimum" = 0.001, "maximum" = 60))]
    pub timeout_seconds: Option<Seconds>,
    /// The hooks to use of those that the plugin has, by any of their names. Unset: all. `on_startup`, `on_shutdown`,
    /// `health` and `request_end` are always used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hooks: Option<Vec<HookName>>,
    /// How its `check_output`, `post_llm` and `on_stream_chunk` stand in a stream: one mode for all of them, or one
    /// for each. Unset: as the plugin says, else `buffer` for `check_output` and `chunk` for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_mode: Option<StreamModes>,
    /// Whether its `pre_request`, `check_input` and `pre_llm` are used.
    #[serde(default = "yes")]
    pub apply_to_input: bool,
    /// Whether its `post_llm`, `check_output` and `on_stream_chunk` are used.
    #[serde(default = "yes")]
    pub apply_to_output: bool,
    /// The endpoints that it stands at, by path; `*` stands for any text. Unset: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub routes: Option<Vec<String>>,
    /// The models that it stands at, as `model` or `provider/model`; `*` stands for any text. Unset: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub models: Option<Vec<String>>,
    /// The applications that it stands at. Unset: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub apps: Option<Vec<String>>,
    /// The share of requests that it stands at, drawn once for each request. Unset: 1, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1))]
    pub sample: Option<f64>,
}

/// Where an instance stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline, extend("x-refused" = {
    "builtin": "is the place of the plugins that ship; yours stand before or after them",
    "built_in": "is the place of the plugins that ship; yours stand before or after them",
}))]
pub enum Placement {
    /// Before the plugins that are built in.
    PreBuiltin,
    /// After them.
    #[default]
    PostBuiltin,
}

/// The `version` of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PluginVersion {
    /// The revision of the entry.
    Revision(u32),
    /// The semantic version of the plugin.
    Semantic(String),
}

/// What an entry is an instance of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PluginSource<'a> {
    /// A plugin that is linked in, by its name.
    Linked(&'a str),
    /// An artefact, by path or address.
    Artefact(&'a str),
}

/// The hooks of the input that `apply_to_input` turns off.
const INPUT: HookSet = HookSet::of(&[Hook::PreRequest, Hook::CheckInput, Hook::PreLlm]);
/// The hooks of the output that `apply_to_output` turns off.
const OUTPUT: HookSet = HookSet::of(&[Hook::PostLlm, Hook::CheckOutput, Hook::OnStreamChunk]);
/// The hooks that no config turns off.
const ALWAYS: HookSet = HookSet::of(&[Hook::OnStartup, Hook::OnShutdown, Hook::Health, Hook::RequestEnd]);

// === impl PluginEntry ===

impl PluginEntry {
    /// An entry of nothing but defaults.
    pub fn new(name: &str) -> Self {
        Self {
            enabled: true,
            name: name.to_owned(),
            path: None,
            sha256: None,
            instance: None,
            memory_mb: None,
            isolation: None,
            inline: None,
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            permissions: Permissions::default(),
            config: Settings::default(),
            version: None,
            placement: None,
            order: None,
            priority: None,
            failure_mode: None,
            timeout_seconds: None,
            hooks: None,
            stream_mode: None,
            apply_to_input: true,
            apply_to_output: true,
            routes: None,
            models: None,
            apps: None,
            sample: None,
        }
    }

    /// What it is an instance of.
    pub fn source(&self) -> PluginSource<'_> {
        match self.path.as_deref() {
            None => PluginSource::Linked(&self.name),
            Some(path) => path.strip_prefix("builtin:").map_or(PluginSource::Artefact(path), PluginSource::Linked),
        }
    }

    /// The kind of its artefact; `None` if it is linked in.
    pub fn artefact(&self) -> Option<ArtefactKind> {
        match self.source() {
            PluginSource::Linked(_) => None,
            PluginSource::Artefact(path) => Some(ArtefactKind::of(path)),
        }
    }

    /// Before or after the plugins that are built in.
    pub fn placement(&self) -> Placement {
        self.placement.unwrap_or_default()
    }

    /// The hooks that the config names; `None` if it names none.
    pub fn named_hooks(&self) -> Option<HookSet> {
        self.hooks.as_ref().map(|names| names.iter().map(|name| name.hook()).collect())
    }

    /// Of the hooks that a plugin implements, those that this instance is called at: `hooks`, `apply_to_input` and
    /// `apply_to_output` applied.
    pub fn hooks_of(&self, implemented: HookSet) -> HookSet {
        let mut hooks = self.named_hooks().map_or(implemented, |named| implemented.intersection(named));
        if !self.apply_to_input {
            hooks = hooks.without(INPUT);
        }
        if !self.apply_to_output {
            hooks = hooks.without(OUTPUT);
        }
        hooks.iter().chain(implemented.intersection(ALWAYS).iter()).collect()
    }

    /// The key that leaves it no hook of those that a plugin implements and `hooks` names: it then stands at no request.
    pub(crate) fn turned_off_by(&self, implemented: HookSet) -> Option<&'static str> {
        let named = self.named_hooks().map_or(implemented, |named| implemented.intersection(named)).without(ALWAYS);
        if named.is_empty() || !self.hooks_of(implemented).without(ALWAYS).is_empty() {
            return None;
        }
        Some(match named.intersection(INPUT).is_empty() {
            true => "apply_to_output",
            false => "apply_to_input",
        })
    }

    /// How a hook of it stands in a stream, if the config says so.
    pub fn stream_mode(&self, hook: Hook) -> Option<StreamMode> {
        self.stream_mode.as_ref().and_then(|modes| modes.of(hook))
    }

    /// What must not be shown of it: texts of its config and environment that come from the gateway's environment, stand
    /// under a name that says that they are secrets, or look like one.
    pub fn secrets(&self) -> Secrets {
        let variables = self.environment.iter().filter(|(name, value)| value.is_sensitive_as(name));
        let variables = variables.map(|(_, value)| Arc::from(value.expose()));
        self.config.secrets().iter().cloned().chain(variables).collect()
    }

    /// The longest time of one call, if the config says so.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout_seconds.map(Seconds::duration)
    }
}

// === impl Placement ===

impl Placement {
    /// The word in configs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreBuiltin => "pre_builtin",
            Self::PostBuiltin => "post_builtin",
        }
    }
}

// === impl PluginVersion ===

impl JsonSchema for PluginVersion {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "PluginVersion".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "integer", "minimum": 1, "maximum": 4_294_967_295_u32 },
            { "type": "string", "format": "semantic-version", "pattern": r"^\d+\.\d+\.\d+([-+].+)?$" },
        ]})
    }
}

fn failure_mode_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["fail_open", "fail_closed", "open", "closed"] })
}

#[cfg(test)]
mod tests;
