//! What the process itself uses, read when somebody asks.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

/// Memory, open files, start, and lines that the log lost.
#[derive(Clone, Debug)]
pub(super) struct Process {
    /// Unix time in seconds.
    started: f64,
    /// Set once the log runs.
    pub(super) lines_dropped: Arc<OnceLock<Arc<AtomicU64>>>,
}

// === impl Process ===

impl Process {
    pub(super) fn new() -> Self {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        Self { started, lines_dropped: Arc::default() }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let mut gauge = |name: &str, help: &str, value: f64| {
            encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
        };
        gauge("process_start_time_seconds", "Unix time at which the process started.", self.started)?;
        if let Some(bytes) = resident_bytes() {
            gauge("process_resident_memory_bytes", "Memory that is resident.", bytes as f64)?;
        }
        if let Some(files) = open_files() {
            gauge("process_open_fds", "Open file descriptors.", files as f64)?;
        }
        if let Some(dropped) = self.lines_dropped.get() {
            let (name, help) = ("gatewright_log_lines_dropped", "Log lines that found no room in the queue.");
            let mut counter = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            counter.encode_counter::<NoLabelSet, _, f64>(&dropped.load(Relaxed), None)?;
        }
        Ok(())
    }
}

/// `None` where there is no `/proc`.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// `None` where there is no `/proc`.
fn open_files() -> Option<usize> {
    // One of them is the listing's own.
    Some(std::fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1))
}
