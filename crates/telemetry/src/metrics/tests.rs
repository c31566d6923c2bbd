use super::{HostReport, Metrics, PluginReport};
use crate::log::{LogConfig, LogOutput, subscriber};
use gatewright_model::ErrorKind;
use gatewright_plugin::HookSet;

fn shows(metrics: &Metrics, line: &str) {
    let text = metrics.render();
    assert!(text.lines().any(|other| other == line), "no {line} in\n{text}");
}

#[test]
fn requests_under_way_are_counted_until_they_are_dropped() {
    let metrics = Metrics::new();
    let (first, second) = (metrics.active_request(), metrics.active_request());
    shows(&metrics, "gatewright_active_requests 2");
    drop(first);
    shows(&metrics, "gatewright_active_requests 1");
    drop(second);
    shows(&metrics, "gatewright_active_requests 0");
}

#[test]
fn reloads_and_sets_are_shown() {
    let metrics = Metrics::new();
    shows(&metrics, r#"gatewright_config_reloads_total{result="failure"} 0"#);
    metrics.config_reload(true);
    metrics.config_reload(false);
    metrics.config_reload(false);
    metrics.plugin_set(7);
    metrics.plugin_load_failed("pii");
    metrics.plugin_load_failed("pii");
    shows(&metrics, r#"gatewright_config_reloads_total{result="success"} 1"#);
    shows(&metrics, r#"gatewright_config_reloads_total{result="failure"} 2"#);
    shows(&metrics, "gatewright_plugin_set_generation 7");
    shows(&metrics, r#"gatewright_plugin_load_failures_total{plugin="pii"} 2"#);
}

/// An instance that has no host of its own.
fn report(name: &str, keeps_failing: bool) -> PluginReport {
    PluginReport { name: name.into(), keeps_failing, standing: None }
}

#[test]
fn breakers_are_those_of_the_plugins_in_force() {
    let metrics = Metrics::new();
    drop(metrics.probe("gone", HookSet::ALL));
    metrics.watch_hosts(|| HostReport { plugins: vec![report("fine", false), report("guard", true)], libraries: None });
    shows(&metrics, r#"gatewright_plugin_breaker_open{plugin="fine"} 0"#);
    shows(&metrics, r#"gatewright_plugin_breaker_open{plugin="guard"} 1"#);
    assert_eq!(metrics.render().matches("gatewright_plugin_breaker_open{").count(), 2);
}

#[test]
fn attempts_are_counted_by_provider_and_outcome() {
    let metrics = Metrics::new();
    let openai = metrics.provider("openai");
    openai.attempted(None);
    openai.attempted(Some(ErrorKind::RateLimit));
    openai.retried(3);
    metrics.provider("openai").attempted(None);
    metrics.provider("anthropic").fell_back();
    for line in [
        r#"gatewright_attempts_total{provider="openai",outcome="success",error_type=""} 2"#,
        r#"gatewright_attempts_total{provider="openai",outcome="error",error_type="rate_limit"} 1"#,
        r#"gatewright_retries_total{provider="openai"} 3"#,
        r#"gatewright_retries_total{provider="anthropic"} 0"#,
        r#"gatewright_fallbacks_total{provider="anthropic"} 1"#,
    ] {
        shows(&metrics, line);
    }
}

#[test]
fn the_build_and_the_process_are_shown() {
    let text = Metrics::new().render();
    assert!(text.contains(concat!("gatewright_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"")), "{text}");
    assert!(text.contains("process_start_time_seconds"));
    if cfg!(target_os = "linux") {
        let line = text.lines().find(|line| line.starts_with("process_resident_memory_bytes ")).unwrap();
        let bytes: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        assert!(bytes > 1e6, "{bytes}");
        assert!(text.contains("process_open_fds "));
    }
}

#[test]
fn dropped_lines_are_shown() {
    let metrics = Metrics::new();
    let output = LogOutput::Writer(Box::new(std::io::sink()));
    let config = LogConfig { output, max_queued_bytes: 10, ..LogConfig::default() };
    let (subscriber, guard) = subscriber(config).unwrap();
    metrics.watch_log(guard.handle());
    tracing::subscriber::with_default(subscriber, || tracing::info!("too long for the queue"));
    shows(&metrics, "gatewright_log_lines_dropped_total 1");
    assert_eq!(guard.handle().dropped(), 1);
}

/// Every line is a comment or `name{labels} value`, every family is described once, before its series, and the series
/// of a family stand together.
#[test]
fn the_text_follows_the_format() {
    let metrics = Metrics::new();
    metrics.request("chat", &gatewright_testkit::summary());
    metrics.provider("openai").attempted(None);
    let probe = metrics.probe("guard", HookSet::ALL);
    metrics.watch_hosts(|| HostReport { plugins: vec![report("guard", true)], libraries: Some((1, 0)) });
    let text = metrics.render();
    let mut described = Vec::new();
    for line in text.lines() {
        if let Some(described_now) = line.strip_prefix("# TYPE ") {
            let name = described_now.split(' ').next().unwrap().to_owned();
            assert!(!described.contains(&name), "{name} is described twice");
            described.push(name);
        } else if !line.starts_with('#') {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let name = series.split('{').next().unwrap();
            assert!(name.starts_with(described.last().unwrap().as_str()), "{line}");
        }
    }
    assert!(text.ends_with("# EOF\n") && text.matches("# EOF").count() == 1);
    drop(probe);
}
