//! Upstreams that are broken, and what nobody must read.

use crate::support::*;
use gatewright_model::{ErrorKind, LlmError};
use gatewright_providers::{KeySettings, ProviderKind, ProviderSettings, build};

async fn error_of(steps: Vec<Step>, stream: bool) -> LlmError {
    let upstream = Upstream::playing(vec![steps]).await;
    let error = failure(&provider(settings(&upstream, &["k1"])), call(stream)).await;
    assert!(!error.message.contains(upstream.address()), "no addresses: {error}");
    assert_eq!(error.provider.as_deref(), Some("up"));
    error
}

fn is_upstream(error: &LlmError, code: &str) {
    assert_eq!(
        (error.kind, error.status(), error.code.as_deref()),
        (ErrorKind::Upstream, 502, Some(code)),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_web_page() {
    let page = "<!doctype html><html><body>Welcome to nginx!</body></html>";
    for stream in [false, true] {
        let error = error_of(raw(200, &[("content-type", "text/html; charset=utf-8")], page), stream).await;
        is_upstream(&error, "invalid_response");
        assert_eq!(error.message, "provider `up` answered with text/html that is not a JSON object");
        let error = error_of(raw(502, &[("content-type", "text/html")], page), stream).await;
        assert_eq!((error.kind, error.status()), (ErrorKind::Upstream, 502));
        assert!(!error.message.contains('<'), "{error}");
    }
}

#[tokio::test]
async fn nothing_and_garbage() {
    for body in ["", "null", "{\"id\": 1", "oops"] {
        is_upstream(&error_of(json(200, body), false).await, "invalid_response");
        is_upstream(&error_of(json(200, body), true).await, "invalid_response");
    }
    let error = error_of(vec![Step::Send(b"\x00\x01\x02 SSH-2.0\r\n\r\n".to_vec()), Step::Close], false).await;
    is_upstream(&error, "invalid_response");
    let zipped = raw(200, &[("content-type", "application/json"), ("content-encoding", "gzip")], "\u{1f}");
    is_upstream(&error_of(zipped, false).await, "invalid_response");
}

#[tokio::test]
async fn an_error_under_a_good_status() {
    for body in [
        r#"{"error":{"message":"Provider returned error","code":502}}"#,
        r#"{"id":"","choices":null,"error":{"message":"Provider returned error","code":502}}"#,
    ] {
        let error = error_of(json(200, body), false).await;
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Upstream, "Provider returned error"));
    }
}

#[tokio::test]
async fn a_redirect() {
    let steps = raw(307, &[("location", "https://elsewhere/")], "");
    is_upstream(&error_of(steps, false).await, "redirect");
}

#[tokio::test]
async fn resets_and_cuts() {
    is_upstream(&error_of(vec![Step::Reset], false).await, "connection_broken");
    is_upstream(&error_of(vec![Step::Close], false).await, "connection_broken");
    is_upstream(
        &error_of(vec![Step::Send(b"HTTP/1.1 200 OK\r\ncontent-".to_vec()), Step::Close], true).await,
        "connection_broken",
    );
    let cut = vec![Step::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id\"".to_vec())];
    is_upstream(&error_of(cut.clone().then(Step::Close), false).await, "response_cut");
    is_upstream(&error_of(cut.then(Step::Reset), false).await, "response_cut");
}

#[tokio::test]
async fn nobody_there() {
    let upstream = Upstream::playing(vec![json(200, ANSWER)]).await;
    let mut settings = settings(&upstream, &["k1"]);
    // Port 1 has no listener.
    settings.base_url = Some("http://127.0.0.1:1/v1".to_owned());
    let error = failure(&provider(settings.clone()), call(false)).await;
    is_upstream(&error, "connect_failed");
    assert!(!error.message.contains("127.0.0.1"), "{error}");
    settings.base_url = Some("http://does-not-exist.invalid/v1".to_owned());
    is_upstream(&failure(&provider(settings), call(false)).await, "connect_failed");
}

#[tokio::test]
async fn an_answer_over_the_limit() {
    let upstream = Upstream::playing(vec![
        json(200, ANSWER),
        vec![
            Step::Send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n".to_vec()),
            Step::Send(ANSWER.into()),
            Step::Hang,
        ],
    ])
    .await;
    let mut settings = retrying(&upstream, &["k1"], 3);
    settings.network.max_response_bytes = 100;
    let provider = provider(settings);
    for tries in [1, 2] {
        is_upstream(&failure(&provider, call(false)).await, "response_too_large");
        assert_eq!(upstream.seen().len(), tries);
    }
}

#[tokio::test]
async fn keys_stay_secret() {
    let quoting = error(401, "invalid_request_error", "Incorrect API key provided: sk-secret-k1.");
    assert_eq!(error_of(quoting, false).await.message, "Incorrect API key provided: ***.");
    let quoting = error(403, "permission_error", "Unknown x-token hunter2; was sk-secret-k2 meant?");
    let upstream = Upstream::playing(vec![quoting]).await;
    let mut settings = retrying(&upstream, &["k1", "k2"], 0);
    settings.withheld = vec!["hunter2".into()];
    let discreet = provider(settings);
    assert_eq!(failure(&discreet, call(false)).await.message, "Unknown x-token ***; was *** meant?");
    let within = LlmError::new(ErrorKind::Upstream, "sk-secret-k1 was revoked");
    assert_eq!(discreet.conceal(within).message, "*** was revoked");
    let mut settings = ProviderSettings::new("up", ProviderKind::OpenAi);
    settings.keys = vec![KeySettings::new("k1", "sk-secret-k1")];
    settings.network.extra_headers = vec![("x-token".to_owned(), "hunter2".into())];
    let shown = format!("{settings:?}");
    assert!(!shown.contains("sk-secret") && !shown.contains("hunter2"), "{shown}");
    settings.keys[0].value = "sk-secret\n".repeat(2).into();
    settings.base_url = Some("https://user:hunter2@host/v1".to_owned());
    let refused = build(settings.clone()).err().unwrap().to_string();
    assert!(!refused.contains("hunter2"), "{refused}");
    settings.base_url = None;
    let refused = build(settings).err().unwrap().to_string();
    assert!(refused.contains("`k1`") && !refused.contains("sk-secret"), "{refused}");
}
