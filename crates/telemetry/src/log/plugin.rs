//! The log of plugins.

use super::json;
use super::redact::{REDACTED, Redacted, is_secret_name};
use gatewright_plugin::services::{Level, Log, LogRecord};
use serde_json::Value as Json;
use std::fmt;

/// The log service of one plugin: adds the plugin's name and the request's id, and takes out secrets. Fields stand
/// under `fields`, so that they cannot pass for the host's own.
#[derive(Clone, Debug)]
pub struct PluginLog {
    plugin: Box<str>,
}

/// The fields of a record as a JSON object, without secrets.
struct Object<'a>(&'a [(&'a str, Json)]);

// === impl PluginLog ===

impl PluginLog {
    /// The log of this instance.
    pub fn new(instance: &str) -> Self {
        Self { plugin: instance.into() }
    }
}

macro_rules! line {
    ($level:ident, $plugin:expr, $record:expr) => {{
        let fields = Some($record.fields).filter(|fields| !fields.is_empty()).map(|fields| tracing::field::display(Object(fields)));
        tracing::$level!(
            target: "gatewright::plugin",
            plugin = $plugin,
            request_id = Some($record.request_id).filter(|id| !id.is_empty()),
            "json:fields" = fields,
            "{}",
            $record.message
        )
    }};
}

impl Log for PluginLog {
    fn log(&self, record: &LogRecord<'_>) {
        let plugin = &*self.plugin;
        match record.level {
            Level::Debug => line!(debug, plugin, record),
            Level::Info => line!(info, plugin, record),
            Level::Warn => line!(warn, plugin, record),
            Level::Error => line!(error, plugin, record),
        }
    }
}

// === impl Object ===

impl fmt::Display for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, (name, value)) in self.0.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { "," })?;
            json::write_text(f, name)?;
            match is_secret_name(name) {
                true => write!(f, r#":"{REDACTED}""#)?,
                false => write!(f, ":{}", Redacted(value))?,
            }
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests;
