use super::{Content, for_client, outgoing};
use http::{HeaderMap, HeaderName, HeaderValue};

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pair =
        |(name, value): &(&'static str, &'static str)| (HeaderName::from_static(name), HeaderValue::from_static(value));
    let mut map = HeaderMap::new();
    for (name, value) in pairs.iter().map(pair) {
        map.append(name, value);
    }
    map
}

#[test]
fn the_client_adds_but_does_not_replace() {
    let own = headers(&[("authorization", "Bearer ours"), ("x-team", "ours"), ("content-type", "application/json")]);
    let client = headers(&[
        ("authorization", "Bearer theirs"),
        ("x-api-key", "theirs"),
        ("x-team", "theirs"),
        ("host", "theirs"),
        ("accept-encoding", "gzip"),
        ("anthropic-version", "2024-01-01"),
        ("anthropic-beta", "a"),
        ("anthropic-beta", "b"),
        ("traceparent", "00-1-2-00"),
    ]);
    let defaults = [(HeaderName::from_static("anthropic-version"), HeaderValue::from_static("2023-06-01"))];
    let sent = outgoing(&own, &client, &defaults);
    let expected = headers(&[
        ("authorization", "Bearer ours"),
        ("x-team", "ours"),
        ("content-type", "application/json"),
        ("anthropic-version", "2024-01-01"),
        ("anthropic-beta", "a"),
        ("anthropic-beta", "b"),
        ("traceparent", "00-1-2-00"),
    ]);
    assert_eq!(sent, expected);
    assert_eq!(outgoing(&own, &HeaderMap::new(), &defaults)["anthropic-version"], "2023-06-01");
}

#[test]
fn only_listed_headers_come_back() {
    let answer = headers(&[
        ("x-ratelimit-remaining-requests", "9"),
        ("anthropic-ratelimit-tokens-limit", "8"),
        ("retry-after", "1"),
        ("openai-processing-ms", "12"),
        ("x-request-id", "req_1"),
        ("set-cookie", "secret"),
        ("server", "internal-7"),
        ("openai-organization", "ours"),
    ]);
    let expected = headers(&[
        ("x-ratelimit-remaining-requests", "9"),
        ("anthropic-ratelimit-tokens-limit", "8"),
        ("retry-after", "1"),
        ("openai-processing-ms", "12"),
        ("x-upstream-request-id", "req_1"),
    ]);
    assert_eq!(for_client(&answer), expected);
}

#[test]
fn content_is_read_without_parameters() {
    let stream = headers(&[("content-type", "Text/Event-Stream; charset=utf-8"), ("content-encoding", "identity")]);
    assert!(Content::of(&stream).is_event_stream());
    assert_eq!(Content::of(&stream).encoding, None);
    let zipped = headers(&[("content-type", "application/json"), ("content-encoding", "gzip")]);
    assert_eq!(Content::of(&zipped).encoding, Some("gzip"));
    assert_eq!(Content::of(&HeaderMap::new()).kind, "");
}
