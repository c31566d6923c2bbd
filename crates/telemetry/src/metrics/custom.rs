//! Metrics of the plugins' own.

use super::labels::Label;
use super::plugins::MAX_PLUGINS;
use gatewright_plugin::services::{Metrics, Sample, SampleKind, ServiceError};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Most series of one plugin. A sample that would need one more is refused and counted.
pub const MAX_PLUGIN_SERIES: usize = 200;

/// Longest metric name, label name and label value.
const MAX_NAME_BYTES: usize = 64;

/// Most labels of a sample.
const MAX_LABELS: usize = 8;

/// Names under the same prefix that are the gateway's own.
const RESERVED: [&str; 11] = [
    "calls",
    "calls_given_up",
    "failures",
    "timeouts",
    "duration_seconds",
    "breaker_open",
    "load_failed",
    "load_failures",
    "log_lines_dropped",
    "set_generation",
    "samples_refused",
];

/// Endings that the exposition format gives a meaning.
const RESERVED_ENDINGS: [&str; 6] = ["_total", "_bucket", "_sum", "_count", "_created", "_info"];

/// For whatever it is that plugins measure.
const BOUNDS: [f64; 15] =
    [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 50.0, 100.0, 500.0, 1_000.0, 5_000.0, 10_000.0];

/// The metrics of all plugins, by their whole names.
#[derive(Clone, Debug, Default)]
pub(super) struct Custom(Arc<Table>);

/// The metrics of one plugin: its service.
#[derive(Debug)]
pub(super) struct PluginMetrics {
    prefix: String,
    budget: Arc<Budget>,
    table: Arc<Table>,
}

#[derive(Debug, Default)]
struct Table {
    families: RwLock<BTreeMap<String, Arc<Family>>>,
    budgets: RwLock<BTreeMap<Label, Arc<Budget>>>,
}

/// What one plugin has used up.
#[derive(Debug, Default)]
struct Budget {
    series: AtomicUsize,
    refused: AtomicU64,
}

/// The series of one name, by their labels.
#[derive(Debug)]
struct Family {
    kind: SampleKind,
    owner: Arc<Budget>,
    series: RwLock<HashMap<Labels, Series>>,
}

type Labels = Vec<(String, String)>;

#[derive(Clone, Debug)]
enum Series {
    Count(Counter<f64, AtomicU64>),
    Gauge(Gauge<f64, AtomicU64>),
    Observe(Histogram),
}

// === impl Custom ===

impl Custom {
    /// The service of one plugin. One that is replaced under its name goes on with its series.
    pub(super) fn service(&self, plugin: &str) -> Arc<dyn Metrics> {
        let mut budgets = write(&self.0.budgets);
        if !budgets.contains_key(plugin) && budgets.len() >= MAX_PLUGINS {
            self.0.forget_unused(&mut budgets);
        }
        let budget = budgets.entry(Label::new(plugin)).or_default().clone();
        let name: String = plugin.chars().map(|letter| if is_word(letter) { letter } else { '_' }).collect();
        Arc::new(PluginMetrics { prefix: format!("gatewright_plugin_{name}_"), budget, table: self.0.clone() })
    }
}

impl Collector for Custom {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        for (name, family) in &*read(&self.0.families) {
            let mut metric = encoder.encode_descriptor(name, "Of a plugin's own.", None, family.metric_type())?;
            for (labels, series) in &*read(&family.series) {
                series.encode(metric.encode_family(labels)?)?;
            }
        }
        let budgets = read(&self.0.budgets);
        if budgets.is_empty() {
            return Ok(());
        }
        let (name, help) = ("gatewright_plugin_samples_refused", "Samples of plugins that were refused.");
        let mut refused = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        budgets.iter().try_for_each(|(plugin, budget)| {
            let count = budget.refused.load(Relaxed);
            refused.encode_family(&[("plugin", plugin.as_str())])?.encode_counter::<NoLabelSet, _, f64>(&count, None)
        })
    }
}

// === impl Table ===

impl Table {
    /// Drops what belongs to plugins that nobody uses any more.
    fn forget_unused(&self, budgets: &mut BTreeMap<Label, Arc<Budget>>) {
        let mut families = write(&self.families);
        // Beside the map and the families' own, a plugin that is in use holds one.
        budgets.retain(|_, budget| {
            let owned = families.values().filter(|family| Arc::ptr_eq(&family.owner, budget)).count();
            let used = Arc::strong_count(budget) > 1 + owned;
            if !used {
                families.retain(|_, family| !Arc::ptr_eq(&family.owner, budget));
            }
            used
        });
    }

    fn family(&self, name: String, kind: SampleKind, owner: &Arc<Budget>) -> Result<Arc<Family>, ServiceError> {
        let known = read(&self.families).get(&name).cloned();
        let family = match known {
            Some(family) => family,
            None => {
                let make = || Arc::new(Family { kind, owner: owner.clone(), series: RwLock::default() });
                write(&self.families).entry(name.clone()).or_insert_with(make).clone()
            }
        };
        match (Arc::ptr_eq(&family.owner, owner), family.kind == kind) {
            (true, true) => Ok(family),
            (true, false) => Err(ServiceError::Invalid(format!("`{name}` is a metric of another kind already"))),
            (false, _) => Err(ServiceError::Invalid(format!("`{name}` is a metric of another plugin already"))),
        }
    }
}

