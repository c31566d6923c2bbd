//! Providers: who answers, with which keys, over which network.

use crate::{Millis, Seconds, Secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderConfig {
    /// Whether it is there. A disabled one is not looked for in the environment either.
    pub enabled: bool,
    /// The dialect that it speaks. Unset: that of the known provider of this name (`anthropic` and `demo`: of their
    /// own; all others: `openai`).
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<ProviderKind>,
    /// Where it is, as its SDK has it: for `openai` with the version (`https://api.openai.com/v1`), for `anthropic`
    /// without (`https://api.anthropic.com`). Unset: that of the known provider of this name; for any other name it
    /// must be set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-env" = true))]
    pub base_url: Option<String>,
    /// The credentials. None: that of the usual environment variable, for a known provider at its own address; for any
    /// other, requests go out without one.
    #[schemars(length(max = 256))]
    pub keys: Vec<ProviderKey>,
    /// The models that `GET /v1/models` lists and whose names come here without a prefix. Others can be asked for all
    /// the same, as `provider/model`.
    pub models: Vec<String>,
    /// For `openai`: whether it may be asked for usage in a stream (`stream_options`) where the client did not ask.
    /// Unset: as the known provider at its address or of its name has it (not `mistral`), else yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_usage: Option<bool>,
    /// For `openai`: the member that limits the tokens of an answer where the client wrote neither of the two, as those
    /// of Anthropic's dialect. Unset: `max_completion_tokens` for `openai` and at its address, else `max_tokens`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens_field: Option<MaxTokensField>,
    /// How it is reached.
    #[schemars(extend("x-aliases" = ["network_config"]))]
    pub network: Network,
}

/// The dialects that providers speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum ProviderKind {
    /// OpenAI's, and all that are compatible with it.
    OpenAi,
    /// Anthropic's.
    Anthropic,
    /// The built-in provider that answers without a network.
    Demo,
}

/// The members of OpenAI's dialect that limit the tokens of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum MaxTokensField {
    /// The older one, which most compatible providers know.
    MaxTokens,
    /// The newer one, which OpenAI's reasoning models want.
    MaxCompletionTokens,
}

/// A credential of a provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderKey {
    /// Its name in the log, as where the provider refuses it; once in a provider.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// The credential: `env.NAME`.
    pub value: Secret,
    /// Its share of the requests, relative to the other keys that have the model.
    #[serde(default = "one")]
    #[schemars(extend("exclusiveMinimum" = 0, "maximum" = 1000000))]
    pub weight: f64,
    /// The models that it may be used for, as patterns. Unset: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub models: Option<Vec<String>>,
    /// Whether it is used.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// How a provider is reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// The longest time of one try: until a whole answer is there, or the first event of a stream.
    #[schemars(extend("x-aliases" = ["default_request_timeout_in_seconds"], "minimum" = 0.001, "maximum" = 3600))]
    pub request_timeout_seconds: Seconds,
    /// The longest time to connect, TLS included.
    #[schemars(range(min = 1, max = 60_000))]
    pub connect_timeout_ms: Millis,
    /// The longest time from the request to the head of the response. Unset: `request_timeout_seconds` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3_600_000))]
    pub first_byte_timeout_ms: Option<Millis>,
    /// The longest silence in a stream that has begun.
    #[schemars(extend("x-aliases" = ["stream_idle_timeout_in_seconds"], "minimum" = 0.001, "maximum" = 3600))]
    pub stream_idle_timeout_seconds: Seconds,
    /// Tries after the first one, within one attempt.
    #[schemars(range(max = 10))]
    pub max_retries: u32,
    /// The pause before the first retry; it doubles with each, with a jitter of 20 %.
    #[schemars(range(max = 300_000), extend("x-aliases" = ["retry_backoff_initial"]))]
    pub retry_backoff_initial_ms: Millis,
    /// The longest pause before a retry; not below `retry_backoff_initial_ms`.
    #[schemars(range(max = 300_000), extend("x-aliases" = ["retry_backoff_max"]))]
    pub retry_backoff_max_ms: Millis,
    /// Headers to send along with each request, by name; a value may be `env.NAME`. Those of the connection
    /// (`host`, `content-length`, ...) are refused.
    pub extra_headers: BTreeMap<String, Secret>,
    /// Connections to one host at the same time.
    #[schemars(range(min = 1, max = 65_535))]
    pub max_conns_per_host: u32,
    /// Whether to speak HTTP/2 only; without TLS with prior knowledge.
    pub enforce_http2: bool,
    /// Certificates to trust besides the usual ones, as PEM: a file's content, most easily by `env.NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-env" = true))]
    pub ca_cert_pem: Option<String>,
    /// Whether to trust any certificate. For tests only: it lets anybody on the way read the keys.
    pub insecure_skip_verify: bool,
}

