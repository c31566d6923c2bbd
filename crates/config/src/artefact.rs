//! Plugins that are files or addresses: of which kind, how they run, and what they may do.

use gatewright_plugin::Permission;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

/// What a `path` points at, by its look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArtefactKind {
    /// A WASM component: `.wasm`.
    Wasm,
    /// A native library: `.so`, `.dylib`, `.dll`.
    Native,
    /// A process somewhere else: `grpc://HOST:PORT` or `grpc+unix:///PATH`.
    Remote,
    /// A program to run: anything else.
    Program,
}

/// How the calls of a WASM plugin share instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline, extend("x-refused" = {
    "fresh": "is not the word; `per_call` is",
}))]
pub enum InstanceMode {
    /// Calls take any instance that is idle: what a plugin keeps in globals means nothing.
    Pooled,
    /// All calls share one instance, one after the other.
    Single,
    /// All calls of a request share one instance.
    PerRequest,
    /// Each call has an instance of its own.
    PerCall,
}

/// Where a native library runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Isolation {
    /// In a process of its own.
    Process,
}

/// What an operator grants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Permissions(Vec<Grant>);

/// One entry of `permissions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Grant {
    /// A permission by its word.
    Plain(Permission),
    /// `http`, to these hosts.
    Http {
        /// The hosts.
        http: Vec<String>,
    },
}

/// The permissions that an entry may grant.
const GRANTED: [Permission; 5] =
    [Permission::Metrics, Permission::Records, Permission::Kv, Permission::Http, Permission::Llm];

/// The most memory of an instance of a component, in MiB, if the config says nothing.
pub const DEFAULT_MEMORY_MB: u32 = 64;

/// The most that it may say.
pub(crate) const MOST_MEMORY_MB: u32 = 1024;

/// The most memory of a process, in MiB, if the config says nothing.
pub const DEFAULT_PROCESS_MEMORY_MB: u32 = 4096;

// === impl ArtefactKind ===

impl ArtefactKind {
    /// Of a path or address.
    pub fn of(path: &str) -> Self {
        if path.contains("://") {
            return Self::Remote;
        }
        match Path::new(path).extension().and_then(|ending| ending.to_str()) {
            Some("wasm") => Self::Wasm,
            Some("so" | "dylib" | "dll") => Self::Native,
            _ => Self::Program,
        }
    }

    /// What it is, for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wasm => "a WASM component",
            Self::Native => "a native library",
            Self::Remote => "a process at an address",
            Self::Program => "a program",
        }
    }

    /// Whether it is a file.
    pub fn is_file(self) -> bool {
        self != Self::Remote
    }
}

// === impl Permissions ===

impl Permissions {
    /// Whether nothing is granted.
    pub fn is_unset(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries, in their order.
    pub fn grants(&self) -> &[Grant] {
        &self.0
    }

    /// What is granted.
    pub fn set(&self) -> BTreeSet<Permission> {
        self.0.iter().map(Grant::permission).collect()
    }

    /// The hosts that requests may go to.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(Grant::hosts).map(String::as_str)
    }
}

impl FromIterator<Grant> for Permissions {
    fn from_iter<I: IntoIterator<Item = Grant>>(grants: I) -> Self {
        Self(grants.into_iter().collect())
    }
}

impl JsonSchema for Permissions {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Permissions".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words = GRANTED.map(Permission::as_str);
        json_schema!({ "type": "array", "items": { "anyOf": [
            {
                "type": "string",
                "enum": words,
                "x-refused": { "services": "cannot be granted to a plugin from a path" },
            },
            {
                "type": "object",
                "properties": { "http": {
                    "type": "array",
                    "items": { "type": "string", "minLength": 1, "maxLength": 300 },
                    "minItems": 1,
                    "maxItems": 256,
                }},
                "required": ["http"],
                "additionalProperties": false,
            },
        ]}})
    }
}

// === impl Grant ===

impl Grant {
    /// What it grants.
    pub fn permission(&self) -> Permission {
        match self {
            Self::Plain(permission) => *permission,
            Self::Http { .. } => Permission::Http,
        }
    }

    /// The hosts that it names.
    pub fn hosts(&self) -> &[String] {
        match self {
            Self::Plain(_) => &[],
            Self::Http { http } => http,
        }
    }
}

#[cfg(test)]
mod tests;
