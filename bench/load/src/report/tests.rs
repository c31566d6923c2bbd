use std::time::Duration;

use super::{Measured, Report, percentile};
use crate::exchange::{Failure, Sample};
use crate::process::CpuUsed;
use crate::stage::Tally;

#[test]
fn percentiles_are_values_that_occurred() {
    let values: Vec<Duration> = (1..=100).map(Duration::from_micros).collect();
    assert_eq!(percentile(&values, 0.50), Some(50.0));
    assert_eq!(percentile(&values, 0.99), Some(99.0));
    assert_eq!(percentile(&values[..1], 0.99), Some(1.0));
    assert_eq!(percentile(&[], 0.50), None);
}

#[test]
fn failed_requests_count_as_requests_but_not_as_work_done() {
    let sample =
        Sample { total: Duration::from_millis(2), first_byte: Duration::from_millis(1), body_bytes: 10, frames: 2 };
    let tally =
        Tally { good: vec![sample; 3], bad_body: 1, first_failure: Some(Failure::Short(0)), ..Tally::default() };
    let cpu = Some(CpuUsed { user: 0.01, system: 0.02, total: 0.03 });
    let report = Report::new(Measured { tally, seconds: 2.0, cpu, rss_bytes: None });
    let value = serde_json::to_value(&report).unwrap();
    assert_eq!(value["requests"], 4);
    assert_eq!(value["errors"], 1);
    assert_eq!(value["rps"], 1.5);
    assert_eq!(value["cpu_seconds_per_1000"], 10.0);
    assert_eq!(value["ttfb_p50_us"], 1000.0);
    assert_eq!(value["frames_per_response"], 2.0);
    assert!(value["rss_bytes"].is_null());
}
