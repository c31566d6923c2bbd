//! What the hosts of plugins say, read when somebody asks.

use gatewright_plugin::hosted::Standing;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// How plugins stand with their hosts.
#[derive(Clone, Debug, Default)]
pub struct HostReport {
    /// The instances from a path, by name.
    pub plugins: Vec<(Arc<str>, Standing)>,
    /// Native libraries in the process: those in use, and those that were replaced and cannot be unloaded. `None` if
    /// there never was one.
    pub libraries: Option<(usize, usize)>,
}

/// Who makes the report.
type Source = Box<dyn Fn() -> HostReport + Send + Sync>;

/// Restarts, absences, and what cannot be unloaded.
#[derive(Clone, Default)]
pub(super) struct Hosts {
    /// Set once there are hosts.
    pub(super) source: Arc<OnceLock<Source>>,
}

// === impl Hosts ===

impl Collector for Hosts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(source) = self.source.get() else { return Ok(()) };
        let HostReport { plugins, libraries } = source();
        if !plugins.is_empty() {
            let (name, help) = ("gatewright_plugin_away", "1 while a plugin's host cannot call it.");
            let mut away = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            plugins.iter().try_for_each(|(name, standing)| {
                let is_away = u64::from(standing.away.is_some());
                away.encode_family(&[("plugin", &**name)])?.encode_gauge(&is_away)
            })?;
            let (name, help) = ("gatewright_plugin_restarts", "Starts of a plugin's process after its first.");
            counters(&mut encoder, name, help, &plugins, |standing| standing.restarts)?;
            let (name, help) = ("gatewright_plugin_calls_given_up", "Calls left to a native plugin that was at them.");
            counters(&mut encoder, name, help, &plugins, |standing| standing.given_up)?;
        }
        let Some((used, retired)) = libraries else { return Ok(()) };
        let (name, help) =
            ("gatewright_native_libraries", "Native libraries in memory; retired ones stay until a restart.");
        let mut counts = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        [("used", used), ("retired", retired)]
            .into_iter()
            .try_for_each(|(state, count)| counts.encode_family(&[("state", state)])?.encode_gauge(&(count as u64)))
    }
}

fn counters(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    plugins: &[(Arc<str>, Standing)],
    count: impl Fn(&Standing) -> u64,
) -> fmt::Result {
    let mut counts = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    plugins.iter().try_for_each(|(name, standing)| {
        counts.encode_family(&[("plugin", &**name)])?.encode_counter::<NoLabelSet, _, f64>(&count(standing), None)
    })
}

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosts").finish_non_exhaustive()
    }
}
