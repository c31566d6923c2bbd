use super::MAX_PLUGINS;
use crate::Metrics;
use gatewright_pipeline::Judged;
use gatewright_plugin::{Failure, Hook, HookSet};
use std::time::Duration;

const MICRO: Duration = Duration::from_micros(1);

fn shows(metrics: &Metrics, line: &str) {
    let text = metrics.render();
    assert!(text.lines().any(|other| other == line), "no {line} in\n{text}");
}

#[test]
fn calls_are_counted_by_hook_and_result() {
    let metrics = Metrics::new();
    let probe = metrics.probe("guard", HookSet::of(&[Hook::CheckInput, Hook::PreLlm]));
    shows(&metrics, r#"gatewright_plugin_calls_total{plugin="guard",hook="pre_llm",result="ok"} 0"#);
    for _ in 0..3 {
        probe.called(Hook::CheckInput, Judged::Ok, 3 * MICRO);
    }
    probe.called(Hook::CheckInput, Judged::Failed(Failure::TimedOut.cause()), 5_000_000 * MICRO);
    probe.called(Hook::CheckInput, Judged::Failed("news"), MICRO);
    probe.called(Hook::CheckInput, Judged::Skipped, MICRO);
    probe.called(Hook::CheckInput, Judged::CutOff, MICRO);
    for line in [
        r#"gatewright_plugin_calls_total{plugin="guard",hook="check_input",result="ok"} 3"#,
        r#"gatewright_plugin_calls_total{plugin="guard",hook="check_input",result="failed"} 2"#,
        r#"gatewright_plugin_calls_total{plugin="guard",hook="check_input",result="skipped"} 1"#,
        r#"gatewright_plugin_calls_total{plugin="guard",hook="check_input",result="cut_off"} 1"#,
        r#"gatewright_plugin_failures_total{plugin="guard",hook="check_input",cause="timeout"} 1"#,
        r#"gatewright_plugin_failures_total{plugin="guard",hook="check_input",cause="other"} 1"#,
        r#"gatewright_plugin_timeouts_total{plugin="guard",hook="check_input"} 1"#,
        r#"gatewright_plugin_duration_seconds_count{plugin="guard",hook="check_input"} 5"#,
        r#"gatewright_plugin_duration_seconds_bucket{le="0.000005",plugin="guard",hook="check_input"} 4"#,
        r#"gatewright_plugin_duration_seconds_bucket{le="5.0",plugin="guard",hook="check_input"} 5"#,
        r#"gatewright_plugin_timeouts_total{plugin="guard",hook="pre_llm"} 0"#,
    ] {
        shows(&metrics, line);
    }
}

#[test]
fn every_cause_of_failure_has_its_word() {
    let metrics = Metrics::new();
    let probe = metrics.probe("guard", HookSet::EMPTY);
    let said = String::new;
    let failures = [
        Failure::Returned(said()),
        Failure::Panicked(said()),
        Failure::TimedOut,
        Failure::Malformed(said()),
        Failure::Oversized(said()),
        Failure::Unavailable(said()),
    ];
    for failure in failures {
        probe.called(Hook::Auth, Judged::Failed(failure.cause()), MICRO);
        let cause = failure.cause();
        shows(
            &metrics,
            &format!(r#"gatewright_plugin_failures_total{{plugin="guard",hook="auth",cause="{cause}"}} 1"#),
        );
    }
}

#[test]
fn a_replaced_instance_goes_on_with_its_series() {
    let metrics = Metrics::new();
    let hooks = HookSet::of(&[Hook::Auth]);
    metrics.probe("guard", hooks).called(Hook::Auth, Judged::Ok, MICRO);
    metrics.probe("guard", hooks).called(Hook::Auth, Judged::Ok, MICRO);
    shows(&metrics, r#"gatewright_plugin_calls_total{plugin="guard",hook="auth",result="ok"} 2"#);
}

#[test]
fn series_of_instances_that_are_gone_give_way() {
    let metrics = Metrics::new();
    let hooks = HookSet::of(&[Hook::Auth]);
    let kept = metrics.probe("kept", hooks);
    for at in 0..MAX_PLUGINS * 2 {
        metrics.probe(&format!("gone-{at}"), hooks);
    }
    let text = metrics.render();
    assert!(text.matches("gatewright_plugin_timeouts_total{").count() <= MAX_PLUGINS + 1);
    kept.called(Hook::Auth, Judged::Ok, MICRO);
    shows(&metrics, r#"gatewright_plugin_calls_total{plugin="kept",hook="auth",result="ok"} 1"#);
}
