use super::*;
use gatewright_plugin::{Failure, Hook};

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
    assert_eq!((error.status(), error.code), (401, None));
}

#[test]
fn no_fallback_goes_around_a_decision_or_a_missing_guard() {
    let fault = Fault { plugin: "guard".into(), hook: Hook::PreLlm, failure: Failure::Panicked("a secret".to_owned()) };
    for error in [blocked("guard", Rejection::new("no")), fault_error(&fault)] {
        assert!(!error.allows_fallbacks(), "{error}");
    }
}

#[test]
fn the_client_is_not_told_what_a_plugin_said_as_it_failed() {
    let fault = Fault { plugin: "guard".into(), hook: Hook::PreLlm, failure: Failure::Panicked("a secret".to_owned()) };
    let error = fault_error(&fault);
    assert_eq!((error.kind, error.status()), (ErrorKind::PluginUnavailable, 503));
    assert_eq!(error.message, "plugin guard failed: panic");
    assert_eq!((error.plugin.as_deref(), error.code.as_deref()), (Some("guard"), Some("panic")));
}
