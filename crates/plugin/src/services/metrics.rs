//! Counters, gauges and histograms of a plugin's own.

use super::ServiceError;
use serde::{Deserialize, Serialize};

/// What a sample does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SampleKind {
    /// Adds to a counter.
    Count,
    /// Sets a gauge.
    Gauge,
    /// Adds to a histogram.
    Observe,
}

/// One sample. It shows as `gatewright_plugin_{plugin}_{name}`.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// Letters, digits and `_`; at most 64 bytes.
    pub name: &'a str,
    /// What it does.
    pub kind: SampleKind,
    /// The value.
    pub value: f64,
    /// Names and values; at most 8, each at most 64 bytes. The host bounds how many series a plugin may have.
    pub labels: &'a [(&'a str, &'a str)],
}

/// Takes samples; permission `metrics`. Never waits.
pub trait Metrics: Send + Sync {
    /// Takes one.
    fn record(&self, sample: &Sample<'_>) -> Result<(), ServiceError>;
}
