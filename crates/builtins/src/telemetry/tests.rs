use super::Telemetry;
use gatewright_plugin::prelude::*;
use gatewright_telemetry::Metrics;
use gatewright_testkit::{MockCx, block_on, failed, summary};
use std::sync::Arc;

fn cx(endpoint: &str) -> MockCx {
    MockCx::new("test-123", "user-456", "key-789", "gpt-4", endpoint)
}

#[test]
fn requests_show_in_the_metrics() {
    let metrics = Arc::new(Metrics::new());
    let plugin = Telemetry::new(metrics.clone());
    block_on(plugin.post_request(&mut cx("/v1/chat/completions"), &summary())).unwrap();
    let blocked = failed(ErrorKind::GuardrailBlocked, "no");
    block_on(plugin.post_request(&mut cx("/anthropic/v1/messages"), &blocked)).unwrap();
    let text = metrics.render();
    for line in [
        r#"gatewright_requests_total{status="success",error_type="",provider="openai",model="gpt-4"} 1"#,
        r#"gatewright_requests_total{status="guardrail_blocked",error_type="guardrail_blocked",provider="openai",model="gpt-4"} 1"#,
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[test]
fn it_stands_at_one_hook_and_waits_for_nothing() {
    assert_eq!(Telemetry::HOOKS.iter().collect::<Vec<_>>(), [Hook::PostRequest]);
    assert_eq!(Telemetry::IMMEDIATE, Telemetry::HOOKS);
}
