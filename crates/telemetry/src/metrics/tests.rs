use super::{HostReport, LoadedContent, LoadedPlugin, Metrics, PluginReport, ReloadResult};
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
    shows(&metrics, r#"gatewright_config_reloads_total{result="partial"} 0"#);
    metrics.config_reload(ReloadResult::Success);
    metrics.config_reload(ReloadResult::Failure);
    metrics.config_reload(ReloadResult::Failure);
    metrics.config_reload(ReloadResult::Partial);
    metrics.plugin_set(7);
    metrics.plugin_load_failed("pii");
    metrics.plugin_load_failed("pii");
    metrics.plugin_line_dropped("pii");
    shows(&metrics, r#"gatewright_config_reloads_total{result="success"} 1"#);
    shows(&metrics, r#"gatewright_config_reloads_total{result="failure"} 2"#);
    shows(&metrics, r#"gatewright_config_reloads_total{result="partial"} 1"#);
    shows(&metrics, "gatewright_plugin_set_generation 7");
    shows(&metrics, r#"gatewright_plugin_load_failures_total{plugin="pii"} 2"#);
    shows(&metrics, r#"gatewright_plugin_log_lines_dropped_total{plugin="pii"} 1"#);
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
    metrics.watch_hosts(|| HostReport { plugins: vec![report("next", false)], libraries: None });
    shows(&metrics, r#"gatewright_plugin_breaker_open{plugin="next"} 0"#);
    assert_eq!(metrics.render().matches("gatewright_plugin_breaker_open{").count(), 1);
}

/// A plugin of this version; one without a version did not load.
fn loaded(name: &str, version: Option<&str>, sha256: Option<&str>, is_stale: bool) -> LoadedPlugin {
    let content = |version: &str| LoadedContent { version: version.to_owned(), sha256: sha256.map(ToOwned::to_owned) };
    LoadedPlugin { name: name.into(), content: version.map(content), is_stale }
}

#[test]
fn what_is_loaded_of_plugins_is_shown_while_they_are_there() {
    let metrics = Metrics::new();
    let strange = "1.0.0\"}\n".to_owned() + &"x".repeat(1000);
    metrics.loaded_plugins(vec![
        loaded("linked", Some("0.1.0"), None, false),
        loaded("old", Some("1.2.3"), Some("abc"), true),
        loaded("out", None, None, false),
        loaded("strange", Some(&strange), None, false),
    ]);
    for line in [
        r#"gatewright_plugin_info{plugin="linked",version="0.1.0",sha256=""} 1"#.to_owned(),
        r#"gatewright_plugin_info{plugin="old",version="1.2.3",sha256="abc"} 1"#.to_owned(),
        format!(r#"gatewright_plugin_info{{plugin="strange",version="1.0.0\"}}\n{}",sha256=""}} 1"#, "x".repeat(56)),
        r#"gatewright_plugin_load_failed{plugin="linked"} 0"#.to_owned(),
        r#"gatewright_plugin_load_failed{plugin="old"} 1"#.to_owned(),
        r#"gatewright_plugin_load_failed{plugin="out"} 1"#.to_owned(),
    ] {
        shows(&metrics, &line);
    }
    assert!(!metrics.render().contains("gatewright_plugin_info{plugin=\"out\""));
    metrics.loaded_plugins(vec![loaded("linked", Some("0.1.0"), None, false)]);
    let text = metrics.render();
    assert_eq!(text.matches("gatewright_plugin_info{").count(), 1, "{text}");
    assert_eq!(text.matches("gatewright_plugin_load_failed{").count(), 1, "{text}");
}

#[test]
fn attempts_are_counted_by_provider_and_outcome() {
    let metrics = Metrics::new();
    let openai = metrics.provider("openai");
    openai.attempted(None);
    openai.attempted(Some(ErrorKind::RateLimit));
    openai.attempted(Some(ErrorKind::Cancelled));
    openai.retried(3);
    metrics.provider("openai").attempted(None);
    metrics.provider("anthropic").fell_back();
    for line in [
        r#"gatewright_attempts_total{provider="openai",outcome="success",error_type=""} 2"#,
        r#"gatewright_attempts_total{provider="openai",outcome="error",error_type="rate_limit"} 1"#,
        r#"gatewright_attempts_total{provider="openai",outcome="cancelled",error_type="cancelled"} 1"#,
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
    metrics.loaded_plugins(vec![loaded("guard", Some("1.0.0"), None, true)]);
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
