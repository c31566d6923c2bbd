//! Prices: what a request costs. Prices ship as data, and the config's go before them.

use gatewright_model::Usage;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

/// The price of a model in US dollars per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Input that no cache helped with.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub input: f64,
    /// Output, reasoning included.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub output: f64,
    /// Input read from the provider's cache. Unset: as `input`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub cache_read: Option<f64>,
    /// Input written to the provider's cache. Unset: as `input`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub cache_write: Option<f64>,
}

/// The prices of models: the config's, then those that ship.
#[derive(Clone, Debug, Default)]
pub struct Prices {
    overrides: Arc<HashMap<String, Price>>,
}

static SHIPPED: LazyLock<HashMap<String, Price>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../prices.json")).unwrap_or_default());

// === impl Price ===

impl Price {
    /// What the usage costs, in US dollars. The parts of the input that a cache served or took are priced as such.
    pub fn cost(&self, usage: &Usage) -> f64 {
        let read = usage.cache_read_tokens.min(usage.input_tokens);
        let written = usage.cache_write_tokens.min(usage.input_tokens - read);
        let fresh = usage.input_tokens - read - written;
        let dollars = fresh as f64 * self.input
            + read as f64 * self.cache_read.unwrap_or(self.input)
            + written as f64 * self.cache_write.unwrap_or(self.input)
            + usage.output_tokens as f64 * self.output;
        dollars / 1_000_000.0
    }
}

// === impl Prices ===

impl Prices {
    /// The prices that ship, and before them a config's.
    pub fn new(overrides: &BTreeMap<String, Price>) -> Self {
        let overrides = overrides.iter().map(|(model, price)| (model.clone(), *price)).collect();
        Self { overrides: Arc::new(overrides) }
    }

    /// The price of a provider's model; `None` if it is not known, which costs nothing and is counted as unpriced.
    ///
    /// The config's prices come first, by `provider/model`, then by model; then those that ship, by model whoever
    /// serves it (a vendor's prefix as in `openrouter`'s `openai/gpt-4o` is left out). Each is asked for the name as
    /// it is, then without its date or `-latest`. The `demo` provider has the config's prices only.
    pub fn lookup(&self, provider: &str, model: &str) -> Option<Price> {
        let names = || [Some(model), undated(model)].into_iter().flatten();
        if !self.overrides.is_empty() {
            let of_provider = |name: &str| self.overrides.get(&format!("{provider}/{name}"));
            let found = names().find_map(|name| of_provider(name).or_else(|| self.overrides.get(name)));
            if found.is_some() {
                return found.copied();
            }
        }
        if provider == "demo" {
            return None;
        }
        let bare = |name: &str| SHIPPED.get(name.rsplit('/').next().unwrap_or(name)).copied();
        names().find_map(bare)
    }
}

/// The name of a model without its date (`-2024-08-06`, `-20240806`) or `-latest`; `None` if it has neither.
fn undated(model: &str) -> Option<&str> {
    let date = |text: &str, shape: &str| {
        text.len() == shape.len()
            && text.bytes().zip(shape.bytes()).all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                _ => byte == form,
            })
    };
    let cut = |shape: &str| {
        let at = model.len().checked_sub(shape.len())?;
        let (name, suffix) = model.is_char_boundary(at).then(|| model.split_at(at))?;
        (!name.is_empty() && date(suffix, shape)).then_some(name)
    };
    cut("-0000-00-00").or_else(|| cut("-00000000")).or_else(|| cut("-latest"))
}

#[cfg(test)]
mod tests;
