//! What the plugins in force and their hosts say, read when somebody asks.

use gatewright_plugin::hosted::Standing;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How the plugins in force are.
#[derive(Clone, Debug, Default)]
pub struct HostReport {
    /// The instances in force.
    pub plugins: Vec<PluginReport>,
    /// Native libraries in the process: those in use, and those that were replaced and cannot be unloaded. `None` if
    /// there never was one.
    pub libraries: Option<(usize, usize)>,
}

/// How one instance is.
#[derive(Clone, Debug)]
pub struct PluginReport {
    /// Its name.
    pub name: Arc<str>,
    /// Whether a hook of it kept failing, and no call has succeeded since.
    pub keeps_failing: bool,
    /// How its host is with it; `None` if nothing can come between them.
    pub standing: Option<Standing>,
}

/// Who makes the report.
type Source = Arc<dyn Fn() -> HostReport + Send + Sync>;

/// Breakers, restarts, absences, and what cannot be unloaded.
#[derive(Clone, Default)]
pub(super) struct Hosts {
    /// There once there are hosts.
    source: Arc<Mutex<Option<Source>>>,
}

// === impl Hosts ===

impl Hosts {
    pub(super) fn watch(&self, source: Source) {
        *self.source() = Some(source);
    }

    /// No code of ours panics while it holds the lock.
    fn source(&self) -> MutexGuard<'_, Option<Source>> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for Hosts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let source = self.source().clone();
        let Some(source) = source else { return Ok(()) };
        let HostReport { plugins, libraries } = source();
        if !plugins.is_empty() {
            let (name, help) =
                ("gatewright_plugin_breaker_open", "1 from when a hook kept failing until a call of it succeeds.");
            let mut breakers = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            plugins.iter().try_for_each(|plugin| {
                breakers.encode_family(&[("plugin", &*plugin.name)])?.encode_gauge(&u64::from(plugin.keeps_failing))
            })?;
        }
        let standing = |plugin: PluginReport| Some((plugin.name, plugin.standing?));
        let standings: Vec<_> = plugins.into_iter().filter_map(standing).collect();
        if !standings.is_empty() {
            let (name, help) = ("gatewright_plugin_away", "1 while a plugin's host cannot call it.");
            let mut away = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            standings.iter().try_for_each(|(name, standing)| {
                let is_away = u64::from(standing.away.is_some());
                away.encode_family(&[("plugin", &**name)])?.encode_gauge(&is_away)
            })?;
            let (name, help) = ("gatewright_plugin_restarts", "Starts of a plugin's process after its first.");
            counters(&mut encoder, name, help, &standings, |standing| standing.restarts)?;
            let (name, help) = ("gatewright_plugin_calls_given_up", "Calls left to a native plugin that was at them.");
            counters(&mut encoder, name, help, &standings, |standing| standing.given_up)?;
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
