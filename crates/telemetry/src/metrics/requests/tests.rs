use super::MAX_MODELS;
use crate::Metrics;
use gatewright_model::{ErrorKind, Usage};
use gatewright_plugin::payload::{RequestStatus, RequestSummary};
use gatewright_testkit::{failed, summary};
use std::thread;
use std::time::Duration;

const GPT: &str = r#"gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="gpt-4""#;

/// The value of the series that begins so.
fn value(text: &str, series: &str) -> String {
    let line = text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')));
    line.unwrap_or_else(|| panic!("no {series} in\n{text}")).rsplit(' ').next().unwrap().to_owned()
}

#[test]
fn an_answer_is_recorded_under_the_conventions_names() {
    let metrics = Metrics::new();
    metrics.request("chat", &summary());
    metrics.request("chat", &summary());
    let text = metrics.render();
    let of = |name: &str, more: &str| value(&text, &format!("{name}{{{more}{GPT}}}"));
    assert_eq!(of("gen_ai_client_token_usage_sum", r#"gen_ai_token_type="input","#), "20.0");
    assert_eq!(of("gen_ai_client_token_usage_sum", r#"gen_ai_token_type="output","#), "40.0");
    assert_eq!(of("gen_ai_client_token_usage_bucket", r#"le="16.0",gen_ai_token_type="input","#), "2");
    assert_eq!(of("gen_ai_client_cost_usd_sum", ""), "0.003");
    assert_eq!(of("gen_ai_server_request_duration_seconds_sum", r#"error_type="","#), "1.6");
    let requests = r#"gatewright_requests_total{status="success",error_type="",provider="openai",model="gpt-4"}"#;
    assert_eq!(value(&text, requests), "2");
    assert_eq!(value(&text, "gatewright_request_overhead_seconds_sum"), "0.0006");
    metrics.request("chat", &RequestSummary { overhead: Duration::ZERO, ..failed(ErrorKind::Cancelled, "gone") });
    assert_eq!(value(&metrics.render(), "gatewright_request_overhead_seconds_count"), "2", "no answer, no overhead");
    assert!(!text.contains("gatewright_unpriced_requests"), "{text}");
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn streams_have_a_first_token_and_gaps() {
    let metrics = Metrics::new();
    let first = Some(Duration::from_millis(200));
    let usage = Some(Usage { input_tokens: 5, output_tokens: 7, ..Usage::default() });
    metrics.request("chat", &RequestSummary { stream: true, time_to_first_token: first, usage, ..summary() });
    let one = Some(Usage { output_tokens: 1, ..Usage::default() });
    metrics.request("chat", &RequestSummary { stream: true, time_to_first_token: first, usage: one, ..summary() });
    let text = metrics.render();
    assert_eq!(value(&text, &format!("gen_ai_server_time_to_first_token_seconds_count{{{GPT}}}")), "2");
    // 600 ms between seven tokens; one token alone has no gap.
    assert_eq!(value(&text, &format!("gen_ai_server_time_per_output_token_seconds_sum{{{GPT}}}")), "0.1");
    assert_eq!(value(&text, &format!("gen_ai_server_time_per_output_token_seconds_count{{{GPT}}}")), "1");
}

#[test]
fn cached_and_reasoning_tokens_are_counted_beside() {
    let metrics = Metrics::new();
    let usage =
        Usage { input_tokens: 9, output_tokens: 8, cache_read_tokens: 5, reasoning_tokens: 3, ..Usage::default() };
    metrics.request("chat", &RequestSummary { usage: Some(usage), ..summary() });
    let text = metrics.render();
    let of =
        |kind: &str| value(&text, &format!("gatewright_token_details_total{{gen_ai_token_type=\"{kind}\",{GPT}}}"));
    assert_eq!((of("input_cache_read"), of("output_reasoning")), ("5".to_owned(), "3".to_owned()));
    assert!(!text.contains("input_cache_write"));
}

#[test]
fn a_model_without_a_price_is_counted() {
    let metrics = Metrics::new();
    metrics.request("chat", &RequestSummary { priced: false, cost: 0.0, ..summary() });
    let text = metrics.render();
    assert_eq!(value(&text, &format!("gatewright_unpriced_requests_total{{{GPT}}}")), "1");
    assert!(!text.contains("gen_ai_client_cost_usd_sum"), "{text}");
}

#[test]
fn errors_blocks_and_cancels_are_told_apart() {
    let metrics = Metrics::new();
    metrics.request("chat", &summary());
    metrics.request("chat", &failed(ErrorKind::RateLimit, "slow down"));
    metrics.request("chat", &failed(ErrorKind::GuardrailBlocked, "no"));
    metrics.request("chat", &failed(ErrorKind::Cancelled, "gone"));
    metrics.request("chat", &RequestSummary { status: RequestStatus::Cancelled, ..summary() });
    metrics.request("chat", &RequestSummary { status: RequestStatus::Error, ..summary() });
    let text = metrics.render();
    let of = |status: &str, kind: &str| {
        let labels = format!(r#"status="{status}",error_type="{kind}",provider="openai",model="gpt-4""#);
        value(&text, &format!("gatewright_requests_total{{{labels}}}"))
    };
    assert_eq!(of("error", "rate_limit"), "1");
    assert_eq!(of("guardrail_blocked", "guardrail_blocked"), "1");
    assert_eq!(of("cancelled", "cancelled"), "2");
    assert_eq!(of("error", "internal"), "1");
    assert!(text.contains(r#"gen_ai_server_request_duration_seconds_count{error_type="rate_limit","#));
}

#[test]
fn models_that_were_never_answered_take_no_room() {
    let metrics = Metrics::new();
    for at in 0..1_000 {
        let model = format!("made-up-{at}");
        metrics.request("chat", &RequestSummary { model, ..failed(ErrorKind::NotFound, "no such model") });
    }
    let text = metrics.render();
    assert!(!text.contains("made-up"), "{text}");
    let labels = r#"status="error",error_type="not_found",provider="openai",model="other""#;
    assert_eq!(value(&text, &format!("gatewright_requests_total{{{labels}}}")), "1000");
    // The room that is left serves those that are answered, and then their errors too.
    metrics.request("chat", &summary());
    metrics.request("chat", &failed(ErrorKind::Timeout, "slow"));
    assert!(metrics.render().contains(r#"error_type="timeout",provider="openai",model="gpt-4""#));
}

#[test]
fn models_are_bounded() {
    let metrics = Metrics::new();
    thread::scope(|scope| {
        for thread in 0..4 {
            let metrics = &metrics;
            scope.spawn(move || {
                for at in 0..300 {
                    metrics.request("chat", &RequestSummary { model: format!("m-{thread}-{at}"), ..summary() });
                }
            });
        }
    });
    metrics.request("chat", &RequestSummary { model: "m".repeat(200), ..summary() });
    let text = metrics.render();
    let series: Vec<&str> = text.lines().filter(|line| line.starts_with("gatewright_requests_total{")).collect();
    assert_eq!(series.len(), MAX_MODELS + 1);
    let counted: u64 = series.iter().map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(counted, 1_201);
    let other = r#"gatewright_requests_total{status="success",error_type="",provider="openai",model="other"}"#;
    assert_eq!(value(&text, other), (1_201 - MAX_MODELS).to_string());
}

#[test]
fn providers_are_bounded() {
    let metrics = Metrics::new();
    for at in 0..100 {
        metrics.request("chat", &RequestSummary { provider: format!("p-{at}"), ..summary() });
        metrics.provider(&format!("q-{at}")).attempted(None);
    }
    let text = metrics.render();
    let names = |line: &str| line.split("provider=\"").nth(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    let found: std::collections::BTreeSet<_> = text.lines().filter_map(names).collect();
    assert_eq!(found.len(), 65);
    assert!(found.contains("other"));
}

#[test]
fn label_values_cannot_break_the_format() {
    let metrics = Metrics::new();
    metrics.request("chat", &RequestSummary { model: "a\"b\n\\".to_owned(), ..summary() });
    assert!(metrics.render().contains(r#"model="a\"b\n\\""#));
}
