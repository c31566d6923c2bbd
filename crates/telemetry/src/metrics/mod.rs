//! Metrics, in the names of the OpenTelemetry GenAI conventions where there are any.

mod bounds;
mod custom;
mod histogram;
mod hosts;
mod labels;
mod loaded;
mod plugins;
mod process;
mod providers;
mod requests;

pub use custom::MAX_PLUGIN_SERIES;
pub use hosts::{HostReport, PluginReport};
pub use loaded::{LoadedContent, LoadedPlugin};
pub use providers::ProviderMetrics;

use crate::log::LogHandle;
use custom::Custom;
use gatewright_pipeline::Probe;
use gatewright_plugin::HookSet;
use gatewright_plugin::payload::RequestSummary;
use gatewright_plugin::services;
use hosts::Hosts;
use labels::{Bounded, Label};
use loaded::Loaded;
use plugins::Plugins;
use process::Process;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use providers::Providers;
use requests::Requests;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// The media type of what [`Metrics::render`] writes.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of a gateway. One a process; share it as `Arc<Metrics>`.
///
/// Recording never waits and never fails. Label values are bounded: at most 512 combinations of operation, provider and
/// model, 64 providers, 200 series a plugin; what comes later is counted as `other`, or refused to the plugin.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Requests,
    providers: Providers,
    plugins: Plugins,
    custom: Custom,
    process: Process,
    hosts: Hosts,
    active: Gauge,
    generation: Gauge<u64, AtomicU64>,
    reloads: Family<ReloadLabels, Counter>,
    load_failures: Family<LoadLabels, Counter>,
    lines_dropped: Family<LoadLabels, Counter>,
    held: Counter,
    failed: Bounded,
    loaded: Loaded,
}

/// A request that is under way, until it is dropped.
#[derive(Debug)]
pub struct ActiveRequest(Gauge);

/// What a reload of the config came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadResult {
    /// It was taken, and all plugins with it.
    Success,
    /// It was taken, and a plugin did not load, or its new file was not taken.
    Partial,
    /// It was not taken.
    Failure,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LoadLabels {
    plugin: Label,
}

// === impl Metrics ===

