//! What a plugin says of itself before it runs.

use crate::{FailureMode, Hook};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What a plugin says of itself. Configs may override what is marked so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Manifest {
    /// The kind of plugin; instances have names of their own.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// One sentence for people.
    #[serde(default)]
    pub description: String,
    /// Lower runs first, within placement and order; default 100. Overridable.
    #[serde(default = "default_priority")]
    pub priority: i32,
    /// What a failure means; `None` leaves it to each hook. Overridable.
    #[serde(default)]
    pub failure_mode: Option<FailureMode>,
    /// Longest time of one call; `None` leaves it to each hook. Overridable.
    #[serde(default)]
    pub timeout: Option<Duration>,
    /// What it may do beyond its hooks, once an operator grants it.
    #[serde(default)]
    pub permissions: BTreeSet<Permission>,
    /// Request headers it needs to see, lower case; `*` for all but credentials.
    #[serde(default)]
    pub headers: BTreeSet<String>,
    /// How much of the messages it needs.
    #[serde(default)]
    pub messages: Access,
    /// How its hooks stand in a stream, where not the default. Overridable.
    #[serde(default)]
    pub stream_modes: BTreeMap<Hook, StreamMode>,
    /// Whether it keeps state in globals, so that there must be one instance of it.
    #[serde(default)]
    pub stateful: bool,
    /// The names of members that were read and mean nothing to this version: later ones, or mistakes.
    #[serde(skip)]
    pub unknown: BTreeSet<String>,
}

/// How much of a payload a plugin needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Nothing.
    None,
    /// To read.
    Ro,
    /// To read and write.
    #[default]
    Rw,
}

/// What a plugin may do beyond its hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Permission {
    /// Metrics of its own.
    Metrics,
    /// Rows for logs.
    Records,
    /// Keys and values.
    Kv,
    /// Requests to allowed hosts.
    Http,
    /// Requests to LLMs through the gateway.
    Llm,
    /// The management API.
    Services,
}

/// How a hook stands in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamMode {
    /// All is held, checked, then released. Default of `check_output`.
    Buffer,
    /// The last N characters of each channel are held back.
    Window(u32),
    /// Each chunk goes through as it comes. Default of `on_stream_chunk` and `post_llm`.
    Chunk,
    /// Sees all, changes nothing. For `check_output`: audits only.
    Observe,
}

fn default_priority() -> i32 {
    Manifest::PRIORITY
}

// === impl Manifest ===

impl Manifest {
    /// The names of its members.
    pub const MEMBERS: [&str; 11] = [
        "name",
        "version",
        "description",
        "priority",
        "failure_mode",
        "timeout",
        "permissions",
        "headers",
        "messages",
        "stream_modes",
        "stateful",
    ];

    /// The priority of a plugin that names none.
    pub const PRIORITY: i32 = 100;

    /// A manifest with the defaults.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            description: String::new(),
            priority: Self::PRIORITY,
            failure_mode: None,
            timeout: None,
            permissions: BTreeSet::new(),
            headers: BTreeSet::new(),
            messages: Access::default(),
            stream_modes: BTreeMap::new(),
            stateful: false,
            unknown: BTreeSet::new(),
        }
    }

    /// Sets the name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the semantic version.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets the sentence for people.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Sets the priority.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Sets what a failure means, for all hooks.
    pub fn failure_mode(mut self, mode: FailureMode) -> Self {
        self.failure_mode = Some(mode);
        self
    }

    /// Sets the longest time of one call, for all hooks but those of its life.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Asks for a permission.
    pub fn permission(mut self, permission: Permission) -> Self {
        self.permissions.insert(permission);
        self
    }

    /// Asks to see a request header.
    pub fn header(mut self, name: &str) -> Self {
        self.headers.insert(name.to_ascii_lowercase());
        self
    }

    /// Says how much of the messages it needs.
    pub fn messages(mut self, access: Access) -> Self {
        self.messages = access;
        self
    }

    /// Says how a hook stands in a stream: `(Hook::CheckOutput, StreamMode::Window(64))`.
    pub fn stream_mode(mut self, (hook, mode): (Hook, StreamMode)) -> Self {
        self.stream_modes.insert(hook, mode);
        self
    }

    /// Says that it keeps state in globals.
    pub fn stateful(mut self, stateful: bool) -> Self {
        self.stateful = stateful;
        self
    }
}

impl Serialize for Manifest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The derived function of this name.
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Manifest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written {
            #[serde(flatten, with = "Manifest")]
            manifest: Manifest,
            #[serde(flatten)]
            others: BTreeMap<String, IgnoredAny>,
        }
        let Written { manifest, others } = <Written as Deserialize>::deserialize(deserializer)?;
        Ok(Self { unknown: others.into_keys().collect(), ..manifest })
    }
}

// === impl Permission ===

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 6] = [Self::Metrics, Self::Records, Self::Kv, Self::Http, Self::Llm, Self::Services];

    /// The word in manifests, configs and refusals.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Records => "records",
            Self::Kv => "kv",
            Self::Http => "http",
            Self::Llm => "llm",
            Self::Services => "services",
        }
    }

    /// What an entry of a config grants it with, as an item of `permissions`.
    pub fn grant(self) -> String {
        match self {
            Self::Http => r#"{"http": ["HOST"]}"#.to_owned(),
            permission => format!("\"{}\"", permission.as_str()),
        }
    }
}

// === impl StreamMode ===

impl StreamMode {
    /// What a hook does in a stream if nobody says otherwise.
    pub fn default_of(hook: Hook) -> Self {
        match hook {
            Hook::CheckOutput => Self::Buffer,
            _ => Self::Chunk,
        }
    }

    /// The mode of this word: `buffer`, `window:N`, `chunk`, `observe`.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "buffer" => Some(Self::Buffer),
            "chunk" => Some(Self::Chunk),
            "observe" => Some(Self::Observe),
            _ => {
                // As the config's schema has it: digits alone, the first of them not 0.
                let size = word
                    .strip_prefix("window:")
                    .filter(|size| size.starts_with(|digit| ('1'..='9').contains(&digit)))?;
                size.parse().ok().map(Self::Window)
            }
        }
    }
}

#[cfg(test)]
mod tests;
