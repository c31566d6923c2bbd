//! What tokens cost.

use gatewright_model::Usage;

/// Knows what tokens cost.
pub trait Pricing: Send + Sync {
    /// US dollars; `None` if the model has no price.
    fn cost(&self, provider: &str, model: &str, usage: &Usage) -> Option<f64>;
}

/// Knows no price.
#[derive(Clone, Copy, Debug)]
pub struct Unpriced;

impl Pricing for Unpriced {
    fn cost(&self, _: &str, _: &str, _: &Usage) -> Option<f64> {
        None
    }
}
