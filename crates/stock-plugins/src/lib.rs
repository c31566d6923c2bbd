//! The plugins that ship and have no more than any plugin, a folder each.
//!
//! They are written with the trait and the macro that every author has, and import the contract alone: the same sources
//! are linked into the gateway and compile into any artefact. The docs of each are in `docs/plugins`.

mod cost_alerter;
mod jailbreak_detector;
mod request_logger;
mod webhook_notifier;

pub use cost_alerter::{CostAlerter, CostAlerterConfig};
pub use jailbreak_detector::{JailbreakDetector, JailbreakDetectorConfig};
pub use request_logger::RequestLogger;
pub use webhook_notifier::{WebhookEvent, WebhookNotifier, WebhookNotifierConfig};

use serde::Deserialize;

/// The `config` of a plugin that has nothing to configure.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}
