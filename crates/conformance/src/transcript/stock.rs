//! The plugins that ship, as a host loads them.

use crate::case::{CaseFailure, Outcome, ensure_eq};
use crate::host::Host;
use crate::plugins::TestPlugin;
use gatewright_pipeline::Instance;
use gatewright_plugin::Permission;
use gatewright_stock_plugins::{CostAlerter, JailbreakDetector, RequestLogger, WebhookNotifier};
use gatewright_testkit::services::MockServices;
use serde_json::{Value as Json, json};
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// The plugins that ship and have no more than any plugin.
pub static STOCK_PLUGINS: [TestPlugin; 4] = [
    TestPlugin::of::<RequestLogger>("request_logger"),
    TestPlugin::of::<JailbreakDetector>("jailbreak_detector"),
    TestPlugin::of::<CostAlerter>("cost_alerter"),
    TestPlugin::of::<WebhookNotifier>("webhook_notifier"),
];

/// Where webhooks go.
pub(super) const HOOKS_URL: &str = "https://hooks.test/T0/secret-path";

/// An instance, and what it has to write and send with.
pub(super) struct Standing {
    name: &'static str,
    pub(super) instance: Arc<Instance>,
    pub(super) mocks: MockServices,
    written: Mutex<Written>,
}

/// How many of each stand in the transcript.
#[derive(Default)]
struct Written {
    lines: usize,
    samples: usize,
    rows: usize,
    calls: usize,
}

/// The config that each runs with.
fn config(plugin: &TestPlugin) -> Json {
    match plugin.name {
        "jailbreak_detector" => json!({ "custom_patterns": ["(?i)open\\s+sesame"] }),
        "cost_alerter" => json!({ "threshold": 5.0 }),
        "webhook_notifier" => json!({ "url": HOOKS_URL, "headers": { "x-webhook-token": "t-1" } }),
        _ => json!({}),
    }
}

/// Configs that each refuses.
fn wrong_configs(plugin: &TestPlugin) -> Vec<Json> {
    match plugin.name {
        "jailbreak_detector" => vec![json!({ "custom_patterns": ["ok", "("] }), json!({ "patterns": [] })],
        "cost_alerter" => vec![json!({}), json!({ "threshold": "1" }), json!({ "threshold": -1.0 })],
        "webhook_notifier" => vec![
            json!({ "url": "ftp://hooks.test" }),
            json!({ "url": HOOKS_URL, "headers": { "x-token": "a\nb" } }),
            json!({ "url": HOOKS_URL, "events": ["later"] }),
        ],
        _ => vec![json!({ "level": "debug" })],
    }
}

/// What each says of itself, as the host found out.
pub(super) async fn introductions(host: &dyn Host, text: &mut String) -> Outcome {
    writeln!(text, "# What the plugins say of themselves")?;
    for plugin in &STOCK_PLUGINS {
        let hosted = host.load(plugin, config(plugin)).await?;
        let hooks: Vec<&str> = hosted.hooks().iter().map(|hook| hook.name()).collect();
        let mut manifest = serde_json::to_value(hosted.manifest())?;
        // The gateway's own, which changes with each release.
        ensure_eq!(manifest["version"], json!((plugin.manifest)().version), "the version of {}", plugin.name);
        manifest["version"].take();
        writeln!(text, "\n{}: {}\n{manifest}", plugin.name, hooks.join(", "))?;
    }
    Ok(())
}

/// What each says of configs that make no sense. Hosts put words of their own around it.
pub(super) async fn refusals(host: &dyn Host, text: &mut String) -> Outcome {
    writeln!(text, "\n# Configs that are refused")?;
    for plugin in &STOCK_PLUGINS {
        for config in wrong_configs(plugin) {
            let own = match (plugin.link)(config.clone()) {
                Err(failure) => failure.to_string(),
                Ok(_) => return Err(CaseFailure::new(format!("{} takes {config}", plugin.name))),
            };
            let said = match host.load(plugin, config.clone()).await {
                Err(failure) if failure.to_string().contains(&own) => own,
                Err(failure) => failure.to_string(),
                Ok(_) => "it is taken".to_owned(),
            };
            writeln!(text, "\n{} {config}\n{said}", plugin.name)?;
        }
    }
    Ok(())
}

// === impl Standing ===

impl Standing {
    /// With the permissions that its manifest asks for, and no others.
    pub(super) async fn start(host: &dyn Host, plugin: &'static TestPlugin) -> Result<Self, CaseFailure> {
        let granted = (plugin.manifest)().permissions;
        let mocks = MockServices::deny(Permission::ALL.into_iter().filter(|permission| !granted.contains(permission)));
        let hosted = host.load(plugin, config(plugin)).await?;
        let instance = Instance::start(plugin.name, hosted, config(plugin), mocks.services(), None, None).await?;
        Ok(Self { name: plugin.name, instance, mocks, written: Mutex::default() })
    }

    /// Writes what it wrote and sent since it was last asked.
    pub(super) fn write(&self, text: &mut String) -> Outcome {
        let (lines, samples) = (self.mocks.log.lines(), self.mocks.metrics.samples());
        let (rows, calls) = (self.mocks.records.rows(), self.mocks.http.calls());
        let now = Written { lines: lines.len(), samples: samples.len(), rows: rows.len(), calls: calls.len() };
        let before = std::mem::replace(&mut *self.written.lock().unwrap_or_else(PoisonError::into_inner), now);
        for line in &lines[before.lines..] {
            let fields = json!(line.fields);
            writeln!(text, "\n{} {:?} `{}` {} {fields}", self.name, line.level, line.message, line.request_id)?;
        }
        for sample in &samples[before.samples..] {
            writeln!(text, "\n{} samples {sample:?}", self.name)?;
        }
        for row in &rows[before.rows..] {
            writeln!(text, "\n{} records {row:?}", self.name)?;
        }
        for call in &calls[before.calls..] {
            let headers: Vec<String> = call.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            writeln!(text, "\n{} {} {} within {:?}", self.name, call.method, call.url, call.timeout)?;
            writeln!(text, "{}\n{}", headers.join(", "), String::from_utf8_lossy(&call.body))?;
        }
        for (key, value) in self.mocks.kv.entries() {
            writeln!(text, "\n{} keeps `{key}`: {}", self.name, String::from_utf8_lossy(&value))?;
        }
        Ok(())
    }
}
