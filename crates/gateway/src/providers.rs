//! From the config's providers to the ones that answer.

use gatewright_config::{Config, MaxTokensField as ConfigField, Network, ProviderConfig, ProviderKind as ConfigKind};
use gatewright_engine::Provider;
use gatewright_model::{Compat, MaxTokensField};
use gatewright_providers::{
    BuildError, KeySettings, NetworkSettings, ProviderKind, ProviderSettings, RetrySettings, Secret, build,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Providers in use, by name, with the config each was made from: one that does not change keeps its connections.
#[derive(Default)]
pub(crate) struct Providers(BTreeMap<String, (ProviderConfig, Arc<dyn Provider>)>);

// === impl Providers ===

impl Providers {
    /// The providers of a config; those that are as before are taken over.
    pub(crate) fn of(config: &Config, before: &Self) -> Result<Self, BuildError> {
        let mut providers = BTreeMap::new();
        for (name, wanted) in config.active_providers() {
            let kept = before.0.get(name).filter(|(had, _)| had == wanted).map(|(_, provider)| provider.clone());
            let provider = match kept {
                Some(provider) => provider,
                None => build(settings(name, wanted))?,
            };
            providers.insert(name.to_owned(), (wanted.clone(), provider));
        }
        Ok(Self(providers))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<dyn Provider>> {
        self.0.values().map(|(_, provider)| provider)
    }
}

fn settings(name: &str, config: &ProviderConfig) -> ProviderSettings {
    let kind = match config.kind() {
        ConfigKind::OpenAi => ProviderKind::OpenAi,
        ConfigKind::Anthropic => ProviderKind::Anthropic,
        ConfigKind::Demo => ProviderKind::Demo,
    };
    let keys = config.keys.iter().map(|key| KeySettings {
        name: key.name.clone(),
        value: Secret::from(key.value.expose()),
        weight: key.weight,
        models: key.models.clone().unwrap_or_default(),
        enabled: key.enabled,
    });
    ProviderSettings {
        base_url: Some(config.base_url().to_owned()).filter(|url| !url.is_empty()),
        keys: keys.collect(),
        models: config.models.clone(),
        withheld: config.network.secrets().map(|secret| Secret::from(secret.expose())).collect(),
        compat: Compat {
            stream_usage: config.stream_usage(),
            max_tokens_field: match config.max_tokens_field() {
                ConfigField::MaxTokens => MaxTokensField::MaxTokens,
                ConfigField::MaxCompletionTokens => MaxTokensField::MaxCompletionTokens,
            },
        },
        network: network(&config.network),
        retry: retry(&config.network),
        ..ProviderSettings::new(name, kind)
    }
}

fn network(network: &Network) -> NetworkSettings {
    let request = network.request_timeout_seconds.duration();
    NetworkSettings {
        connect_timeout: network.connect_timeout_ms.duration(),
        first_byte_timeout: network.first_byte_timeout_ms.map_or(request, |first| first.duration().min(request)),
        try_timeout: Some(request),
        max_connections: network.max_conns_per_host as usize,
        idle_timeout: network.stream_idle_timeout_seconds.duration(),
        enforce_http2: network.enforce_http2,
        ca_cert_pem: network.ca_cert_pem.clone(),
        insecure_skip_verify: network.insecure_skip_verify,
        extra_headers: network
            .extra_headers
            .iter()
            .map(|(name, value)| (name.clone(), Secret::from(value.expose())))
            .collect(),
        ..NetworkSettings::default()
    }
}

fn retry(network: &Network) -> RetrySettings {
    RetrySettings {
        max_retries: network.max_retries,
        backoff_initial: network.retry_backoff_initial_ms.duration(),
        backoff_max: network.retry_backoff_max_ms.duration(),
    }
}

#[cfg(test)]
mod tests;
