//! Counting the calls of plugins: as long as the config has `telemetry`, whenever a plugin was started.

use gatewright_pipeline::{Judged, Probe};
use gatewright_plugin::{Hook, HookSet};
use gatewright_telemetry::Metrics;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Where calls are counted, and whether they are.
#[derive(Clone)]
pub(crate) struct Counting {
    metrics: Arc<Metrics>,
    on: Arc<AtomicBool>,
}

/// Counts the calls of one instance.
struct Counted {
    name: Box<str>,
    hooks: HookSet,
    counting: Counting,
    /// Its series, which are there from the first time that they are counted.
    series: OnceLock<Arc<dyn Probe>>,
}

// === impl Counting ===

impl Counting {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, on: Arc::default() }
    }

    /// From now on they are counted, or not.
    pub(crate) fn switch(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
    }

    /// What counts the calls of an instance.
    pub(super) fn of(&self, name: &str, hooks: HookSet) -> Arc<dyn Probe> {
        let counted = Counted { name: name.into(), hooks, counting: self.clone(), series: OnceLock::new() };
        if counted.is_on() {
            counted.series();
        }
        Arc::new(counted)
    }

    /// Counts a plugin that did not load or start.
    pub(super) fn load_failed(&self, name: &str) {
        if self.on.load(Ordering::Relaxed) {
            self.metrics.plugin_load_failed(name);
        }
    }
}

// === impl Counted ===

impl Counted {
    fn is_on(&self) -> bool {
        self.counting.on.load(Ordering::Relaxed)
    }

    fn series(&self) -> &Arc<dyn Probe> {
        self.series.get_or_init(|| self.counting.metrics.probe(&self.name, self.hooks))
    }
}

impl Probe for Counted {
    fn called(&self, hook: Hook, judged: Judged, took: Duration) {
        if self.is_on() {
            self.series().called(hook, judged, took);
        }
    }
}
