//! Summaries for tests.

use gatewright_model::{ErrorKind, Kind, LlmError, Usage};
use gatewright_plugin::payload::{RequestStatus, RequestSummary};
use std::sync::Arc;
use std::time::Duration;

/// How a request ended that was answered at the first attempt: `gpt-4` at `openai`, 10 tokens in and 20 out, 0.0015
/// US dollars, 800 ms of which 300 us were the gateway's own. Change what the test is about:
/// `RequestSummary { cost: 2.0, ..summary() }`.
pub fn summary() -> RequestSummary {
    RequestSummary {
        kind: Kind::Chat,
        status: RequestStatus::Success,
        http_status: 200,
        error: None,
        provider: "openai".to_owned(),
        model: "gpt-4".to_owned(),
        attempts: 1,
        stream: false,
        usage: Some(Usage { input_tokens: 10, output_tokens: 20, ..Usage::default() }),
        cost: 0.0015,
        priced: true,
        latency: Duration::from_millis(800),
        time_to_first_token: None,
        overhead: Duration::from_micros(300),
        finish_reason: Some("stop".to_owned()),
        metadata: Vec::new(),
    }
}

/// How the same request ends with an error of this kind: nothing used, nothing paid.
pub fn failed(kind: ErrorKind, message: &str) -> RequestSummary {
    let error = LlmError::new(kind, message);
    RequestSummary {
        status: RequestStatus::of_error(kind),
        http_status: error.status(),
        error: Some(Arc::new(error)),
        usage: None,
        cost: 0.0,
        finish_reason: None,
        ..summary()
    }
}
