//! What is loaded of the plugins in force.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// What is loaded of one plugin that is in the config.
#[derive(Clone, Debug)]
pub struct LoadedPlugin {
    /// Its instance.
    pub name: Arc<str>,
    /// What serves; `None` if it did not load or start.
    pub content: Option<LoadedContent>,
    /// Whether its file is another one by now, or gone.
    pub is_stale: bool,
}

/// What serves.
#[derive(Clone, Debug)]
pub struct LoadedContent {
    /// The plugin's version, by its manifest.
    pub version: String,
    /// What is in its file, if it comes from one.
    pub sha256: Option<String>,
}

/// The plugins in force.
#[derive(Clone, Debug, Default)]
pub(super) struct Loaded(Arc<Mutex<Vec<LoadedPlugin>>>);

/// The longest version that is shown; of a longer one, so much of it is.
const MAX_VERSION: usize = 64;

// === impl Loaded ===

impl Loaded {
    pub(super) fn replace(&self, plugins: Vec<LoadedPlugin>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = plugins;
    }
}

impl Collector for Loaded {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let plugins = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if plugins.is_empty() {
            return Ok(());
        }
        let help = "What serves of a plugin.";
        let mut contents = encoder.encode_descriptor("gatewright_plugin", help, None, MetricType::Info)?;
        for (name, content) in plugins.iter().filter_map(|plugin| Some((&*plugin.name, plugin.content.as_ref()?))) {
            let version: String = content.version.chars().take(MAX_VERSION).collect();
            let sha256 = content.sha256.as_deref().unwrap_or_default();
            contents.encode_info(&[("plugin", name), ("version", &*version), ("sha256", sha256)])?;
        }
        let (name, help) = (
            "gatewright_plugin_load_failed",
            "1 while a plugin is not there since it did not load, or goes on although its file is another one or gone.",
        );
        let mut failed = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        plugins.iter().try_for_each(|plugin| {
            let has_failed = u64::from(plugin.content.is_none() || plugin.is_stale);
            failed.encode_family(&[("plugin", &*plugin.name)])?.encode_gauge(&has_failed)
        })
    }
}
