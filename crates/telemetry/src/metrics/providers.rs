//! What is recorded of attempts, a provider each.

use super::labels::{Bounded, Label};
use gatewright_model::ErrorKind;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::sync::{Arc, OnceLock};

/// Most providers that have series of their own.
pub(super) const MAX_PROVIDERS: usize = 64;

/// Counts the attempts at one provider. Get it once, at [`Metrics::provider`](super::Metrics::provider), and keep it:
/// counting is then one atomic addition.
#[derive(Clone, Debug)]
pub struct ProviderMetrics(Arc<Series>);

#[derive(Debug)]
struct Series {
    provider: Label,
    attempts: Family<AttemptLabels, Counter>,
    answered: OnceLock<Counter>,
    failed: [OnceLock<Counter>; ErrorKind::ALL.len()],
    retries: Counter,
    fallbacks: Counter,
}

/// The families that attempts are recorded in.
#[derive(Debug)]
pub(super) struct Providers {
    names: Arc<Bounded>,
    attempts: Family<AttemptLabels, Counter>,
    retries: Family<ProviderLabels, Counter>,
    fallbacks: Family<ProviderLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    provider: Label,
    outcome: &'static str,
    error_type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProviderLabels {
    provider: Label,
}

// === impl ProviderMetrics ===

impl ProviderMetrics {
    /// An attempt ended: with an answer (`None`) or this error. One that was cut off is no error of the provider's.
    pub fn attempted(&self, error: Option<ErrorKind>) {
        let (slot, outcome, error_type) = match error {
            None => (Some(&self.0.answered), "success", ""),
            Some(kind) => {
                let at = ErrorKind::ALL.iter().position(|other| *other == kind);
                let outcome = if kind == ErrorKind::Cancelled { "cancelled" } else { "error" };
                (at.and_then(|at| self.0.failed.get(at)), outcome, kind.as_str())
            }
        };
        let make = || {
            let provider = self.0.provider.clone();
            self.0.attempts.get_or_create_owned(&AttemptLabels { provider, outcome, error_type })
        };
        match slot {
            Some(slot) => slot.get_or_init(make).inc(),
            None => make().inc(),
        };
    }

    /// So many tries were made again within an attempt.
    pub fn retried(&self, tries: u32) {
        self.0.retries.inc_by(tries.into());
    }

    /// An attempt was made at this provider since one at another failed.
    pub fn fell_back(&self) {
        self.0.fallbacks.inc();
    }
}

// === impl Providers ===

impl Providers {
    pub(super) fn new(registry: &mut Registry, names: Arc<Bounded>) -> Self {
        let (attempts, retries, fallbacks) = (Family::default(), Family::default(), Family::default());
        registry.register("gatewright_attempts", "Attempts at a provider, retries included in each", attempts.clone());
        registry.register("gatewright_retries", "Tries made again within an attempt", retries.clone());
        registry.register(
            "gatewright_fallbacks",
            "Attempts made at this provider since another failed",
            fallbacks.clone(),
        );
        Self { names, attempts, retries, fallbacks }
    }

    pub(super) fn of(&self, name: &str) -> ProviderMetrics {
        let provider = self.names.admit(name);
        let labels = ProviderLabels { provider: provider.clone() };
        ProviderMetrics(Arc::new(Series {
            provider,
            attempts: self.attempts.clone(),
            answered: OnceLock::new(),
            failed: Default::default(),
            retries: self.retries.get_or_create_owned(&labels),
            fallbacks: self.fallbacks.get_or_create_owned(&labels),
        }))
    }
}
