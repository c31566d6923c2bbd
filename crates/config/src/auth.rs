//! Who may use the gateway.

use crate::Secret;
use crate::provider::yes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who may use the gateway.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// The keys of clients. Once there is one, a request needs a key, as `authorization: Bearer`, `x-api-key`,
    /// `x-goog-api-key` or `api-key`.
    #[schemars(length(max = 10_000))]
    pub keys: Vec<ClientKey>,
    /// Whether requests without a key are let in although there are keys, and whether the gateway may listen beyond
    /// loopback although there are none.
    pub allow_anonymous: bool,
}

/// A key of a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientKey {
    /// Its name in logs and for plugins (`api_key_id`); once in the config.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// The key: `env.NAME`.
    pub value: Secret,
    /// The application that it identifies. Unset: the key's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub app: Option<String>,
    /// The user that it identifies. Unset: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub user: Option<String>,
    /// Whether it is accepted.
    #[serde(default = "yes")]
    pub enabled: bool,
}

// === impl Auth ===

impl Auth {
    /// The keys that are accepted.
    pub fn active_keys(&self) -> impl Iterator<Item = &ClientKey> {
        self.keys.iter().filter(|key| key.enabled)
    }

    /// Whether a request without a credential is refused, unless a plugin identifies it. Keys that are all disabled
    /// still mean that a key is needed.
    pub fn requires_key(&self) -> bool {
        !self.keys.is_empty() && !self.allow_anonymous
    }
}

// === impl ClientKey ===

impl ClientKey {
    /// The application that it identifies.
    pub fn app(&self) -> &str {
        self.app.as_deref().unwrap_or(&self.name)
    }
}
