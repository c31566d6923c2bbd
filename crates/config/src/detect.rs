//! Providers that the environment brings.

use crate::known::{KNOWN, Known, known, known_at, max_tokens_field_at};
use crate::problem::{Findings, Path};
use crate::url::Address;
use crate::{Config, Environment, ProviderConfig, ProviderKey, ProviderKind, Secret};
use std::fmt;

/// A provider that is there without being in the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub provider: String,
    /// The environment variables that brought it; none for the demo, which is there when nobody else is.
    pub variables: Vec<&'static str>,
}

/// Fills in what providers of known names left out, adds those that the environment brings, and the demo if there is
/// no other.
pub(crate) fn detect(config: &mut Config, environment: &Environment, findings: &mut Findings) -> Vec<Found> {
    for (name, provider) in &mut config.providers {
        complete(name, provider, environment);
    }
    let mut found = Vec::new();
    for known in KNOWN.iter().filter(|_| config.detect_providers) {
        if config.providers.contains_key(known.name) {
            continue;
        }
        if let Some((provider, variables)) = from_environment(known, config, environment, findings) {
            config.providers.insert(known.name.to_owned(), provider);
            found.push(Found { provider: known.name.to_owned(), variables });
        }
    }
    let untouched = findings.is_sound(&Path::default().key("providers")) && !config.providers.contains_key("demo");
    if untouched && config.active_providers().next().is_none() {
        let demo = ProviderConfig { kind: Some(ProviderKind::Demo), ..ProviderConfig::default() };
        config.providers.insert("demo".to_owned(), demo);
        found.push(Found { provider: "demo".to_owned(), variables: Vec::new() });
    }
    found
}

/// What a provider of the file left out, from what is known of its name.
fn complete(name: &str, provider: &mut ProviderConfig, environment: &Environment) {
    let known = known(name);
    let kind = *provider.kind.get_or_insert(known.map_or(ProviderKind::OpenAi, |known| known.kind));
    let own = known.filter(|known| known.kind == kind);
    if provider.base_url.is_none() {
        provider.base_url = match kind {
            ProviderKind::Demo => None,
            // Another name for Anthropic itself has no other address; there are too many compatible with OpenAI's.
            ProviderKind::Anthropic => Some("https://api.anthropic.com".to_owned()),
            ProviderKind::OpenAi => own.map(|known| known.base_url.to_owned()),
        };
        // A key from the environment goes to the address that is known, and never to one that the config names.
        if let Some(key) = own.filter(|_| provider.keys.is_empty()).and_then(|known| key_of(known, environment)) {
            provider.keys.push(key);
        }
    }
    provider.base_url = provider.base_url.take().map(|url| tidy(kind, &url));
    differ(name, provider);
}

/// How a provider differs from others of OpenAI's dialect, where the file does not say so.
fn differ(name: &str, provider: &mut ProviderConfig) {
    if provider.kind() != ProviderKind::OpenAi {
        return;
    }
    let known = known_at(provider.base_url(), name).filter(|known| known.kind == ProviderKind::OpenAi);
    provider.stream_usage.get_or_insert(known.is_none_or(|known| known.stream_usage));
    let field = known.map_or_else(|| max_tokens_field_at(provider.base_url()), |known| known.max_tokens_field);
    provider.max_tokens_field.get_or_insert(field);
}

fn from_environment(
    known: &Known,
    config: &Config,
    environment: &Environment,
    findings: &mut Findings,
) -> Option<(ProviderConfig, Vec<&'static str>)> {
    let mut provider = ProviderConfig {
        kind: Some(known.kind),
        base_url: Some(known.base_url.to_owned()),
        ..ProviderConfig::default()
    };
    let mut variables = Vec::new();
    if let Some(key) = key_of(known, environment) {
        provider.keys.push(key);
        variables.push(known.key);
    }
    if let Some(value) = environment.get(known.address) {
        let text = if known.name == "ollama" { ollama_url(value) } else { value.trim().to_owned() };
        match Address::parse(&text) {
            Err(wrong) => {
                findings.warn(&Path::default(), format!("{} is left aside: it {wrong}", known.address));
            }
            Ok(address) if address.leads_to(&config.server) => {
                let message = format!("{} is left aside: it leads to this gateway itself", known.address);
                findings.warn(&Path::default(), message);
            }
            Ok(_) => {
                provider.base_url = Some(tidy(known.kind, &text));
                variables.push(known.address);
            }
        }
    }
    differ(known.name, &mut provider);
    (!variables.is_empty()).then_some((provider, variables))
}

fn key_of(known: &Known, environment: &Environment) -> Option<ProviderKey> {
    let value = environment.get(known.key)?;
    Some(ProviderKey::new("default", Secret::from_variable(known.key, value)))
}

/// `OLLAMA_HOST` is what its server listens on: the scheme and the port may be missing, and the host may be "all".
fn ollama_url(value: &str) -> String {
    let value = value.trim().trim_end_matches('/');
    let (scheme, host) = value.split_once("://").unwrap_or(("http", value));
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let port = if has_port || scheme != "http" || host.contains('/') { "" } else { ":11434" };
    let host = host.replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]");
    format!("{scheme}://{host}{port}/v1")
}

/// A base URL in one form: no slash at its end, and Anthropic's without the version that its paths bring.
fn tidy(kind: ProviderKind, url: &str) -> String {
    let url = url.trim().trim_end_matches('/');
    let url = if kind == ProviderKind::Anthropic { url.strip_suffix("/v1").unwrap_or(url) } else { url };
    url.to_owned()
}

// === impl Found ===

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.variables.is_empty() {
            true => write!(f, "{}", self.provider),
            false => write!(f, "{} ({})", self.provider, self.variables.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests;
