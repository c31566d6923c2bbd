//! What a plugin writes into the log, lines and rows: no more than leaves room for others.

use gatewright_host::LoggedRecords;
use gatewright_plugin::services::{Level, Log, LogRecord, Record, Records, ServiceError};
use gatewright_telemetry::{Metrics, PluginLog};
use serde_json::Value as Json;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most bytes at once: the queue of the log has room for several such plugins.
const BURST: usize = 256 << 10;

/// How many bytes more a second.
const A_SECOND: usize = 4 << 20;

/// How often it is told at most how much was left out.
const TELLING: Duration = Duration::from_secs(1);

/// What a line has beside its message and fields, about.
const AROUND: usize = 200;

/// Writes for one plugin.
pub(crate) struct Written {
    plugin: Box<str>,
    log: PluginLog,
    records: LoggedRecords,
    metrics: Arc<Metrics>,
    allowance: Mutex<Allowance>,
}

/// What may be written at this moment.
struct Allowance {
    left: usize,
    at: Instant,
    /// Lines that were left out, and nobody was told of.
    left_out: u64,
    told: Instant,
}

/// About how many bytes this has as JSON.
fn size(value: &Json) -> usize {
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => 8,
        Json::String(text) => text.len() + 2,
        Json::Array(items) => items.iter().map(|item| size(item) + 1).sum(),
        Json::Object(members) => size_of_members(members.iter().map(|(name, value)| (name.as_str(), value))),
    }
}

fn size_of_members<'a>(members: impl Iterator<Item = (&'a str, &'a Json)>) -> usize {
    members.map(|(name, value)| name.len() + size(value) + 4).sum()
}

// === impl Written ===

impl Written {
    /// For the plugin of this name.
    pub(crate) fn new(name: &str, metrics: Arc<Metrics>) -> Self {
        Self {
            plugin: name.into(),
            log: PluginLog::new(name),
            records: LoggedRecords::new(name),
            metrics,
            allowance: Mutex::new(Allowance::new(Instant::now())),
        }
    }

    /// Whether so many bytes may be written. Now and then the log says how much was left out.
    fn admits(&self, bytes: usize) -> bool {
        let admitted = self.allowance.lock().unwrap_or_else(PoisonError::into_inner).admits(bytes, Instant::now());
        match admitted {
            None => self.metrics.plugin_line_dropped(&self.plugin),
            Some(0) => {}
            Some(lines) => tracing::warn!(
                plugin = &*self.plugin,
                lines,
                "lines of a plugin were left out: it writes more than {} KiB at once, and {} MiB a second after them",
                BURST >> 10,
                A_SECOND >> 20
            ),
        }
        admitted.is_some()
    }
}

/// Whether lines of plugins are written at this level.
fn is_shown(level: Level) -> bool {
    const TARGET: &str = "gatewright::plugin";
    match level {
        Level::Debug => tracing::enabled!(target: TARGET, tracing::Level::DEBUG),
        Level::Info => tracing::enabled!(target: TARGET, tracing::Level::INFO),
        Level::Warn => tracing::enabled!(target: TARGET, tracing::Level::WARN),
        Level::Error => tracing::enabled!(target: TARGET, tracing::Level::ERROR),
    }
}

impl Log for Written {
    fn log(&self, record: &LogRecord<'_>) {
        // What nobody is shown takes no room.
        let fields = || size_of_members(record.fields.iter().map(|(name, value)| (*name, value)));
        if is_shown(record.level) && self.admits(record.message.len() + fields() + AROUND) {
            self.log.log(record);
        }
    }
}

impl Records for Written {
    fn append(&self, record: Record) -> Result<(), ServiceError> {
        let bytes = size_of_members(record.row.iter().map(|(name, value)| (name.as_str(), value)));
        let is_shown = tracing::enabled!(target: "gatewright::records", tracing::Level::INFO);
        match !is_shown || self.admits(bytes + AROUND) {
            true => self.records.append(record),
            false => Err(ServiceError::TooLarge(format!("a plugin writes at most {} MiB a second", A_SECOND >> 20))),
        }
    }
}

// === impl Allowance ===

impl Allowance {
    fn new(now: Instant) -> Self {
        Self { left: BURST, at: now, left_out: 0, told: now }
    }

    /// Whether this may be written; if so, of how many lines that were left out before it is to be told.
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
                if now.saturating_duration_since(self.told) < TELLING {
                    return Some(0);
                }
                self.told = now;
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
