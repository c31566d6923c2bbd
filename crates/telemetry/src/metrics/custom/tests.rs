use super::MAX_PLUGIN_SERIES;
use crate::Metrics;
use gatewright_plugin::services::{self, Sample, SampleKind, ServiceError};
use std::sync::Arc;

type Service = Arc<dyn services::Metrics>;

fn record(
    service: &Service,
    kind: SampleKind,
    name: &str,
    value: f64,
    labels: &[(&str, &str)],
) -> Result<(), ServiceError> {
    service.record(&Sample { name, kind, value, labels })
}

fn shows(metrics: &Metrics, line: &str) {
    let text = metrics.render();
    assert!(text.lines().any(|other| other == line), "no {line} in\n{text}");
}

#[test]
fn each_kind_shows_under_the_plugins_name() {
    let metrics = Metrics::new();
    let service = metrics.plugin_metrics("pii-guard");
    let labels = [("kind", "e\"mail")];
    record(&service, SampleKind::Count, "found", 1.0, &labels).unwrap();
    record(&service, SampleKind::Count, "found_total", 2.5, &labels).unwrap();
    record(&service, SampleKind::Gauge, "size", 7.0, &[]).unwrap();
    record(&service, SampleKind::Gauge, "size", -3.0, &[]).unwrap();
    record(&service, SampleKind::Observe, "score", 0.7, &[]).unwrap();
    for line in [
        r#"gatewright_plugin_pii_guard_found_total{kind="e\"mail"} 3.5"#,
        "gatewright_plugin_pii_guard_size{} -3.0",
        "gatewright_plugin_pii_guard_score_count{} 1",
        r#"gatewright_plugin_pii_guard_score_bucket{le="1.0"} 1"#,
        r#"gatewright_plugin_pii_guard_score_bucket{le="0.5"} 0"#,
        r#"gatewright_plugin_samples_refused_total{plugin="pii-guard"} 0"#,
    ] {
        shows(&metrics, line);
    }
}

#[test]
fn series_are_bounded_for_each_plugin() {
    let metrics = Metrics::new();
    let service = metrics.plugin_metrics("greedy");
    let user = |at: usize| record(&service, SampleKind::Count, "seen", 1.0, &[("user", &format!("u{at}"))]);
    for at in 0..MAX_PLUGIN_SERIES {
        user(at).unwrap();
    }
    for at in 0..50 {
        assert!(matches!(user(MAX_PLUGIN_SERIES + at), Err(ServiceError::TooLarge(_))));
    }
    let more = record(&service, SampleKind::Gauge, "more", 1.0, &[]);
    assert!(matches!(more, Err(ServiceError::TooLarge(_))));
    // What it has, it may still use; others are not touched; and a new instance of it gets no more.
    user(0).unwrap();
    record(&metrics.plugin_metrics("modest"), SampleKind::Count, "seen", 1.0, &[]).unwrap();
    let again = record(&metrics.plugin_metrics("greedy"), SampleKind::Count, "seen", 1.0, &[("user", "new")]);
    assert!(again.is_err());
    shows(&metrics, r#"gatewright_plugin_samples_refused_total{plugin="greedy"} 52"#);
    shows(&metrics, r#"gatewright_plugin_greedy_seen_total{user="u0"} 2.0"#);
    assert_eq!(metrics.render().matches("gatewright_plugin_greedy_seen_total{").count(), MAX_PLUGIN_SERIES);
    assert!(!metrics.render().contains("gatewright_plugin_greedy_more"));
}

#[test]
fn what_is_not_legal_is_refused() {
    let metrics = Metrics::new();
    let service = metrics.plugin_metrics("p");
    let long = "x".repeat(65);
    let many = [("a", ""), ("b", ""), ("c", ""), ("d", ""), ("e", ""), ("f", ""), ("g", ""), ("h", ""), ("i", "")];
    let refused = [
        record(&service, SampleKind::Count, "", 1.0, &[]),
        record(&service, SampleKind::Count, "a-b", 1.0, &[]),
        record(&service, SampleKind::Count, &long, 1.0, &[]),
        record(&service, SampleKind::Gauge, "a_sum", 1.0, &[]),
        record(&service, SampleKind::Gauge, "a_total", 1.0, &[]),
        record(&service, SampleKind::Count, "a", -1.0, &[]),
        record(&service, SampleKind::Gauge, "a", f64::NAN, &[]),
        record(&service, SampleKind::Gauge, "a", f64::INFINITY, &[]),
        record(&service, SampleKind::Gauge, "a", 1.0, &many),
        record(&service, SampleKind::Gauge, "a", 1.0, &[("le", "1")]),
        record(&service, SampleKind::Gauge, "a", 1.0, &[("1a", "1")]),
        record(&service, SampleKind::Gauge, "a", 1.0, &[("", "1")]),
        record(&service, SampleKind::Gauge, "a", 1.0, &[("k", "1"), ("k", "2")]),
        record(&service, SampleKind::Gauge, "a", 1.0, &[("k", &long)]),
        record(&service, SampleKind::Gauge, "a", 1.0, &[("k\"", "")]),
    ];
    for (at, refusal) in refused.iter().enumerate() {
        assert!(matches!(refusal, Err(ServiceError::Invalid(_))), "{at}: {refusal:?}");
    }
    assert!(!metrics.render().contains("gatewright_plugin_p_"));
}

#[test]
fn names_cannot_be_taken_from_others() {
    let metrics = Metrics::new();
    record(&metrics.plugin_metrics("a_b"), SampleKind::Count, "c", 1.0, &[]).unwrap();
    let service = metrics.plugin_metrics("a");
    assert!(record(&service, SampleKind::Count, "b_c", 1.0, &[]).is_err());
    record(&service, SampleKind::Count, "mine", 1.0, &[]).unwrap();
    assert!(record(&service, SampleKind::Gauge, "mine", 1.0, &[]).is_err());
    assert!(record(&metrics.plugin_metrics("duration"), SampleKind::Gauge, "seconds", 1.0, &[]).is_err());
    assert!(record(&metrics.plugin_metrics("samples"), SampleKind::Count, "refused_total", 1.0, &[]).is_err());
}

#[test]
fn metrics_of_plugins_that_are_gone_give_way() {
    let metrics = Metrics::new();
    let kept = metrics.plugin_metrics("kept");
    record(&kept, SampleKind::Gauge, "g", 1.0, &[]).unwrap();
    for at in 0..600 {
        record(&metrics.plugin_metrics(&format!("gone{at}")), SampleKind::Gauge, "g", 1.0, &[]).unwrap();
    }
    assert!(metrics.render().matches("_g{}").count() <= 257);
    shows(&metrics, "gatewright_plugin_kept_g{} 1.0");
}