// === impl PluginMetrics ===

impl Metrics for PluginMetrics {
    fn record(&self, sample: &Sample<'_>) -> Result<(), ServiceError> {
        self.take(sample).inspect_err(|_| {
            self.budget.refused.fetch_add(1, Relaxed);
        })
    }
}

impl PluginMetrics {
    fn take(&self, sample: &Sample<'_>) -> Result<(), ServiceError> {
        check(sample)?;
        // The format adds `_total` to every counter by itself.
        let name = sample.name.strip_suffix("_total").filter(|_| sample.kind == SampleKind::Count);
        let name = format!("{}{}", self.prefix, name.unwrap_or(sample.name));
        if name.strip_prefix("gatewright_plugin_").is_some_and(|name| RESERVED.contains(&name)) {
            return Err(ServiceError::Invalid(format!("`{name}` is a metric of the gateway's own")));
        }
        self.budgeted(&name)?;
        let family = self.table.family(name, sample.kind, &self.budget)?;
        let labels: Labels = sample.labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        if let Some(series) = read(&family.series).get(&labels) {
            series.record(sample.value);
            return Ok(());
        }
        let mut all = write(&family.series);
        if !all.contains_key(&labels) && self.budget.series.fetch_add(1, Relaxed) >= MAX_PLUGIN_SERIES {
            self.budget.series.fetch_sub(1, Relaxed);
            return Err(full());
        }
        all.entry(labels).or_insert_with(|| Series::new(sample.kind)).record(sample.value);
        Ok(())
    }

    /// A family that would stay empty is not begun.
    fn budgeted(&self, name: &str) -> Result<(), ServiceError> {
        let full_up = self.budget.series.load(Relaxed) >= MAX_PLUGIN_SERIES;
        match full_up && !read(&self.table.families).contains_key(name) {
            true => Err(full()),
            false => Ok(()),
        }
    }
}

fn full() -> ServiceError {
    ServiceError::TooLarge(format!(
        "the plugin has {MAX_PLUGIN_SERIES} series already: use fewer labels, or fewer values"
    ))
}

fn check(sample: &Sample<'_>) -> Result<(), ServiceError> {
    let invalid = |what: String| Err(ServiceError::Invalid(what));
    let Sample { name, kind, value, labels } = sample;
    if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.chars().all(is_word) {
        return invalid(format!("the name `{name}` is not 1 to {MAX_NAME_BYTES} letters, digits and `_`"));
    }
    let is_total = *kind == SampleKind::Count && name.ends_with("_total");
    if !is_total && RESERVED_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
        return invalid(format!("the name `{name}` has an ending that is the format's own"));
    }
    if !value.is_finite() || (*kind == SampleKind::Count && *value < 0.0) {
        return invalid(format!("`{name}`: {value} is not a finite number, or is below 0 in a counter"));
    }
    if labels.len() > MAX_LABELS {
        return invalid(format!("`{name}` has {} labels; at most {MAX_LABELS}", labels.len()));
    }
    for (at, (label, value)) in labels.iter().enumerate() {
        let legal = label.chars().all(is_word) && !label.starts_with(|first: char| first.is_ascii_digit());
        let ours = label.starts_with("__") || *label == "le";
        if label.is_empty() || label.len() > MAX_NAME_BYTES || !legal || ours {
            return invalid(format!("`{name}`: `{label}` cannot be a label"));
        }
        if value.len() > MAX_NAME_BYTES {
            return invalid(format!("`{name}`: the value of `{label}` is over {MAX_NAME_BYTES} bytes"));
        }
        if labels[..at].iter().any(|(earlier, _)| earlier == label) {
            return invalid(format!("`{name}`: the label `{label}` is there twice"));
        }
    }
    Ok(())
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

// === impl Family ===

impl Family {
    fn metric_type(&self) -> MetricType {
        match self.kind {
            SampleKind::Count => MetricType::Counter,
            SampleKind::Gauge => MetricType::Gauge,
            SampleKind::Observe => MetricType::Histogram,
        }
    }
}

// === impl Series ===

impl Series {
    fn new(kind: SampleKind) -> Self {
        match kind {
            SampleKind::Count => Self::Count(Counter::default()),
            SampleKind::Gauge => Self::Gauge(Gauge::default()),
            SampleKind::Observe => Self::Observe(Histogram::new(BOUNDS)),
        }
    }

    fn record(&self, value: f64) {
        match self {
            Self::Count(counter) => {
                counter.inc_by(value);
            }
            Self::Gauge(gauge) => {
                gauge.set(value);
            }
            Self::Observe(histogram) => histogram.observe(value),
        }
    }

    fn encode(&self, encoder: MetricEncoder<'_>) -> std::fmt::Result {
        match self {
            Self::Count(counter) => counter.encode(encoder),
            Self::Gauge(gauge) => gauge.encode(encoder),
            Self::Observe(histogram) => histogram.encode(encoder),
        }
    }
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
