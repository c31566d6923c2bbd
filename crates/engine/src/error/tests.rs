use super::*;
use gatewright_plugin::{Failure, Hook};
use std::time::Duration;

/// A failure in a call that had 200 ms.
fn fault(failure: Failure) -> Fault {
    let limit = Some(Duration::from_millis(200));
    Fault { plugin: "guard".into(), hook: Hook::PreLlm, request_id: "r-1".to_owned(), limit, failure }
}

#[test]
fn a_block_is_told_with_its_plugin_and_reason() {
    let error = blocked("guard", Rejection::new("The prompt holds a key"));
    assert_eq!(
        (error.kind, error.status(), error.message.as_str()),
        (ErrorKind::GuardrailBlocked, 403, "The prompt holds a key")
    );
    assert_eq!((error.plugin.as_deref(), error.code.as_deref()), (Some("guard"), Some("content_blocked")));
}

#[test]
fn a_rejection_may_have_a_status_and_a_code_of_its_own() {
    let error = blocked("guard", Rejection::new("").status(451).code("legal"));
    assert_eq!((error.status(), error.code.as_deref()), (451, Some("legal")));
    assert_eq!(error.message, "Blocked by plugin");
    let error = rejected(ErrorKind::Authentication, "sso", Rejection::new("expired"));
    assert_eq!((error.status(), error.code, error.retry_after), (401, None, None));
    let wait = Duration::from_secs(9);
    assert_eq!(blocked("quota", Rejection::new("later").retry_after(wait)).retry_after, Some(wait));
}

#[test]
fn an_attempt_that_a_plugin_fails_says_as_much_as_a_block() {
    let error = failed_by("guard", LlmError::new(ErrorKind::GuardrailBlocked, ""));
    assert_eq!((error.message.as_str(), error.code.as_deref()), ("Blocked by plugin", Some("content_blocked")));
    let own = failed_by("guard", LlmError::new(ErrorKind::Overloaded, "later"));
    assert_eq!((own.message.as_str(), own.code, own.plugin.as_deref()), ("later", None, Some("guard")));
    // No client takes an error for an answer.
    for (status, told) in [(200, 503), (101, 503), (999, 503), (429, 429)] {
        let error = failed_by("guard", LlmError::new(ErrorKind::Overloaded, "later").with_status(status));
        assert_eq!(error.status(), told);
    }
}

#[test]
fn a_reason_that_is_too_long_is_cut() {
    let long = "x".repeat(100_000);
    let failed = failed_by("guard", LlmError::new(ErrorKind::Overloaded, &*long));
    for error in [blocked("guard", Rejection::new(long)), failed] {
        assert_eq!(error.message.len(), gatewright_pipeline::MAX_REASON_BYTES);
    }
}

#[test]
fn no_fallback_goes_around_a_decision_or_a_missing_guard() {
    let fault = fault(Failure::Panicked("a secret".to_owned()));
    for error in [blocked("guard", Rejection::new("no")), fault_error(&fault)] {
        assert!(!error.allows_fallbacks(), "{error}");
    }
}

#[test]
fn the_client_is_not_told_what_a_plugin_said_as_it_failed() {
    let fault = fault(Failure::Panicked("a secret".to_owned()));
    let error = fault_error(&fault);
    assert_eq!((error.kind, error.status()), (ErrorKind::PluginUnavailable, 503));
    assert_eq!(error.message, "plugin guard failed: panic");
    assert_eq!((error.plugin.as_deref(), error.code.as_deref()), (Some("guard"), Some("panic")));
}

#[test]
fn the_log_says_how_long_a_call_that_timed_out_had() {
    assert_eq!(fault(Failure::TimedOut).what(), "timed out: it may take 200ms");
    let spent = Fault { limit: None, ..fault(Failure::TimedOut) };
    assert_eq!(spent.what(), "timed out: the request had no time left");
    assert_eq!(fault(Failure::new("no luck")).what(), "no luck");
}
