use super::{Withheld, is_error, looks_like_json};
use crate::Secret;
use gatewright_model::{ErrorKind, LlmError};

#[test]
fn an_object_is_told_from_other_text() {
    assert!(looks_like_json(b" {\"id\": 1}\r\n"));
    for body in ["", "<html></html>", "{\"id\": ", "data: {}", "[]", "null"] {
        assert!(!looks_like_json(body.as_bytes()), "{body}");
    }
}

#[test]
fn an_error_under_a_good_status_is_seen() {
    for body in [
        r#"{"error":{"message":"no"}}"#,
        r#" { "error" : "no" }"#,
        r#"{"type":"error","error":{"type":"overloaded_error"}}"#,
        r#"{"id":"","choices":null,"error":{"message":"no"}}"#,
        r#"{"id":"1","choices":[ ],"error":"no"}"#,
        r#"{"request_id":"r","type":"error","error":{"type":"overloaded_error"}}"#,
    ] {
        assert!(is_error(body.as_bytes()), "{body}");
    }
    for body in [
        r#"{"error":null,"id":"1"}"#,
        r#"{"id":"error"}"#,
        r#"{"id":"1","choices":[],"error":null}"#,
        r#"{"id":"1","choices":[{"index":0}],"error":{"message":"no"}}"#,
        r#"{"id":"1","content":[{"type":"text","text":"x"}],"error":{}}"#,
        r#"{"id":"1","choices":[{"message":{"error":{}}}]}"#,
        r#"{"id":"1","usage":{"error":{"message":"no"}}}"#,
        r#"{"type":"message"}"#,
        r#"{"id":"1","error":"#,
        "error",
        "{",
        "",
    ] {
        assert!(!is_error(body.as_bytes()), "{body}");
    }
}

#[test]
fn keys_are_cut_out_of_what_providers_say() {
    let secrets = ["sk-1234", "sk-12345678", "Bearer some-token", "short"].map(Secret::from);
    let withheld = Withheld::new(secrets.iter());
    let message = "bad key sk-12345678, use another; some-token is no bearer's, and Bearer some-token is short";
    let error = withheld.conceal(LlmError::new(ErrorKind::Authentication, message).with_code("sk-12345678"));
    assert_eq!(error.message, "bad key ***, use another; *** is no bearer's, and *** is short");
    assert_eq!(error.code.as_deref(), Some("***"));
}
