use super::{Redacted, SHORTEST, is_secret_field, is_secret_name, redact};
use serde_json::json;

#[test]
fn names_of_secrets_are_known_in_every_spelling() {
    let secrets = [
        "authorization",
        "Authorization",
        "proxy-authorization",
        "api_key",
        "apiKey",
        "apikey",
        "x-api-key",
        "x-goog-api-key",
        "OPENAI_API_KEY",
        "token",
        "access_token",
        "accessToken",
        "secret",
        "client_secret",
        "secretValue",
        "password",
        "db.password",
        "cookie",
        "set-cookie",
        "private_key",
        "credentials",
        "authorization_header",
    ];
    for name in secrets {
        assert!(is_secret_name(name), "{name}");
    }
    let harmless = [
        "",
        "_",
        "key",
        "api_key_id",
        "secret_name",
        "token_type",
        "gen_ai_token_type",
        "input_tokens",
        "tokens",
        "max_tokens",
        "time_to_first_token",
        "time_per_output_token",
        "monkey",
        "author",
        "request_id",
        "passed",
    ];
    for name in harmless {
        assert!(!is_secret_name(name), "{name}");
    }
    for _ in 0..2 {
        assert!(is_secret_field("api_key") && !is_secret_field("api"));
    }
}

#[test]
fn texts_that_look_like_secrets_are_taken_out() {
    let cases = [
        ("Bearer abc", "Bearer [redacted]"),
        ("sent bearer  a.b-c~d==, and failed", "sent bearer  [redacted], and failed"),
        ("key sk-proj-Abc_123-x is wrong", "key [redacted] is wrong"),
        ("sk-ant-api03-AAAA-BBBB", "[redacted]"),
        ("Incorrect API key provided: sk-abc123.", "Incorrect API key provided: [redacted]."),
        (r"first\nsk-abcdef", r"first\n[redacted]"),
        (r"\u001bsk-abcdef", r"\u001b[redacted]"),
        ("authorization: Bearer abc", "authorization: Bearer [redacted]"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [redacted]"),
        ("x-api-key=abc;rest", "x-api-key=[redacted];rest"),
        (r#"{"api_key": "abc", "model": "m"}"#, r#"{"api_key": "[redacted]", "model": "m"}"#),
        (r#"{\"api_key\": \"abc\"}"#, r#"{\"api_key\": \"[redacted]\"}"#),
        (r#"{"authorization": "Token abc", "a": 1}"#, r#"{"authorization": "Token [redacted]", "a": 1}"#),
        (r#"{"token":"abc def","n":1}"#, r#"{"token":"[redacted]","n":1}"#),
        ("cookie: a=1; b=2", "cookie: [redacted]"),
        (r#"{"set-cookie": "a=1; b=2", "x": 1}"#, r#"{"set-cookie": "[redacted]", "x": 1}"#),
        ("password=hunter2", "password=[redacted]"),
        ("refresh_token: abc, x", "refresh_token: [redacted], x"),
        ("GET /v1beta/models?key=abc&alt=sse", "GET /v1beta/models?key=[redacted]&alt=sse"),
        ("postgres://gw:hunter2@db:5432/gw", "postgres://gw:[redacted]@db:5432/gw"),
        ("AIzaSyA-1234567890abcdefghij", "[redacted]"),
        ("AKIAIOSFODNN7EXAMPLE", "[redacted]"),
        ("gsk_abcdefghijklmnop1234", "[redacted]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjMifQ.c2ln", "[redacted]"),
    ];
    for (text, expected) in cases {
        assert_eq!(redact(text), expected);
        assert!(text.len() >= SHORTEST);
    }
}

#[test]
fn other_texts_stay() {
    let harmless = [
        "",
        "risk-based-approach",
        "task-force",
        "http://127.0.0.1:8080/v1/chat/completions",
        "mailto:user@example.com",
        "The token limit is 5",
        "input_tokens=5 output_tokens=6",
        "api_key_id=prod",
        "the password is wrong",
        "01890a5d-ac96-774b-bcce-b302099a8057",
        "a [redacted] b",
        "sk-12345",
    ];
    for text in harmless {
        assert_eq!(redact(text), text);
    }
}

#[test]
fn values_are_written_without_secrets() {
    let value = json!({
        "api_key": "abc",
        "authorization": ["Bearer abc"],
        "nothing": {"password": null},
        "items": [{"access_token": 5}, "uses sk-abcdef12", 1.5, true],
        "line\nbreak": "tab\t\"quote\" \u{7}"
    });
    let written = Redacted(&value).to_string();
    let expected = json!({
        "api_key": "[redacted]",
        "authorization": "[redacted]",
        "nothing": {"password": null},
        "items": [{"access_token": "[redacted]"}, "uses [redacted]", 1.5, true],
        "line\nbreak": "tab\t\"quote\" \u{7}"
    });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), expected);
    assert!(!written.contains('\n'));
}
