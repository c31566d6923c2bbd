use super::*;
use crate::{ANTHROPIC, OPENAI};
use gatewright_model::Codec;
use serde_json::{Value as Json, json};

fn read(status: u16, body: &str) -> (ErrorKind, String, Option<String>) {
    let error = decode(status, body.as_bytes());
    (error.kind, error.message, error.code)
}

#[test]
fn both_envelopes_and_what_else_is_sent() {
    use ErrorKind::*;
    let cases = [
        (
            400,
            r#"{"error":{"message":"Bad.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
            (InvalidRequest, "Bad.", Some("context_length_exceeded")),
        ),
        (
            401,
            r#"{"error":{"message":"Incorrect API key","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
            (Authentication, "Incorrect API key", Some("invalid_api_key")),
        ),
        (
            429,
            r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#,
            (InsufficientQuota, "You exceeded your current quota", Some("insufficient_quota")),
        ),
        (
            429,
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"Slow down"},"request_id":"req_1"}"#,
            (RateLimit, "Slow down", Some("rate_limit_error")),
        ),
        (
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            (Overloaded, "Overloaded", Some("overloaded_error")),
        ),
        (500, r#"{"error":"it broke"}"#, (Upstream, "it broke", None)),
        (404, r#"{"message":"no such model"}"#, (NotFound, "no such model", None)),
        (422, r#"{"detail":"field required"}"#, (InvalidRequest, "field required", None)),
        (422, r#"{"detail":[{"loc":["body"]}]}"#, (InvalidRequest, r#"[{"loc":["body"]}]"#, None)),
        (
            429,
            r#"[{"error":{"code":429,"message":"Resource exhausted","status":"RESOURCE_EXHAUSTED"}}]"#,
            (RateLimit, "Resource exhausted", Some("429")),
        ),
        (500, r#""just words""#, (Upstream, "just words", None)),
        (500, "{}", (Upstream, "the provider answered 500 without a message", None)),
        (502, r#"{"error":{"message":"  "}}"#, (Upstream, "the provider answered 502 without a message", None)),
        (
            502,
            "<html><body>Bad Gateway</body></html>",
            (Upstream, "the provider answered 502 with a body that is not JSON", None),
        ),
        (503, "", (Overloaded, "the provider answered 503 with an empty body", None)),
        (401, "nope", (Authentication, "the provider answered 401 with a body that is not JSON", None)),
    ];
    for (status, body, (kind, message, code)) in cases {
        assert_eq!(read(status, body), (kind, message.to_owned(), code.map(str::to_owned)), "{body}");
    }
    let error = decode(502, b"\xff\xfe");
    assert_eq!(error.message, "the provider answered 502 with a body that is not JSON");
}

#[test]
fn a_rate_limit_is_known_by_its_words() {
    let kind = |status, body: &str| decode(status, body.as_bytes()).kind;
    assert_eq!(kind(400, r#"{"error":{"message":"x","type":"rate_limit_exceeded"}}"#), ErrorKind::RateLimit);
    assert_eq!(
        kind(500, r#"{"error":{"message":"x","code":"rate_limit_exceeded","type":"tokens"}}"#),
        ErrorKind::RateLimit
    );
    assert_eq!(kind(403, r#"{"error":{"message":"Rate limit reached for gpt-4o"}}"#), ErrorKind::RateLimit);
    assert_eq!(kind(503, r#"{"error":{"message":"Too Many Requests","code":429}}"#), ErrorKind::RateLimit);
    assert_eq!(kind(401, r#"{"error":{"message":"Rate limit docs: ..."}}"#), ErrorKind::Authentication);
}

#[test]
fn an_upstream_gateway_does_not_speak_for_this_one() {
    let kind = |word: &str| decode(500, format!("{{\"error\":{{\"type\":\"{word}\"}}}}").as_bytes()).kind;
    assert_eq!(kind("timeout"), ErrorKind::Timeout);
    for word in ["cancelled", "plugin_unavailable", "internal"] {
        assert_eq!(kind(word), ErrorKind::Upstream);
    }
}

#[test]
fn a_status_without_a_kind_of_its_own_is_kept() {
    assert_eq!(decode(422, b"{\"detail\":\"x\"}").status(), 422);
    assert_eq!(decode(400, b"{\"detail\":\"x\"}").status, None);
    assert_eq!(decode(500, b"{\"detail\":\"x\"}").status(), 502);
    assert_eq!(decode(422, b"{\"error\":{\"type\":\"rate_limit_error\"}}").status(), 429);
}

#[test]
fn never_more_than_500_characters() {
    let body =
        json!({"error": {"message": "é".repeat(10_000), "code": "c".repeat(10_000), "param": "p".repeat(10_000)}});
    let error = decode(400, body.to_string().as_bytes());
    assert_eq!(error.message.chars().count(), LONGEST);
    assert!(error.message.ends_with('…'));
    assert_eq!(error.code.unwrap().chars().count(), 100);
    assert_eq!(error.param.unwrap().chars().count(), 100);
    let exact = json!({"error": {"message": "é".repeat(500)}});
    assert!(!decode(400, exact.to_string().as_bytes()).message.ends_with('…'));
    assert_eq!(decode(400, b"{\"error\":\"a\\u0000b\\nc\"}").message, "a b c");
}

#[test]
fn envelopes_for_clients() {
    let error = LlmError::new(ErrorKind::GuardrailBlocked, "blocked: \"x\"").with_plugin("pii").with_code("c");
    let openai: Json = serde_json::from_slice(&OPENAI.encode_error(&error, "r1")).unwrap();
    let said = json!({"error": {
        "message": "blocked: \"x\"", "type": "guardrail_blocked", "param": null, "code": "c", "plugin": "pii", "request_id": "r1"
    }});
    assert_eq!(openai, said);
    let anthropic: Json = serde_json::from_slice(&ANTHROPIC.encode_error(&error, "r1")).unwrap();
    let said = json!({
        "type": "error",
        "error": {"type": "guardrail_blocked", "message": "blocked: \"x\"", "code": "c", "plugin": "pii"},
        "request_id": "r1"
    });
    assert_eq!(anthropic, said);
    let bare = LlmError::new(ErrorKind::Timeout, "late");
    assert_eq!(
        OPENAI.encode_error(&bare, ""),
        r#"{"error":{"message":"late","type":"timeout","param":null,"code":null}}"#
    );
}

#[test]
fn an_envelope_that_is_read_back_says_the_same() {
    for kind in ErrorKind::ALL {
        let error = LlmError::new(kind, "words").with_param("model");
        for codec in [&OPENAI as &dyn Codec, &ANTHROPIC] {
            let read = codec.decode_error(kind.status(), &codec.encode_error(&error, "r"));
            assert_eq!((&*read.message, read.param.as_deref()), ("words", Some("model")));
            let own = [ErrorKind::PluginUnavailable, ErrorKind::Cancelled, ErrorKind::Internal].contains(&kind);
            assert!(read.kind == kind || own, "{kind:?}");
        }
    }
}
