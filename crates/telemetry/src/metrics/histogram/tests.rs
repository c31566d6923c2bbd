use super::{Buckets, Histogram};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::thread;

static MILLIS: Buckets = Buckets::new(&[10, 100, 1_000], 1_000.0);

fn shown(histogram: &Histogram) -> String {
    let mut registry = Registry::default();
    registry.register("h", "Help", histogram.clone());
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    text
}

#[test]
fn a_value_on_a_bound_belongs_to_it() {
    let histogram = Histogram::new(&MILLIS);
    for value in [0, 10, 11, 100, 1_000, 1_001, u64::MAX / 2] {
        histogram.observe(value);
    }
    let text = shown(&histogram);
    for line in [
        "h_count 7",
        "h_bucket{le=\"0.01\"} 2",
        "h_bucket{le=\"0.1\"} 4",
        "h_bucket{le=\"1.0\"} 5",
        "h_bucket{le=\"+Inf\"} 7",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert_eq!(histogram.count(), 7);
}

#[test]
fn nothing_is_lost_between_threads() {
    let histogram = Histogram::new(&MILLIS);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..10_000).for_each(|value| histogram.observe(value % 20)));
        }
    });
    let text = shown(&histogram);
    assert!(text.contains("h_count 80000") && text.contains("h_sum 760.0"), "{text}");
    assert!(text.contains("h_bucket{le=\"0.01\"} 44000"), "{text}");
}

#[test]
fn the_largest_value_is_counted() {
    let histogram = Histogram::new(&MILLIS);
    histogram.observe(u64::MAX);
    assert!(shown(&histogram).contains("h_bucket{le=\"+Inf\"} 1"));
}
