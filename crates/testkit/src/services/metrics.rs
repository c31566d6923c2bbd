//! Samples, kept.

use super::{Denied, lock};
use gatewright_plugin::Permission;
use gatewright_plugin::services::{Metrics, Sample, SampleKind, ServiceError};
use std::sync::Mutex;

/// Keeps the samples that are given to it.
#[derive(Debug, Default)]
pub struct MockMetrics {
    denied: Denied,
    samples: Mutex<Vec<RecordedSample>>,
}

/// One sample.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedSample {
    /// Its name, without the host's prefix.
    pub name: String,
    /// What it does.
    pub kind: SampleKind,
    /// The value.
    pub value: f64,
    /// Names and values.
    pub labels: Vec<(String, String)>,
}

// === impl MockMetrics ===

impl MockMetrics {
    pub(crate) fn new(denied: Denied) -> Self {
        Self { denied, samples: Mutex::default() }
    }

    /// The samples so far.
    pub fn samples(&self) -> Vec<RecordedSample> {
        lock(&self.samples).clone()
    }

    /// The sum of the samples of this name, labels not regarded.
    pub fn sum(&self, name: &str) -> f64 {
        lock(&self.samples).iter().filter(|sample| sample.name == name).map(|sample| sample.value).sum()
    }
}

impl Metrics for MockMetrics {
    fn record(&self, sample: &Sample<'_>) -> Result<(), ServiceError> {
        self.denied.check(Permission::Metrics, sample.name)?;
        lock(&self.samples).push(RecordedSample {
            name: sample.name.to_owned(),
            kind: sample.kind,
            value: sample.value,
            labels: sample.labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        });
        Ok(())
    }
}
