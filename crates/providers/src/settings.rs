//! What a provider is made from: plain data, checked by [`build`](crate::build).

use crate::Secret;
use gatewright_dialects::Thoughts;
use gatewright_model::Compat;
use std::time::Duration;

/// One provider.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// Its name, which is the prefix in `provider/model`: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// Whose dialect and paths it has.
    pub kind: ProviderKind,
    /// Where it is, `http://` or `https://`; `None` takes the kind's own address.
    ///
    /// OpenAI: with the version (`https://api.openai.com/v1`); an address without a path gets `/v1`, and one that ends
    /// in `/chat/completions` is taken as it is. Anthropic: with or without `/v1`, or the whole that ends in `/v1/messages`. A query is kept. Credentials in the
    /// address are refused.
    pub base_url: Option<String>,
    /// Its keys. None: requests are sent without one, as local servers want it.
    pub keys: Vec<KeySettings>,
    /// Models to list in `GET /v1/models`, beside those that keys name without a pattern.
    pub models: Vec<String>,
    /// What no error of it tells, beside its keys: texts of `extra_headers` that it may quote.
    pub withheld: Vec<Secret>,
    /// How it differs from others that speak its dialect. Default: as OpenAI itself is.
    pub compat: Compat,
    /// What it takes back of what its model thought in earlier turns, if it speaks OpenAI's dialect and the client another.
    /// `None`: as the provider at its address does, or else the one of its name, if that is known; else nothing.
    pub thoughts: Option<Thoughts>,
    /// Connections, timeouts and limits.
    pub network: NetworkSettings,
    /// When and how often to try again.
    pub retry: RetrySettings,
}

/// Whose dialect and paths a provider has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProviderKind {
    /// OpenAI, and all who have its chat completions.
    OpenAi,
    /// Anthropic's messages.
    Anthropic,
    /// The built-in demo: no network, no keys.
    Demo,
}

/// One key of a provider.
#[derive(Clone, Debug)]
pub struct KeySettings {
    /// Its name in logs, metrics and hooks.
    pub name: String,
    /// The key.
    pub value: Secret,
    /// Its share of the requests beside the others' weights; 0 keeps it for when the others are used up.
    pub weight: f64,
    /// Models it is for: names, or patterns with `*`. None: all.
    pub models: Vec<String>,
    /// Whether it is used at all.
    pub enabled: bool,
}

/// Connections, timeouts and limits. Durations are over 0 and at most a day, counts at least 1.
#[derive(Clone, Debug)]
pub struct NetworkSettings {
    /// Longest for name, TCP and TLS together. Default 10 s.
    pub connect_timeout: Duration,
    /// Longest from the start of a try to the head of its answer, or to the first event of a stream. Default 120 s.
    pub first_byte_timeout: Duration,
    /// Longest for one try: until a whole answer is there, or the first event of a stream. Unset: no limit beyond the
    /// other ones; of a whole answer that has begun, the request's deadline alone.
    pub try_timeout: Option<Duration>,
    /// Longest between two pieces of a stream. Default 60 s.
    pub idle_timeout: Duration,
    /// Largest answer that is not a stream. Default 64 MiB.
    pub max_response_bytes: usize,
    /// How long a connection without requests is kept; it may live half as long again. Default 30 s.
    pub pool_idle_timeout: Duration,
    /// Most connections at the same time, over all worker threads, free ones included. A try that needs one more fails
    /// with [`Overloaded`](gatewright_model::ErrorKind::Overloaded). Default 5000.
    pub max_connections: usize,
    /// Most HTTP/2 connections a worker thread; each carries up to 100 requests, and more only when all are full.
    /// Default 8.
    pub max_http2_connections: usize,
    /// HTTP/2 only: with prior knowledge for `http://`, as the only protocol on offer for `https://`.
    pub enforce_http2: bool,
    /// Certificates of further authorities, in PEM, beside the public ones.
    pub ca_cert_pem: Option<String>,
    /// Do not check certificates at all.
    pub insecure_skip_verify: bool,
    /// Headers to send with each request. They win over the client's, not over key and body.
    pub extra_headers: Vec<(String, Secret)>,
}

/// When and how often to try again. Durations are at most a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetrySettings {
    /// Tries after the first. Default 0.
    pub max_retries: u32,
    /// The wait before the first retry; doubled with each further one. Default 500 ms.
    pub backoff_initial: Duration,
    /// The longest wait before jitter, and the longest `retry-after` that is obeyed. Default 5 s.
    pub backoff_max: Duration,
}

// === impl ProviderSettings ===

impl ProviderSettings {
    /// A provider of this name and kind at its own address, without keys.
    pub fn new(name: impl Into<String>, kind: ProviderKind) -> Self {
        Self {
            name: name.into(),
            kind,
            base_url: None,
            keys: Vec::new(),
            models: Vec::new(),
            withheld: Vec::new(),
            compat: Compat::default(),
            thoughts: None,
            network: NetworkSettings::default(),
            retry: RetrySettings::default(),
        }
    }
}

// === impl ProviderKind ===

impl ProviderKind {
    /// The word in the config.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Demo => "demo",
        }
    }
}

// === impl KeySettings ===

impl KeySettings {
    /// An enabled key of weight 1 for all models.
    pub fn new(name: impl Into<String>, value: impl Into<Secret>) -> Self {
        Self { name: name.into(), value: value.into(), weight: 1.0, models: Vec::new(), enabled: true }
    }
}

// === impl NetworkSettings ===

impl Default for NetworkSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: Duration::from_secs(120),
            try_timeout: None,
            idle_timeout: Duration::from_secs(60),
            max_response_bytes: 64 << 20,
            pool_idle_timeout: Duration::from_secs(30),
            max_connections: 5000,
            max_http2_connections: 8,
            enforce_http2: false,
            ca_cert_pem: None,
            insecure_skip_verify: false,
            extra_headers: Vec::new(),
        }
    }
}

// === impl RetrySettings ===

impl Default for RetrySettings {
    fn default() -> Self {
        Self { max_retries: 0, backoff_initial: Duration::from_millis(500), backoff_max: Duration::from_secs(5) }
    }
}
