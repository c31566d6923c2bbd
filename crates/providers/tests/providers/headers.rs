//! Headers there and back.

use crate::support::*;
use http::HeaderValue;

#[tokio::test]
async fn headers_go_along_and_listed_ones_come_back() {
    let headers = [
        ("content-type", "application/json"),
        ("x-ratelimit-remaining-tokens", "149984"),
        ("anthropic-ratelimit-requests-remaining", "4"),
        ("openai-processing-ms", "12"),
        ("x-request-id", "req_upstream"),
        ("set-cookie", "__cf_bm=secret"),
        ("server", "internal"),
    ];
    let upstream = Upstream::playing(vec![raw(200, &headers, ANSWER)]).await;
    let mut settings = settings(&upstream, &["k1"]);
    settings.network.extra_headers = vec![("x-team".to_owned(), "blue".into())];
    let mut call = call(false);
    for (name, value) in [
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("x-request-id", "req_ours"),
        ("authorization", "Bearer of-the-client"),
        ("accept-encoding", "gzip"),
        ("x-team", "red"),
    ] {
        call.headers.insert(name, HeaderValue::from_static(value));
    }
    let answer = provider(settings).attempt(call).await.unwrap();
    let sent = &upstream.seen()[0].headers;
    assert_eq!(sent["traceparent"], "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert_eq!(sent["x-request-id"], "req_ours");
    assert_eq!(sent["authorization"], "Bearer sk-secret-k1");
    assert_eq!(sent["x-team"], "blue");
    assert_eq!(sent["accept-encoding"], "identity", "none is welcome, whatever the client can read");
    let mut back: Vec<&str> = answer.headers.keys().map(|name| name.as_str()).collect();
    back.sort_unstable();
    let expected = [
        "anthropic-ratelimit-requests-remaining",
        "openai-processing-ms",
        "x-ratelimit-remaining-tokens",
        "x-upstream-request-id",
    ];
    assert_eq!(back, expected);
    assert_eq!(answer.headers["x-upstream-request-id"], "req_upstream");
}

#[tokio::test]
async fn streams_have_them_too() {
    let body = format!("{CHUNK}\n\ndata: [DONE]\n\n");
    let headers = [("content-type", "text/event-stream; charset=utf-8"), ("request-id", "req_9")];
    let upstream = Upstream::playing(vec![raw(200, &headers, &body)]).await;
    let answer = provider(settings(&upstream, &["k1"])).attempt(call(true)).await.unwrap();
    assert_eq!(answer.headers["x-upstream-request-id"], "req_9");
    assert_eq!(streamed(answer).await, (body, None));
}
