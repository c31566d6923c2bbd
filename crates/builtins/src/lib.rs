//! The plugins that ship, a folder each, and the one list of them.
//!
//! They are written with the trait and the macro that every author has; only `logging` and `telemetry` are given more
//! than a plugin may have, by their constructors. The docs of each are in `docs/plugins`.

pub mod catalog;
mod cost_alerter;
mod jailbreak_detector;
mod logging;
mod request_logger;
mod telemetry;
mod webhook_notifier;

pub use catalog::{Builtin, CATALOG, Privileges, find};
pub use cost_alerter::{CostAlerter, CostAlerterConfig};
pub use jailbreak_detector::{JailbreakDetector, JailbreakDetectorConfig};
pub use logging::Logging;
pub use request_logger::RequestLogger;
pub use telemetry::Telemetry;
pub use webhook_notifier::{WebhookEvent, WebhookNotifier, WebhookNotifierConfig};

use serde::Deserialize;

/// The `config` of a plugin that has nothing to configure.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}
