//! What a plugin writes into the log, lines and rows: without the secrets of its entry, and no more than leaves room for
//! others.

use gatewright_config::{PluginEntry, Secrets};
use gatewright_host::LoggedRecords;
use gatewright_plugin::services::{Level, Log, LogRecord, Record, Records, ServiceError};
use gatewright_telemetry::{Metrics, PluginLog};
use serde_json::{Map, Value as Json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most bytes at once: the queue of the log has room for several such plugins.
const BURST: usize = 256 << 10;

/// How many bytes more a second.
const A_SECOND: usize = 4 << 20;

/// What a line has beside its message and fields, about.
const AROUND: usize = 200;

/// Writes for one plugin.
pub(crate) struct Written {
    plugin: Box<str>,
    log: PluginLog,
    records: LoggedRecords,
    secrets: Secrets,
    metrics: Option<Arc<Metrics>>,
    allowance: Mutex<Allowance>,
}

/// What may be written at this moment.
struct Allowance {
    left: usize,
    at: Instant,
    /// Lines that were left out, and nobody was told of.
    left_out: u64,
}

/// About how many bytes this has as JSON.
fn size(value: &Json) -> usize {
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => 8,
        Json::String(text) => text.len() + 2,
        Json::Array(items) => items.iter().map(|item| size(item) + 1).sum(),
        Json::Object(members) => members.iter().map(|(name, value)| name.len() + size(value) + 4).sum(),
    }
}

fn concealed(value: &Json, secrets: &Secrets) -> Json {
    match value {
        Json::String(text) => Json::String(secrets.conceal(text)),
        Json::Array(items) => items.iter().map(|item| concealed(item, secrets)).collect(),
        Json::Object(members) => Json::Object(concealed_members(members, secrets)),
        Json::Null | Json::Bool(_) | Json::Number(_) => value.clone(),
    }
}

fn concealed_members(members: &Map<String, Json>, secrets: &Secrets) -> Map<String, Json> {
    members.iter().map(|(name, value)| (secrets.conceal(name), concealed(value, secrets))).collect()
}

// === impl Written ===

impl Written {
    /// For the plugin of this entry. What is left out is counted in `metrics`.
    pub(crate) fn new(entry: &PluginEntry, metrics: Option<Arc<Metrics>>) -> Self {
        let name = &*entry.name;
        Self {
            plugin: name.into(),
            log: PluginLog::new(name),
            records: LoggedRecords::new(name),
            secrets: entry.secrets(),
            metrics,
            allowance: Mutex::new(Allowance::new(Instant::now())),
        }
    }

    /// Whether so many bytes may be written. Once there is room again, the log says how much was left out.
    fn admits(&self, bytes: usize) -> bool {
        let admitted = self.allowance.lock().unwrap_or_else(PoisonError::into_inner).admits(bytes, Instant::now());
        match admitted {
            None => {
                if let Some(metrics) = &self.metrics {
                    metrics.plugin_line_dropped(&self.plugin);
                }
            }
            Some(0) => {}
            Some(lines) => tracing::warn!(
                plugin = &*self.plugin,
                lines,
                "a plugin wrote more than {} MiB a second: lines of it were left out",
                A_SECOND >> 20
            ),
        }
        admitted.is_some()
    }
}

impl Log for Written {
    fn log(&self, record: &LogRecord<'_>) {
        // What nobody is shown takes no room.
        if record.level == Level::Debug && !tracing::enabled!(target: "gatewright::plugin", tracing::Level::DEBUG) {
            return;
        }
        let fields: usize = record.fields.iter().map(|(name, value)| name.len() + size(value) + 4).sum();
        if !self.admits(record.message.len() + fields + AROUND) {
            return;
        }
        if self.secrets.is_empty() {
            return self.log.log(record);
        }
        let message = self.secrets.conceal(record.message);
        let fields = record.fields.iter().map(|(name, value)| (*name, concealed(value, &self.secrets)));
        let fields: Vec<(&str, Json)> = fields.collect();
        self.log.log(&LogRecord { message: &message, fields: &fields, ..*record });
    }
}

impl Records for Written {
    fn append(&self, record: Record) -> Result<(), ServiceError> {
        let Record { table, row } = record;
        let bytes: usize = row.iter().map(|(name, value)| name.len() + size(value) + 4).sum();
        if !self.admits(bytes + AROUND) {
            return Err(ServiceError::TooLarge(format!("a plugin writes at most {} MiB a second", A_SECOND >> 20)));
        }
        let row = if self.secrets.is_empty() { row } else { concealed_members(&row, &self.secrets) };
        self.records.append(Record { table, row })
    }
}

// === impl Allowance ===

impl Allowance {
    fn new(now: Instant) -> Self {
        Self { left: BURST, at: now, left_out: 0 }
    }

    /// How many lines were left out before this one, if this one may be written.
    fn admits(&mut self, bytes: usize, now: Instant) -> Option<u64> {
        let passed = now.saturating_duration_since(self.at).min(Duration::from_secs(1));
        let earned = usize::try_from(passed.as_micros()).unwrap_or(usize::MAX).saturating_mul(A_SECOND) / 1_000_000;
        if earned > 0 {
            self.left = self.left.saturating_add(earned).min(BURST);
            self.at = now;
        }
        // One line that is larger than all there may be is written when all of it is there.
        match self.left >= bytes.min(BURST) {
            true => {
                self.left -= bytes.min(BURST);
                Some(std::mem::take(&mut self.left_out))
            }
            false => {
                self.left_out += 1;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
