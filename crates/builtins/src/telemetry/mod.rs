//! `telemetry`: the metrics of requests.

use gatewright_plugin::prelude::*;
use gatewright_telemetry::Metrics;
use std::sync::Arc;

/// Records each request that has ended in the gateway's metrics. Privileged: it has them at hand, where other plugins
/// have metrics of their own only.
#[derive(Clone, Debug)]
pub struct Telemetry {
    metrics: Arc<Metrics>,
}

// === impl Telemetry ===

#[plugin(
    description = "Records requests in the gateway's metrics",
    failure_mode = FailureMode::Open,
    messages = Access::None
)]
impl Plugin for Telemetry {
    fn post_request(&self, _: &mut Cx, summary: &RequestSummary) -> Result<(), Failure> {
        self.metrics.request(summary.kind.operation(), summary);
        Ok(())
    }
}

impl Telemetry {
    /// Records in these metrics.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics }
    }
}

#[cfg(test)]
mod tests;
