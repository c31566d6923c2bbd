//! The config as a whole: the shape of `config.json`.

use crate::{Auth, Network, PluginEntry, Price, ProviderConfig, Server};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The configuration of a gateway. Every key may be left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Gatewright configuration")]
pub struct Config {
    /// The JSON Schema of this file, for editors; not read.
    #[serde(rename = "$schema", skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The providers by name. The name is the prefix in `provider/model`: 1 to 64 of `a-z`, `A-Z`, `0-9`, `.`, `_`,
    /// `-`, the first a letter or digit.
    pub providers: BTreeMap<String, ProviderConfig>,
    /// The provider of models that come without a prefix and that no provider lists in its `models`. Unset: the only
    /// provider, or `openai`, or `anthropic`, or the first by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_provider: Option<String>,
    /// Whether providers whose usual environment variables are set (`OPENAI_API_KEY`, ...) are there without being in
    /// this file.
    pub detect_providers: bool,
    /// What to try when an attempt fails: for a `provider/model`, or `*` for any other, a list of `provider/model`, in
    /// order. A request's own `fallbacks` replace it.
    pub fallbacks: BTreeMap<String, Vec<String>>,
    /// The plugins, in the order of their registration.
    #[schemars(length(max = 256))]
    pub plugins: Vec<PluginEntry>,
    /// Prices by model or `provider/model`, before those that ship. Dated names (`gpt-4o-2024-08-06`) fall back to the
    /// undated one.
    pub prices: BTreeMap<String, Price>,
    /// Who may use the gateway.
    pub auth: Auth,
    /// The listener and its limits.
    pub server: Server,
    /// The least important level that is logged.
    pub log_level: LogLevel,
    /// How log lines are written. Read at the start: a change waits for a restart.
    pub log_style: LogStyle,
}

/// How important a line of the log is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[allow(missing_docs)]
pub enum LogLevel {
    Trace,
    Debug,
    #[default]
    Info,
    Warn,
    Error,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[allow(missing_docs)]
pub enum LogStyle {
    #[default]
    Json,
    Pretty,
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self {
            schema: None,
            providers: BTreeMap::new(),
            default_provider: None,
            detect_providers: true,
            fallbacks: BTreeMap::new(),
            plugins: Vec::new(),
            prices: BTreeMap::new(),
            auth: Auth::default(),
            server: Server::default(),
            log_level: LogLevel::default(),
            log_style: LogStyle::default(),
        }
    }
}

impl Config {
    /// The providers that are enabled, by name.
    pub fn active_providers(&self) -> impl Iterator<Item = (&str, &ProviderConfig)> {
        self.providers.iter().filter(|(_, provider)| provider.enabled).map(|(name, provider)| (name.as_str(), provider))
    }

    /// The provider of a model that comes without a prefix: one that lists it in its `models` (the default one first,
    /// then by name), or the default one. `None` if no provider is enabled.
    pub fn provider_of(&self, model: &str) -> Option<&str> {
        let default = self.default_provider();
        let lists = |name: &str| self.providers.get(name).is_some_and(|provider| provider.lists(model));
        default
            .filter(|name| lists(name))
            .or_else(|| self.active_providers().map(|(name, _)| name).find(|name| lists(name)))
            .or(default)
    }

    /// `default_provider`, or what stands for it.
    pub fn default_provider(&self) -> Option<&str> {
        let active: BTreeSet<&str> = self.active_providers().map(|(name, _)| name).collect();
        let candidates = [self.default_provider.as_deref(), Some("openai"), Some("anthropic"), active.first().copied()];
        candidates.into_iter().flatten().find_map(|name| active.get(name).copied())
    }

    /// The fallbacks of an attempt at a provider's model, unless the request brought its own.
    pub fn fallbacks_of(&self, provider: &str, model: &str) -> &[String] {
        let target = format!("{provider}/{model}");
        self.fallbacks.get(&target).or_else(|| self.fallbacks.get("*")).map_or(&[], Vec::as_slice)
    }

    /// The keys that another config sets differently and that only a restart applies: `log_style`, and of `server` the
    /// `host`, the `port` and the `workers`.
    pub fn restart_needed(&self, other: &Self) -> Vec<String> {
        let fields = |server: &Server| match serde_json::to_value(server) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        let (ours, theirs) = (fields(&self.server), fields(&other.server));
        let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        let waits = |key: &&String| matches!(key.as_str(), "host" | "port" | "workers");
        let of_server = keys.into_iter().filter(waits).filter(|key| ours.get(*key) != theirs.get(*key));
        let style = (self.log_style != other.log_style).then(|| "log_style".to_owned());
        style.into_iter().chain(of_server.map(|key| format!("server.{key}"))).collect()
    }

    /// The network settings of a provider; the defaults if there is no such provider.
    pub fn network_of(&self, provider: &str) -> Network {
        self.providers.get(provider).map(|provider| provider.network.clone()).unwrap_or_default()
    }
}

// === impl LogLevel ===

impl LogLevel {
    /// The word in configs, flags and log filters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// The level of this word, without regard to case.
impl std::str::FromStr for LogLevel {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error]
            .into_iter()
            .find(|level| level.as_str().eq_ignore_ascii_case(word))
            .ok_or_else(|| format!("`{word}` is not one of trace, debug, info, warn, error"))
    }
}

// === impl LogStyle ===

impl LogStyle {
    /// The word in configs and flags.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Pretty => "pretty",
        }
    }
}

/// The style of this word, without regard to case.
impl std::str::FromStr for LogStyle {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [Self::Json, Self::Pretty]
            .into_iter()
            .find(|style| style.as_str().eq_ignore_ascii_case(word))
            .ok_or_else(|| format!("`{word}` is not one of json, pretty"))
    }
}

#[cfg(test)]
mod tests;
