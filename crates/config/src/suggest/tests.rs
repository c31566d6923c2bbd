use super::suggest;

#[test]
fn finds_what_was_meant() {
    let keys = ["timeout_seconds", "failure_mode", "stream_mode", "models", "hooks"];
    assert_eq!(suggest("timeout", keys), Some("timeout_seconds"));
    assert_eq!(suggest("timeoutSeconds", keys), Some("timeout_seconds"));
    assert_eq!(suggest("modles", keys), Some("models"));
    assert_eq!(suggest("hook", keys), Some("hooks"));
    assert_eq!(suggest("failuremode", keys), Some("failure_mode"));
}

#[test]
fn is_silent_where_nothing_is_alike() {
    let keys = ["timeout_seconds", "failure_mode"];
    assert_eq!(suggest("governance", keys), None);
    assert_eq!(suggest("", keys), None);
    assert_eq!(suggest(&"timeout_seconds".repeat(100), keys), None);
}
