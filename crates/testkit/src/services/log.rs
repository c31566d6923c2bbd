//! Lines, kept.

use super::lock;
use gatewright_plugin::services::{Level, Log, LogRecord};
use serde_json::{Map, Value as Json};
use std::sync::Mutex;

/// Keeps the lines that are written to it.
#[derive(Debug, Default)]
pub struct MockLog(Mutex<Vec<LogLine>>);

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    /// How grave.
    pub level: Level,
    /// What happened.
    pub message: String,
    /// What varies.
    pub fields: Map<String, Json>,
    /// The request.
    pub request_id: String,
}

// === impl MockLog ===

impl MockLog {
    /// The lines so far.
    pub fn lines(&self) -> Vec<LogLine> {
        lock(&self.0).clone()
    }

    /// The line of this message, if there is one.
    pub fn line(&self, message: &str) -> Option<LogLine> {
        lock(&self.0).iter().find(|line| line.message == message).cloned()
    }
}

impl Log for MockLog {
    fn log(&self, record: &LogRecord<'_>) {
        lock(&self.0).push(LogLine {
            level: record.level,
            message: record.message.to_owned(),
            fields: record.fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            request_id: record.request_id.to_owned(),
        });
    }
}