impl Metrics {
    /// Metrics that all start from nothing.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let names = Arc::new(Bounded::new(providers::MAX_PROVIDERS));
        let requests = Requests::new(&mut registry, names.clone());
        let providers = Providers::new(&mut registry, names);
        let (plugins, custom, process) = (Plugins::default(), Custom::default(), Process::new());
        let hosts = Hosts::default();
        let (active, generation, reloads) = (Gauge::default(), Gauge::default(), Family::default());
        for result in [ReloadResult::Success, ReloadResult::Partial, ReloadResult::Failure] {
            drop(reloads.get_or_create(&ReloadLabels { result: result.as_str() }));
        }
        let build =
            [("version", env!("CARGO_PKG_VERSION")), ("os", std::env::consts::OS), ("arch", std::env::consts::ARCH)];
        registry.register("gatewright_build", "The gateway that runs", Info::new(build));
        registry.register("gatewright_active_requests", "Requests under way", active.clone());
        registry.register("gatewright_plugin_set_generation", "Number of the plugin set in use", generation.clone());
        registry.register("gatewright_config_reloads", "Reloads of the config", reloads.clone());
        let held = Counter::default();
        let help = "Times that a hook held the thread of a worker, and another took its requests over";
        registry.register("gatewright_worker_threads_held", help, held.clone());
        let (load_failures, failed) = (Family::default(), Bounded::new(plugins::MAX_PLUGINS));
        let help = "Plugins that did not load or start, also where the one before goes on";
        registry.register("gatewright_plugin_load_failures", help, load_failures.clone());
        let lines_dropped = Family::default();
        let help = "Log lines and rows of a plugin that were left out, since it wrote too much";
        registry.register("gatewright_plugin_log_lines_dropped", help, lines_dropped.clone());
        let loaded = Loaded::default();
        registry.register_collector(Box::new(loaded.clone()));
        registry.register_collector(Box::new(plugins.clone()));
        registry.register_collector(Box::new(custom.clone()));
        registry.register_collector(Box::new(process.clone()));
        registry.register_collector(Box::new(hosts.clone()));
        Self {
            registry,
            requests,
            providers,
            plugins,
            custom,
            process,
            hosts,
            active,
            generation,
            reloads,
            load_failures,
            lines_dropped,
            held,
            failed,
            loaded,
        }
    }

    /// All metrics, in the OpenMetrics text format: see [`CONTENT_TYPE`]. Takes about 20 us and 10 KB a model.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a text does not fail, and neither do our collectors.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }

    /// Records an LLM request that has ended. `operation` is a word of
    /// [`Kind::operation`](gatewright_model::Kind::operation).
    ///
    /// Only an answer makes a model known by its name: a request that ended with an error, for a model that was never
    /// answered, counts as `other`.
    pub fn request(&self, operation: &'static str, summary: &RequestSummary) {
        self.requests.record(operation, summary);
    }

    /// Counts a worker's thread that a hook held for so long that another one took its requests over.
    pub fn thread_held(&self) {
        self.held.inc();
    }

    /// Counts a request as under way until what this answers is dropped.
    pub fn active_request(&self) -> ActiveRequest {
        self.active.inc();
        ActiveRequest(self.active.clone())
    }

    /// The counters of one provider, resolved.
    pub fn provider(&self, name: &str) -> ProviderMetrics {
        self.providers.of(name)
    }

    /// The probe of one plugin instance, with the series of its hooks resolved. An instance that is replaced under its
    /// name goes on with its series.
    pub fn probe(&self, instance: &str, hooks: HookSet) -> Arc<dyn Probe> {
        self.plugins.probe(instance, hooks)
    }

    /// The `metrics` service of one plugin. Whether the plugin may use it is the host's to check.
    ///
    /// A sample is refused (and counted in `gatewright_plugin_samples_refused_total`) with
    /// [`Invalid`](services::ServiceError::Invalid) if a name, label or value is not legal or the name is taken, and
    /// with [`TooLarge`](services::ServiceError::TooLarge) if it needs a series more than [`MAX_PLUGIN_SERIES`].
    pub fn plugin_metrics(&self, instance: &str) -> Arc<dyn services::Metrics> {
        self.custom.service(instance)
    }

    /// Says which plugin set is in use.
    pub fn plugin_set(&self, generation: u64) {
        self.generation.set(generation);
    }

    /// Says what is loaded of the plugins in force, in place of what was said so far.
    pub fn loaded_plugins(&self, plugins: Vec<LoadedPlugin>) {
        self.loaded.replace(plugins);
    }

    /// Counts a reload of the config. One that changed nothing is none.
    pub fn config_reload(&self, result: ReloadResult) {
        self.reloads.get_or_create(&ReloadLabels { result: result.as_str() }).inc();
    }

    /// Counts a plugin that did not load or start. At most 256 instances have a series of their own.
    pub fn plugin_load_failed(&self, instance: &str) {
        let plugin = self.failed.admit(instance);
        self.load_failures.get_or_create(&LoadLabels { plugin }).inc();
    }

    /// Counts a line or row of a plugin's that was left out, since it wrote too much.
    pub fn plugin_line_dropped(&self, instance: &str) {
        let plugin = self.failed.admit(instance);
        self.lines_dropped.get_or_create(&LoadLabels { plugin }).inc();
    }

    /// Shows how the plugins in force are, in place of who showed it so far.
    pub fn watch_hosts(&self, report: impl Fn() -> HostReport + Send + Sync + 'static) {
        self.hosts.watch(Arc::new(report));
    }

    /// Shows how many lines the log dropped. Later calls change nothing.
    pub fn watch_log(&self, log: &LogHandle) {
        self.process.lines_dropped.get_or_init(|| log.dropped_lines());
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

// === impl ReloadResult ===

impl ReloadResult {
    /// The word in metrics.
    fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Partial => "partial",
            Self::Failure => "failure",
        }
    }
}

// === impl ActiveRequest ===

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests;
