//! Lines in the host's log.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// How grave a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// For finding faults.
    Debug,
    /// What happened.
    Info,
    /// What may need somebody.
    Warn,
    /// What failed.
    Error,
}

/// One line.
#[derive(Clone, Copy, Debug)]
pub struct LogRecord<'a> {
    /// How grave.
    pub level: Level,
    /// What happened, in a few words that stay the same from time to time.
    pub message: &'a str,
    /// What varies.
    pub fields: &'a [(&'a str, Json)],
    /// The request; empty outside of one.
    pub request_id: &'a str,
}

/// Writes lines; the host adds the plugin's name and takes out secrets. Never fails and never waits.
pub trait Log: Send + Sync {
    /// Writes one.
    fn log(&self, record: &LogRecord<'_>);
}
