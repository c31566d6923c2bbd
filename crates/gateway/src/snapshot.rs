//! From a config to what serves.

use crate::providers::Providers;
use gatewright_config::{Config, Prices};
use gatewright_engine::{AttemptWatch, Engine, Pricing, Routing};
use gatewright_model::{ErrorKind, Usage};
use gatewright_plugin::Identity;
use gatewright_plugin::payload::Secret;
use gatewright_server::{ClientKey, ClientKeys, Limits};
use gatewright_telemetry::{Metrics, ProviderMetrics};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The prices of a config.
struct ConfigPrices(Prices);

/// Counts attempts, by provider.
struct CountedAttempts(BTreeMap<String, ProviderMetrics>);

/// The engine of a config.
pub(crate) fn engine(config: &Config, providers: &Providers, metrics: Option<&Metrics>) -> Engine {
    let default = config.default_provider().map(str::to_owned);
    let routing = Routing::new(providers.iter().cloned(), default, config.fallbacks.clone());
    let counted = |metrics: &Metrics| {
        let by_name = config.active_providers().map(|(name, _)| (name.to_owned(), metrics.provider(name)));
        Arc::new(CountedAttempts(by_name.collect())) as Arc<dyn AttemptWatch>
    };
    Engine {
        stream_buffer_bytes: usize::try_from(config.server.stream_buffer_bytes).unwrap_or(usize::MAX),
        watch: metrics.map(counted),
        ..Engine::new(routing)
    }
}

pub(crate) fn pricing(config: &Config) -> Arc<dyn Pricing> {
    Arc::new(ConfigPrices(Prices::new(&config.prices)))
}

/// The keys of a config; `None` if it says nothing of who may ask.
pub(crate) fn keys(config: &Config) -> Option<ClientKeys> {
    if config.auth.keys.is_empty() && !config.auth.allow_anonymous {
        return None;
    }
    let keys = config.auth.active_keys().map(|key| ClientKey {
        secret: Secret::new(key.value.expose()),
        identity: Identity {
            app_id: key.app().to_owned(),
            user_id: key.user.clone().unwrap_or_default(),
            api_key_id: key.name.clone(),
            claims: serde_json::Map::new(),
        },
    });
    Some(ClientKeys::new(keys.collect()).or_anonymous(config.auth.allow_anonymous))
}

pub(crate) fn limits(config: &Config) -> Limits {
    let server = &config.server;
    Limits {
        body_bytes: usize::try_from(server.max_body_bytes).unwrap_or(usize::MAX),
        inflight_body_bytes: usize::try_from(server.max_inflight_body_bytes).unwrap_or(usize::MAX),
        concurrent_requests: server.max_concurrent_requests as usize,
        request_timeout: server.request_timeout_seconds.duration(),
        header_timeout: server.header_timeout_ms.duration(),
        header_bytes: server.max_header_bytes as usize,
        ..Limits::default()
    }
}

// === impl ConfigPrices ===

impl Pricing for ConfigPrices {
    fn cost(&self, provider: &str, model: &str, usage: &Usage) -> Option<f64> {
        self.0.lookup(provider, model).map(|price| price.cost(usage))
    }
}

// === impl CountedAttempts ===

impl AttemptWatch for CountedAttempts {
    fn attempted(&self, provider: &str, error: Option<ErrorKind>, retries: u32) {
        if let Some(counters) = self.0.get(provider) {
            counters.attempted(error);
            counters.retried(retries);
        }
    }

    fn fell_back(&self, provider: &str) {
        if let Some(counters) = self.0.get(provider) {
            counters.fell_back();
        }
    }
}

#[cfg(test)]
mod tests;
