use super::*;
use std::collections::BTreeSet;

#[test]
fn every_kind_has_a_status_of_an_error_and_a_word_of_its_own() {
    let mut words = BTreeSet::new();
    for kind in ErrorKind::ALL {
        assert!((400..=599).contains(&kind.status()), "{kind:?}");
        assert!(words.insert(kind.as_str()), "{kind:?}");
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str(), "in JSON it is the same word");
    }
}

#[test]
fn a_status_leads_to_a_kind_that_has_it() {
    for (status, kind) in [
        (400, ErrorKind::InvalidRequest),
        (401, ErrorKind::Authentication),
        (402, ErrorKind::InsufficientQuota),
        (403, ErrorKind::PermissionDenied),
        (404, ErrorKind::NotFound),
        (413, ErrorKind::RequestTooLarge),
        (429, ErrorKind::RateLimit),
        (502, ErrorKind::Upstream),
        (503, ErrorKind::Overloaded),
        (504, ErrorKind::Timeout),
    ] {
        assert_eq!(ErrorKind::of_status(status), kind);
        assert_eq!(kind.status(), status);
    }
}

#[test]
fn other_statuses_lead_to_what_they_mean() {
    for (statuses, kind) in [
        ([405, 409, 422, 451], ErrorKind::InvalidRequest),
        ([500, 501, 520, 599], ErrorKind::Upstream),
        ([408, 408, 504, 504], ErrorKind::Timeout),
        ([529, 529, 503, 503], ErrorKind::Overloaded),
        // No error at all, and yet the provider failed: that is its fault.
        ([200, 302, 0, 999], ErrorKind::Upstream),
    ] {
        for status in statuses {
            assert_eq!(ErrorKind::of_status(status), kind, "{status}");
        }
    }
}

#[test]
fn an_error_has_the_status_of_its_kind_or_one_of_its_own() {
    let error = LlmError::new(ErrorKind::GuardrailBlocked, "no");
    assert_eq!(error.status(), 403);
    assert_eq!(error.with_status(451).status(), 451);
}

#[test]
fn fallbacks_are_tried_unless_somebody_says_no_or_the_client_is_gone() {
    let error = |kind, allow_fallbacks| LlmError { allow_fallbacks, ..LlmError::new(kind, "") };
    for (kind, allowed, expected) in [
        (ErrorKind::Upstream, None, true),
        (ErrorKind::Upstream, Some(true), true),
        (ErrorKind::Upstream, Some(false), false),
        (ErrorKind::Cancelled, None, false),
        (ErrorKind::Cancelled, Some(true), false),
    ] {
        assert_eq!(error(kind, allowed).allows_fallbacks(), expected, "{kind:?} {allowed:?}");
    }
}

#[test]
fn what_an_error_names_is_kept() {
    let error = LlmError::new(ErrorKind::InvalidRequest, "bad")
        .with_param("model")
        .with_code("c")
        .with_plugin("guard")
        .with_provider("openai");
    let named = (error.param.as_deref(), error.code.as_deref(), error.plugin.as_deref(), error.provider.as_deref());
    assert_eq!(named, (Some("model"), Some("c"), Some("guard"), Some("openai")));
    assert_eq!(error.to_string(), "bad");
}
