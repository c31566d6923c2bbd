//! `cost_alerter`: warns of requests that cost much.

use gatewright_plugin::prelude::*;
use gatewright_plugin::services::Level;
use serde::Deserialize;

/// Writes a warning for each request that cost more than a threshold.
#[derive(Clone, Copy, Debug)]
pub struct CostAlerter {
    threshold: f64,
}

/// The `config` of [`CostAlerter`].
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostAlerterConfig {
    /// US dollars, 0 or more; a request that costs exactly this much is not yet one to warn of.
    pub threshold: f64,
}

// === impl CostAlerter ===

#[plugin(
    description = "Warns of requests that cost more than a threshold",
    failure_mode = FailureMode::Open,
    messages = Access::None
)]
impl Plugin for CostAlerter {
    fn post_request(&self, cx: &mut Cx, summary: &RequestSummary) -> Result<(), Failure> {
        if summary.cost > self.threshold {
            let (cost, threshold) = (summary.cost.into(), self.threshold.into());
            let fields = [("cost", cost), ("threshold", threshold), ("model", summary.model.as_str().into())];
            cx.log(Level::Warn, "high-cost request detected", &fields);
            cx.metadata("alert", "high_cost");
            cx.metadata("cost", summary.cost);
        }
        Ok(())
    }
}

impl FromConfig for CostAlerter {
    type Config = CostAlerterConfig;

    fn from_config(CostAlerterConfig { threshold }: CostAlerterConfig) -> Result<Self, Failure> {
        match threshold >= 0.0 {
            true => Ok(Self { threshold }),
            false => Err(Failure::new(format!("threshold: must be 0 or more US dollars, is {threshold}"))),
        }
    }
}

#[cfg(test)]
mod tests;
