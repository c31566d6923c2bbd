use super::Logging;
use gatewright_plugin::model::Usage;
use gatewright_plugin::prelude::*;
use gatewright_telemetry::log::{Conceal, LogConfig, LogOutput, subscriber};
use gatewright_testkit::{MockCx, block_on, failed, summary};
use serde_json::{Value as Json, json};
use std::io::{Result as IoResult, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> IoResult<()> {
        Ok(())
    }
}

/// The line for a request that ended so, without what differs from run to run.
fn line(mut cx: MockCx, summary: &RequestSummary) -> Json {
    let output = Output::default();
    let writer = LogOutput::Writer(Box::new(output.clone()));
    let (subscriber, guard) = subscriber(LogConfig { output: writer, ..LogConfig::default() }).unwrap();
    let outcome = tracing::subscriber::with_default(subscriber, || block_on(Logging.request_end(&mut cx, summary)));
    assert_eq!(outcome, Ok(()));
    drop(guard);
    let text = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.matches('\n').count(), 1);
    let mut line: Json = serde_json::from_str(&text).unwrap();
    line.as_object_mut().unwrap().remove("timestamp").unwrap();
    line
}

#[test]
fn an_answer_is_one_line() {
    let cx = MockCx::new("test-123", "user-456", "key-789", "gpt-4", "/v1/chat/completions");
    let expected = json!({
        "level": "INFO", "target": "gatewright::request", "message": "request",
        "request_id": "test-123", "endpoint": "/v1/chat/completions", "user_id": "user-456", "api_key_id": "key-789",
        "status": "success", "http_status": 200, "provider": "openai", "model": "gpt-4", "stream": false, "attempts": 1,
        "input_tokens": 10, "output_tokens": 20, "cost": 0.0015, "latency_ms": 800, "overhead_us": 300,
        "finish_reason": "stop"
    });
    assert_eq!(line(cx, &summary()), expected);
}

#[test]
fn a_stream_has_its_first_token_and_details() {
    let cx = MockCx::new("test-123", "", "", "gpt-4", "/v1/messages");
    let usage = Some(Usage { cache_read_tokens: 4, reasoning_tokens: 5, ..summary().usage.unwrap() });
    let first = Some(Duration::from_micros(120_500));
    let line = line(cx, &RequestSummary { stream: true, usage, time_to_first_token: first, ..summary() });
    assert_eq!((&line["stream"], &line["first_token_ms"]), (&json!(true), &json!(120.5)));
    assert_eq!((&line["cache_read_tokens"], &line["reasoning_tokens"]), (&json!(4), &json!(5)));
    assert!(line.get("user_id").is_none());
}

#[test]
fn an_error_has_its_kind_and_no_price() {
    let cx = MockCx::new("test-123", "", "", "gpt-4", "/v1/chat/completions");
    let mut failed = failed(ErrorKind::GuardrailBlocked, "Potential jailbreak attempt detected");
    failed.priced = false;
    failed.provider.clear();
    failed.error = failed.error.map(|error| Arc::new((*error).clone().with_plugin("jailbreak_detector")));
    let line = line(cx, &failed);
    let of = |name: &str| line.get(name).cloned().unwrap_or_default();
    assert_eq!((of("status"), of("http_status")), (json!("guardrail_blocked"), json!(403)));
    assert_eq!((of("error"), of("blocked_by")), (json!("guardrail_blocked"), json!("jailbreak_detector")));
    assert_eq!(of("error_message"), "Potential jailbreak attempt detected");
    assert!(["cost", "provider", "input_tokens", "plugins"].iter().all(|name| line.get(*name).is_none()));
}

#[test]
fn what_plugins_attached_is_there_without_secrets() {
    let attached = |plugin: &str, hook, metadata: Json| PluginMetadata {
        plugin: plugin.into(),
        hook,
        metadata: metadata.as_object().unwrap().clone(),
    };
    let metadata = vec![
        attached("guard", Hook::CheckInput, json!({"score": 0.5, "api_key": "abc"})),
        attached("guard", Hook::PreLlm, json!({"note": "Bearer abc"})),
        attached("guard", Hook::PreLlm, json!({"again": 1})),
        attached("cost", Hook::PostRequest, json!({"alert": "high_cost"})),
    ];
    let cx = MockCx::new("test-123", "", "", "gpt-4", "/v1/chat/completions");
    let line = line(cx, &RequestSummary { metadata, ..summary() });
    let expected = json!({
        "guard": {
            "check_input": {"score": 0.5, "api_key": "[redacted]"},
            "pre_llm": {"note": "Bearer [redacted]", "again": 1}
        },
        "cost": {"post_request": {"alert": "high_cost"}}
    });
    assert_eq!(line["plugins"], expected);
}

#[test]
fn it_stands_at_one_hook_and_waits_for_nothing() {
    assert_eq!(Logging::HOOKS.iter().collect::<Vec<_>>(), [Hook::PostRequest, Hook::RequestEnd]);
    assert_eq!(Logging::IMMEDIATE, Logging::HOOKS);
}

#[test]
fn what_a_plugin_says_is_without_its_secrets() {
    let conceal: Conceal = Arc::new(|text| text.replace("correct-horse", "***"));
    gatewright_telemetry::log::conceal([("indiscreet".into(), conceal)]);
    let cx = MockCx::new("test-123", "", "", "gpt-4", "/v1/messages");
    let metadata = ["indiscreet", "other"].map(|plugin| PluginMetadata {
        plugin: plugin.into(),
        hook: Hook::CheckInput,
        metadata: json!({ "sent_to": ["https://a.test/correct-horse"] }).as_object().unwrap().clone(),
    });
    let error = LlmError::new(ErrorKind::GuardrailBlocked, "no correct-horse here").with_plugin("indiscreet");
    let error = Some(Arc::new(error));
    let line = line(cx, &RequestSummary { metadata: metadata.into(), error, ..summary() });
    assert_eq!(line["error_message"], "no *** here");
    assert_eq!(line["plugins"]["indiscreet"]["check_input"], json!({ "sent_to": ["https://a.test/***"] }));
    assert_eq!(line["plugins"]["other"]["check_input"], json!({ "sent_to": ["https://a.test/correct-horse"] }));
}
