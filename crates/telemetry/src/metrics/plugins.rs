//! What is recorded of every hook call.

use super::bounds::HOOK;
use super::histogram::Histogram;
use super::labels::Label;
use gatewright_pipeline::{Judged, Probe};
use gatewright_plugin::{Hook, HookSet};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Most instances whose series are kept once nobody uses them.
pub(super) const MAX_PLUGINS: usize = 256;

/// The words of [`Failure::cause`](gatewright_plugin::Failure::cause), and one for what is added to them.
const CAUSES: [&str; 7] = ["error", "panic", "timeout", "malformed", "oversized", "unavailable", "other"];

/// The series of all instances, by their names. An instance that is replaced under its name goes on with its series.
#[derive(Clone, Debug, Default)]
pub(super) struct Plugins(Arc<Mutex<BTreeMap<Label, Arc<InstanceSeries>>>>);

/// The series of one instance: its probe.
#[derive(Debug)]
struct InstanceSeries {
    hooks: [OnceLock<Box<HookSeries>>; Hook::COUNT],
}

/// The series of one hook. What is counted often is counted once: calls that did well are those of the histogram that
/// did not fail.
#[derive(Debug)]
struct HookSeries {
    duration: Histogram,
    failed: [AtomicU64; CAUSES.len()],
    cut_off: AtomicU64,
    skipped: AtomicU64,
}

/// `plugin` and `hook`.
type HookLabels<'a> = [(&'static str, &'a str); 2];

// === impl Plugins ===

impl Plugins {
    /// The probe of an instance, with its series resolved.
    pub(super) fn probe(&self, instance: &str, hooks: HookSet) -> Arc<dyn Probe> {
        let mut instances = self.lock();
        if !instances.contains_key(instance) && instances.len() >= MAX_PLUGINS {
            instances.retain(|_, series| Arc::strong_count(series) > 1);
        }
        let series = instances.entry(Label::new(instance)).or_insert_with(|| Arc::new(InstanceSeries::new()));
        for hook in hooks.iter() {
            series.hook(hook);
        }
        series.clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Label, Arc<InstanceSeries>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Instances, by name, without holding up those who ask for a probe.
    fn snapshot(&self) -> Vec<(Label, Arc<InstanceSeries>)> {
        self.lock().iter().map(|(name, series)| (name.clone(), series.clone())).collect()
    }
}

impl Collector for Plugins {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let instances = self.snapshot();
        if instances.is_empty() {
            return Ok(());
        }
        let help = "Hook calls by result: ok (any outcome, a block included), failed, cut_off, skipped.";
        let mut calls = encoder.encode_descriptor("gatewright_plugin_calls", help, None, MetricType::Counter)?;
        each_hook(&instances, |labels, series| {
            let failed = series.failures();
            let results = [
                ("ok", series.duration.count().saturating_sub(failed)),
                ("failed", failed),
                ("cut_off", series.cut_off.load(Relaxed)),
                ("skipped", series.skipped.load(Relaxed)),
            ];
            results
                .iter()
                .try_for_each(|(result, count)| counter(&mut calls, &(*labels, [("result", *result)]), *count))
        })?;
        let help = "Hook calls that failed, by cause.";
        let mut failures = encoder.encode_descriptor("gatewright_plugin_failures", help, None, MetricType::Counter)?;
        each_hook(&instances, |labels, series| {
            let mut causes = CAUSES.iter().zip(&series.failed).filter(|(_, count)| count.load(Relaxed) > 0);
            causes.try_for_each(|(cause, count)| {
                counter(&mut failures, &(*labels, [("cause", *cause)]), count.load(Relaxed))
            })
        })?;
        let help = "Hook calls that took longer than they may; also in failures.";
        let mut timeouts = encoder.encode_descriptor("gatewright_plugin_timeouts", help, None, MetricType::Counter)?;
        each_hook(&instances, |labels, series| {
            counter(&mut timeouts, labels, series.failed[slot_of("timeout")].load(Relaxed))
        })?;
        let (name, help) = ("gatewright_plugin_duration_seconds", "Time of a hook call.");
        let mut duration = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
        each_hook(&instances, |labels, series| series.duration.write(&mut duration.encode_family(labels)?))
    }
}

fn each_hook(
    instances: &[(Label, Arc<InstanceSeries>)],
    mut write: impl FnMut(&HookLabels<'_>, &HookSeries) -> std::fmt::Result,
) -> std::fmt::Result {
    for (name, instance) in instances {
        for (row, series) in Hook::TABLE.iter().zip(&instance.hooks) {
            if let Some(series) = series.get() {
                write(&[("plugin", name.as_str()), ("hook", row.name)], series)?;
            }
        }
    }
    Ok(())
}

fn counter(family: &mut MetricEncoder<'_>, labels: &impl EncodeLabelSet, count: u64) -> std::fmt::Result {
    family.encode_family(labels)?.encode_counter::<NoLabelSet, _, f64>(&count, None)
}

// === impl InstanceSeries ===

impl InstanceSeries {
    fn new() -> Self {
        Self { hooks: [const { OnceLock::new() }; Hook::COUNT] }
    }

    fn hook(&self, hook: Hook) -> &HookSeries {
        self.hooks[hook as usize].get_or_init(|| Box::new(HookSeries::new()))
    }
}

impl Probe for InstanceSeries {
    fn called(&self, hook: Hook, judged: Judged, took: Duration) {
        let series = self.hook(hook);
        match judged {
            Judged::Skipped => {
                series.skipped.fetch_add(1, Relaxed);
                return;
            }
            // It took as long as the client stayed, which says nothing of it.
            Judged::CutOff => {
                series.cut_off.fetch_add(1, Relaxed);
                return;
            }
            Judged::Failed(cause) => {
                series.failed[slot_of(cause)].fetch_add(1, Relaxed);
            }
            Judged::Ok => {}
        }
        series.duration.observe(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }
}

// === impl HookSeries ===

impl HookSeries {
    fn new() -> Self {
        let (cut_off, skipped) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { duration: Histogram::new(&HOOK), failed: Default::default(), cut_off, skipped }
    }

    fn failures(&self) -> u64 {
        self.failed.iter().map(|count| count.load(Relaxed)).sum()
    }
}

fn slot_of(cause: &str) -> usize {
    CAUSES.iter().position(|known| *known == cause).unwrap_or(CAUSES.len() - 1)
}

#[cfg(test)]
mod tests;