fn one() -> f64 {
    1.0
}

pub(crate) fn yes() -> bool {
    true
}

// === impl ProviderConfig ===

impl Default for ProviderConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            kind: None,
            base_url: None,
            keys: Vec::new(),
            models: Vec::new(),
            stream_usage: None,
            max_tokens_field: None,
            network: Network::default(),
        }
    }
}

impl ProviderConfig {
    /// The dialect that it speaks; set in every config that was loaded.
    pub fn kind(&self) -> ProviderKind {
        self.kind.unwrap_or(ProviderKind::OpenAi)
    }

    /// Where it is, without a slash at the end; set in every config that was loaded, but for the demo.
    pub fn base_url(&self) -> &str {
        self.base_url.as_deref().unwrap_or_default()
    }

    /// Whether it may be asked for usage in streams; set in every config that was loaded, for OpenAI's dialect.
    pub fn stream_usage(&self) -> bool {
        self.stream_usage.unwrap_or(true)
    }

    /// The limit of tokens that it knows; set in every config that was loaded, for OpenAI's dialect.
    pub fn max_tokens_field(&self) -> MaxTokensField {
        self.max_tokens_field.unwrap_or(MaxTokensField::MaxTokens)
    }

    /// The keys that are enabled and may be used for the model.
    pub fn keys_for<'a>(&'a self, model: &'a str) -> impl Iterator<Item = &'a ProviderKey> {
        self.keys.iter().filter(move |key| key.enabled && key.allows(model))
    }

    /// Whether the model is in its `models`.
    pub fn lists(&self, model: &str) -> bool {
        self.models.iter().any(|listed| listed == model)
    }
}

// === impl ProviderKey ===

impl ProviderKey {
    /// A key for all models.
    pub fn new(name: &str, value: Secret) -> Self {
        Self { name: name.to_owned(), value, weight: one(), models: None, enabled: true }
    }

    /// Whether it may be used for the model.
    pub fn allows(&self, model: &str) -> bool {
        self.models
            .as_ref()
            .is_none_or(|models| models.iter().any(|pattern| gatewright_model::glob::matches(pattern, model)))
    }
}

// === impl Network ===

impl Network {
    /// The values of `extra_headers` that must not be shown: they come from the environment, stand under a name that says
    /// that they are secrets, or look like one.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.extra_headers.iter().filter(|(name, value)| value.is_sensitive_as(name)).map(|(_, value)| value)
    }
}

impl Default for Network {
    fn default() -> Self {
        Self {
            request_timeout_seconds: Seconds::new(300),
            connect_timeout_ms: Millis::new(5_000),
            first_byte_timeout_ms: None,
            stream_idle_timeout_seconds: Seconds::new(60),
            max_retries: 2,
            retry_backoff_initial_ms: Millis::new(500),
            retry_backoff_max_ms: Millis::new(5_000),
            extra_headers: BTreeMap::new(),
            max_conns_per_host: 5_000,
            enforce_http2: false,
            ca_cert_pem: None,
            insecure_skip_verify: false,
        }
    }
}

// === impl ProviderKind ===

impl ProviderKind {
    /// The word in configs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Demo => "demo",
        }
    }
}
