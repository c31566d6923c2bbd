//! Makes providers from settings, and refuses settings that cannot work.

use crate::anthropic::ANTHROPIC;
use crate::demo::Demo;
use crate::http::{BaseUrl, HttpClient};
use crate::keys::{Key, KeyRing};
use crate::openai::OPENAI;
use crate::remote::{Flavour, Remote, Withheld};
use crate::thoughts;
use crate::{KeySettings, NetworkSettings, ProviderKind, ProviderSettings, RetrySettings, TlsError, UrlError};
use gatewright_engine::Provider;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);
const USER_AGENT: &str = concat!("gatewright/", env!("CARGO_PKG_VERSION"));

/// Settings that make no provider. Says which of them and why; never holds a key.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("provider `{provider}`: {fault}")]
pub struct BuildError {
    provider: String,
    fault: BuildFault,
}

/// What is wrong with a provider's settings.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildFault {
    /// The name is empty, or has a character that `provider/model` cannot hold.
    #[error("its name must be of letters, digits, `-`, `_` and `.`")]
    Name,
    /// The address.
    #[error("`base_url` {0}")]
    Url(#[from] UrlError),
    /// The certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A key is empty or has characters that no header can carry.
    #[error("key `{0}` is empty, or has a line break or another character that no header can carry")]
    Key(String),
    /// A key's weight is negative or no number.
    #[error("the weight of key `{0}` must be a number of at least 0")]
    Weight(String),
    /// There are keys, and all are disabled.
    #[error("all its keys are disabled")]
    NoKey,
    /// A header's name or value is not legal.
    #[error("the header `{0}` of `extra_headers` is not legal in HTTP, or is the connection's own")]
    Header(String),
    /// A duration or limit is out of range.
    #[error("`{0}` must be more than zero, and a duration at most a day")]
    Range(&'static str),
}

/// Makes a provider. It opens no connection yet, so that one that cannot be reached does not keep the gateway from
/// starting.
pub fn build(settings: ProviderSettings) -> Result<Arc<dyn Provider>, BuildError> {
    let name = settings.name.clone();
    let built = match settings.kind {
        ProviderKind::OpenAi => remote(&OPENAI, settings),
        ProviderKind::Anthropic => remote(&ANTHROPIC, settings),
        ProviderKind::Demo => check_name(&settings.name).map(|()| Arc::new(Demo::new(settings.name)) as _),
    };
    built.map_err(|fault| BuildError { provider: name, fault })
}

fn remote(flavour: &Flavour, settings: ProviderSettings) -> Result<Arc<dyn Provider>, BuildFault> {
    check_name(&settings.name)?;
    check_limits(&settings.network, &settings.retry)?;
    let base = BaseUrl::parse(settings.base_url.as_deref().unwrap_or(flavour.base_url))?;
    let chat = base.endpoint((flavour.chat_path)(base.path()))?;
    let own = own_headers(&settings.network)?;
    let thoughts = settings.thoughts.unwrap_or_else(|| thoughts::known(base.host(), &settings.name));
    let defaults =
        flavour.defaults.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    Ok(Arc::new(Remote {
        codec: (flavour.codec)(thoughts),
        client: HttpClient::new(&base, &settings.network)?,
        chat,
        keys: keys(flavour, &settings.keys, &own)?,
        withheld: Withheld::new(settings.keys.iter().map(|key| &key.value).chain(&settings.withheld)),
        compat: settings.compat,
        defaults: defaults.collect(),
        models: listed(&settings),
        network: settings.network,
        retry: settings.retry,
        name: settings.name.into(),
    }))
}

fn check_name(name: &str) -> Result<(), BuildFault> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || !name.chars().all(legal) { Err(BuildFault::Name) } else { Ok(()) }
}

fn check_limits(network: &NetworkSettings, retry: &RetrySettings) -> Result<(), BuildFault> {
    let durations = [
        ("connect_timeout", network.connect_timeout),
        ("first_byte_timeout", network.first_byte_timeout),
        ("try_timeout", network.try_timeout.unwrap_or(DAY)),
        ("idle_timeout", network.idle_timeout),
        ("pool_idle_timeout", network.pool_idle_timeout),
    ];
    let counts = [
        ("max_response_bytes", network.max_response_bytes),
        ("max_connections", network.max_connections),
        ("max_http2_connections", network.max_http2_connections),
    ];
    let backoffs = [("backoff_initial", retry.backoff_initial), ("backoff_max", retry.backoff_max)];
    let wrong = durations.iter().find(|(_, duration)| duration.is_zero() || *duration > DAY);
    let wrong = wrong.or_else(|| backoffs.iter().find(|(_, duration)| *duration > DAY)).map(|(name, _)| *name);
    let wrong = wrong.or_else(|| counts.iter().find(|(_, count)| *count == 0).map(|(name, _)| *name));
    wrong.map_or(Ok(()), |name| Err(BuildFault::Range(name)))
}

/// The headers of every request, but for the key.
fn own_headers(network: &NetworkSettings) -> Result<HeaderMap, BuildFault> {
    let mut headers = HeaderMap::new();
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    for (name, value) in &network.extra_headers {
        let illegal = || BuildFault::Header(name.clone());
        let parsed: HeaderName = name.parse().map_err(|_| illegal())?;
        if crate::remote::is_the_connections(&parsed) {
            return Err(illegal());
        }
        let mut value = HeaderValue::from_str(value.expose()).map_err(|_| illegal())?;
        value.set_sensitive(true);
        headers.insert(parsed, value);
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Without it any coding would be welcome, and none is understood.
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    Ok(headers)
}

fn keys(flavour: &Flavour, keys: &[KeySettings], own: &HeaderMap) -> Result<KeyRing, BuildFault> {
    if keys.is_empty() {
        let none =
            Key { name: String::new(), headers: own.clone(), weight: 1.0, models: Vec::new(), rests: Mutex::default() };
        return Ok(KeyRing::new(vec![none]));
    }
    let mut ring = Vec::new();
    for key in keys {
        if !key.weight.is_finite() || key.weight < 0.0 {
            return Err(BuildFault::Weight(key.name.clone()));
        }
        let secret = key.value.expose().trim();
        let header = (flavour.authorize)(secret).filter(|_| !secret.is_empty());
        let (name, mut value) = header.ok_or_else(|| BuildFault::Key(key.name.clone()))?;
        value.set_sensitive(true);
        let mut headers = own.clone();
        headers.insert(name, value);
        if key.enabled {
            let (name, models, rests) = (key.name.clone(), key.models.clone(), Mutex::default());
            ring.push(Key { name, headers, weight: key.weight, models, rests });
        }
    }
    if ring.is_empty() { Err(BuildFault::NoKey) } else { Ok(KeyRing::new(ring)) }
}

/// The models to list: those of the settings, and those that enabled keys name.
fn listed(settings: &ProviderSettings) -> Vec<String> {
    let of_keys = settings.keys.iter().filter(|key| key.enabled).flat_map(|key| &key.models);
    let mut models: Vec<String> = Vec::new();
    for model in settings.models.iter().chain(of_keys).filter(|model| !model.contains('*')) {
        if !models.contains(model) {
            models.push(model.clone());
        }
    }
    models
}

// === impl BuildError ===

impl BuildError {
    /// The provider.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// What is wrong.
    pub fn fault(&self) -> &BuildFault {
        &self.fault
    }
}

#[cfg(test)]
mod tests;
