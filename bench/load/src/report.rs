//! The one line that a run prints.

use std::time::Duration;

use serde::Serialize;

use crate::exchange::{Failure, Sample};
use crate::process::CpuUsed;
use crate::stage::Tally;

/// What was seen in the measured window.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) tally: Tally,
    /// From the first request's start to the last one's end.
    pub(crate) seconds: f64,
    pub(crate) cpu: Option<CpuUsed>,
    pub(crate) rss_bytes: Option<u64>,
}

/// Times are in microseconds over good requests only; a figure that cannot be had is null.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    errors_status: u64,
    errors_short: u64,
    errors_connection: u64,
    errors_timeout: u64,
    seconds: f64,
    /// Good requests per second.
    rps: f64,
    p50_us: Option<f64>,
    p90_us: Option<f64>,
    p99_us: Option<f64>,
    ttfb_p50_us: Option<f64>,
    ttfb_p99_us: Option<f64>,
    body_bytes_per_response: Option<f64>,
    frames_per_response: Option<f64>,
    cpu_seconds_per_1000: Option<f64>,
    cpu_user_seconds: Option<f64>,
    cpu_system_seconds: Option<f64>,
    /// CPU seconds of the server per second: 1 is one core without a pause.
    cpu_busy: Option<f64>,
    rss_bytes: Option<u64>,
    #[serde(skip)]
    pub(crate) first_failure: Option<Failure>,
}

impl Report {
    pub(crate) fn new(measured: Measured) -> Self {
        let Measured { tally, seconds, cpu, rss_bytes } = measured;
        let errors = tally.bad();
        let good = tally.good.len() as f64;
        let per_good = |sum: f64| (good > 0.0).then(|| round(sum / good));
        let total = sorted(&tally.good, |sample| sample.total);
        let first_byte = sorted(&tally.good, |sample| sample.first_byte);
        Self {
            requests: tally.good.len() as u64 + errors,
            errors,
            errors_status: tally.bad_status,
            errors_short: tally.bad_body,
            errors_connection: tally.bad_connection,
            errors_timeout: tally.late,
            seconds: round(seconds),
            rps: round(good / seconds),
            p50_us: percentile(&total, 0.50),
            p90_us: percentile(&total, 0.90),
            p99_us: percentile(&total, 0.99),
            ttfb_p50_us: percentile(&first_byte, 0.50),
            ttfb_p99_us: percentile(&first_byte, 0.99),
            body_bytes_per_response: per_good(tally.good.iter().map(|sample| sample.body_bytes as f64).sum()),
            frames_per_response: per_good(tally.good.iter().map(|sample| sample.frames as f64).sum()),
            cpu_seconds_per_1000: cpu.and_then(|cpu| (good > 0.0).then(|| micro(cpu.total * 1000.0 / good))),
            cpu_user_seconds: cpu.map(|cpu| round(cpu.user)),
            cpu_system_seconds: cpu.map(|cpu| round(cpu.system)),
            cpu_busy: cpu.map(|cpu| round(cpu.total / seconds)),
            rss_bytes,
            first_failure: tally.first_failure,
        }
    }
}

fn sorted(samples: &[Sample], field: impl Fn(&Sample) -> Duration) -> Vec<Duration> {
    let mut values: Vec<Duration> = samples.iter().map(field).collect();
    values.sort_unstable();
    values
}

/// The smallest value that at least this share of all values does not exceed, in microseconds.
fn percentile(sorted: &[Duration], share: f64) -> Option<f64> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).map(|value| round(value.as_secs_f64() * 1e6))
}

/// To a thousandth: more digits would only look exact.
fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// To a millionth, for CPU seconds, of which a thousand small requests need only hundredths.
fn micro(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests;
