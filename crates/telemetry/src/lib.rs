//! What the gateway tells of itself: metrics, in the names of the OpenTelemetry GenAI conventions, and the log.

pub mod log;
pub mod metrics;

pub use log::{LogConfig, LogError, LogGuard, LogHandle, LogOutput, LogStyle, PluginLog};
pub use metrics::{
    ActiveRequest, CONTENT_TYPE, HostReport, LoadedContent, LoadedPlugin, Metrics, PluginReport, ProviderMetrics,
    ReloadResult,
};
