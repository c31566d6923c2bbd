//! Which provider a request goes to, and where it goes when that fails.

use crate::provider::Provider;
use gatewright_dialects::MAX_FALLBACKS;
use gatewright_model::{ErrorKind, LlmError};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The providers in force, and the fallbacks that the config names.
#[derive(Clone, Default)]
pub struct Routing {
    providers: BTreeMap<String, Arc<dyn Provider>>,
    /// Which provider lists a model; where several do, the default one, else the first by name.
    listed: HashMap<String, String>,
    default_provider: Option<String>,
    fallbacks: BTreeMap<String, Vec<String>>,
}

/// A provider and a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The provider's name.
    pub provider: String,
    /// The model, without the provider's prefix.
    pub model: String,
}

// === impl Routing ===

impl Routing {
    /// These providers. A model without a provider's prefix goes to a provider that lists it, else, if it has no prefix
    /// at all, to `default_provider`. `fallbacks` are by `provider/model`, by `model`, or for all by `*`.
    pub fn new(
        providers: impl IntoIterator<Item = Arc<dyn Provider>>,
        default_provider: Option<String>,
        fallbacks: BTreeMap<String, Vec<String>>,
    ) -> Self {
        let providers: BTreeMap<_, _> =
            providers.into_iter().map(|provider| (provider.name().to_owned(), provider)).collect();
        let mut listed = HashMap::new();
        let default = default_provider.as_ref().and_then(|name| providers.get(name));
        for provider in default.into_iter().chain(providers.values()) {
            for model in provider.models() {
                listed.entry(model).or_insert_with(|| provider.name().to_owned());
            }
        }
        Self { providers, listed, default_provider, fallbacks }
    }

    /// The providers, by name.
    pub fn providers(&self) -> impl Iterator<Item = &Arc<dyn Provider>> {
        self.providers.values()
    }

    /// The provider of this name.
    pub fn provider(&self, name: &str) -> Option<&Arc<dyn Provider>> {
        self.providers.get(name)
    }

    /// Where a model goes, as the client wrote it.
    pub fn resolve(&self, model: &str) -> Result<Target, LlmError> {
        if let Some((prefix, rest)) = model.split_once('/')
            && self.providers.contains_key(prefix)
        {
            return match rest.is_empty() {
                false => Ok(Target { provider: prefix.to_owned(), model: rest.to_owned() }),
                true => Err(self.unknown(model)),
            };
        }
        let listed = self.listed.get(model).and_then(|name| self.providers.get(name));
        // A prefix that is nobody's is a mistake, which the default provider would only answer with an odder error.
        let plain = !model.contains('/') && !model.is_empty();
        let default = || self.default_provider.as_ref().and_then(|name| self.providers.get(name)).filter(|_| plain);
        let provider = listed.or_else(default).ok_or_else(|| self.unknown(model))?;
        Ok(Target { provider: provider.name().to_owned(), model: model.to_owned() })
    }

    /// Where to go when `primary` fails: what the client asked for, else what the config names.
    pub fn fallbacks(&self, primary: &Target, asked: &[String]) -> Vec<String> {
        if !asked.is_empty() {
            return asked.iter().take(MAX_FALLBACKS).cloned().collect();
        }
        if self.fallbacks.is_empty() {
            return Vec::new();
        }
        let named = self.fallbacks.get(&format!("{}/{}", primary.provider, primary.model));
        let named = named.or_else(|| self.fallbacks.get(&primary.model)).or_else(|| self.fallbacks.get("*"));
        named.map(|models| models.iter().take(MAX_FALLBACKS).cloned().collect()).unwrap_or_default()
    }

    /// The provider that a request names once plugins have edited it. A model that one of them wrote is the provider's own
    /// name for it, so that it does not say whose it is.
    pub(crate) fn named(&self, provider: Option<&str>, model: &str) -> Result<&Arc<dyn Provider>, LlmError> {
        let provider = provider.filter(|name| !name.is_empty());
        provider.and_then(|name| self.providers.get(name)).ok_or_else(|| {
            let what = match provider {
                Some(name) => format!("of provider `{}`, which is not there", shown(name)),
                None => "and named no provider".to_owned(),
            };
            let (model, there_are) = (shown(model), self.names());
            let message = format!("a plugin chose model `{model}` {what}: the providers are {there_are}");
            LlmError::new(ErrorKind::NotFound, message).with_code("provider_not_found")
        })
    }

    fn unknown(&self, model: &str) -> LlmError {
        let message = format!(
            "no provider for model `{}`: write it as `provider/model`, where the provider is one of: {}",
            shown(model),
            self.names()
        );
        LlmError::new(ErrorKind::NotFound, message).with_param("model").with_code("model_not_found")
    }

    fn names(&self) -> String {
        self.providers.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// The beginning of a name that somebody made up.
fn shown(name: &str) -> String {
    name.chars().take(100).collect()
}

#[cfg(test)]
mod tests;
