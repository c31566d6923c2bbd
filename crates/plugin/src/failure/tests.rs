use super::*;

fn every() -> [Failure; 6] {
    let text = || "a secret".to_owned();
    [
        Failure::Returned(text()),
        Failure::Panicked(text()),
        Failure::TimedOut,
        Failure::Malformed(text()),
        Failure::Oversized(text()),
        Failure::Unavailable(text()),
    ]
}

#[test]
fn a_cause_is_one_word_and_tells_nothing_of_the_plugins_text() {
    let causes = every().map(|failure| failure.cause());
    assert_eq!(causes, ["error", "panic", "timeout", "malformed", "oversized", "unavailable"]);
}

#[test]
fn a_failure_is_made_from_what_usually_goes_wrong() {
    let json = serde_json::from_str::<u8>("x").unwrap_err();
    let denied = |granted| {
        let (permission, what) = (crate::Permission::Kv, "get".to_owned());
        crate::services::ServiceError::Denied { permission, granted, what }
    };
    for (failure, message) in [
        (Failure::from("text"), "text".to_owned()),
        (Failure::from("text".to_owned()), "text".to_owned()),
        (Failure::from(DecodeError::new("not JSON")), "not JSON".to_owned()),
        (Failure::from(json), "expected value at line 1 column 1".to_owned()),
        (Failure::from(denied(false)), "permission `kv` is not granted: get".to_owned()),
        (Failure::from(denied(true)), "permission `kv` does not reach so far: get".to_owned()),
    ] {
        assert_eq!(failure, Failure::Returned(message.clone()));
        assert_eq!(failure.to_string(), message);
    }
}

#[test]
fn a_failure_mode_is_written_in_two_ways() {
    for (word, mode) in [
        ("fail_open", FailureMode::Open),
        ("open", FailureMode::Open),
        ("fail_closed", FailureMode::Closed),
        ("closed", FailureMode::Closed),
    ] {
        assert_eq!(serde_json::from_value::<FailureMode>(word.into()).unwrap(), mode);
    }
    for mode in [FailureMode::Open, FailureMode::Closed] {
        assert_eq!(serde_json::to_value(mode).unwrap(), mode.as_str());
    }
}
