//! The first event decides; from then on bytes are bytes.

use crate::support::*;
use gatewright_model::ErrorKind;
use std::time::Duration;

const ERROR: &str =
    r#"data: {"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}"#;

#[tokio::test]
async fn every_byte_comes_through() {
    let events = [": connected", "data:", "", CHUNK, ": ping", CHUNK, "data: [DONE]"];
    let upstream = Upstream::playing(vec![sse(&events).end()]).await;
    let provider = provider(settings(&upstream, &["k1"]));
    for _ in 0..3 {
        let (bytes, error) = streamed(provider.attempt(call(true)).await.unwrap()).await;
        assert_eq!(error, None);
        assert_eq!(bytes, events.map(|event| format!("{event}\n\n")).concat());
    }
    assert_eq!(upstream.connections(), 1, "a stream that was read to its end leaves its connection to the next");
}

#[tokio::test]
async fn an_event_in_pieces_is_waited_for() {
    let mut steps = sse(&[]);
    let event = format!("{CHUNK}\r\n\r\n");
    for piece in event.as_bytes().chunks(7) {
        let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
        chunk.extend_from_slice(piece);
        chunk.extend_from_slice(b"\r\n");
        steps = steps.then(Step::Send(chunk)).then(Step::Wait(Duration::from_millis(1)));
    }
    let upstream = Upstream::playing(vec![steps.end()]).await;
    let answer = provider(settings(&upstream, &["k1"])).attempt(call(true)).await.unwrap();
    assert_eq!(streamed(answer).await, (event, None));
}

#[tokio::test]
async fn an_error_as_the_first_event_is_a_failed_try() {
    let upstream = Upstream::playing(vec![
        sse(&[": hello", ERROR]).end(),
        sse(&[r#"data: {"error":{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded"}}"#])
            .end(),
        sse(&[CHUNK]).end(),
    ])
    .await;
    let answer = provider(retrying(&upstream, &["k1", "k2"], 2)).attempt(call(true)).await.unwrap();
    assert_eq!(answer.retries, 2);
    let keys = upstream.keys();
    assert_eq!(keys[0], keys[1], "a failure is tried again with the same key");
    assert_ne!(keys[1], keys[2], "a limit with another one");
    assert_eq!(streamed(answer).await.0, format!("{CHUNK}\n\n"));
}

#[tokio::test]
async fn an_error_as_the_first_event_is_told() {
    let upstream = Upstream::playing(vec![sse(&[ERROR]).end()]).await;
    let error = failure(&provider(settings(&upstream, &["k1"])), call(true)).await;
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Upstream, "The server had an error"));
    assert_eq!(error.provider.as_deref(), Some("up"));
}

#[tokio::test]
async fn anthropics_first_error_is_seen_behind_a_ping() {
    let ping = "event: ping\ndata: {\"type\": \"ping\"}";
    let error =
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}";
    let upstream = Upstream::playing(vec![sse(&[ping, error]).end()]).await;
    let mut settings = settings(&upstream, &["k1"]);
    settings.kind = gatewright_providers::ProviderKind::Anthropic;
    let error = failure(&provider(settings), anthropic_call(true)).await;
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Overloaded, "Overloaded"));
}

#[tokio::test]
async fn an_error_later_on_is_left_to_the_reader() {
    let upstream = Upstream::playing(vec![sse(&[CHUNK, ERROR]).end()]).await;
    let answer = provider(retrying(&upstream, &["k1"], 2)).attempt(call(true)).await.unwrap();
    assert_eq!(streamed(answer).await, (format!("{CHUNK}\n\n{ERROR}\n\n"), None));
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test]
async fn the_word_error_alone_is_no_error() {
    let chunk = CHUNK.replace("Hi", "an error, you say?");
    let upstream = Upstream::playing(vec![sse(&[&chunk]).end()]).await;
    let answer = provider(settings(&upstream, &["k1"])).attempt(call(true)).await.unwrap();
    assert_eq!(streamed(answer).await.0, format!("{chunk}\n\n"));
}

#[tokio::test]
async fn a_whole_answer_to_a_stream_request_is_whole() {
    let upstream = Upstream::playing(vec![json(200, ANSWER)]).await;
    let answer = provider(settings(&upstream, &["k1"])).attempt(call(true)).await.unwrap();
    assert_eq!(text(&answer), "Hello there");
}

#[tokio::test]
async fn a_stream_that_nobody_asked_for_is_an_error() {
    let upstream = Upstream::playing(vec![sse(&[CHUNK]).then(Step::Hang)]).await;
    let error = failure(&provider(settings(&upstream, &["k1"])), call(false)).await;
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Upstream, Some("invalid_response")));
    assert!(error.message.contains("text/event-stream"), "{error}");
    upstream.gone(1).await;
}

#[tokio::test]
async fn a_stream_that_ends_before_it_begins_is_tried_again() {
    let upstream = Upstream::playing(vec![sse(&[": nothing"]).end(), sse(&[CHUNK]).end()]).await;
    let answer = provider(retrying(&upstream, &["k1"], 1)).attempt(call(true)).await.unwrap();
    assert_eq!(answer.retries, 1);
    let upstream = Upstream::playing(vec![sse(&[]).end()]).await;
    let error = failure(&provider(settings(&upstream, &["k1"])), call(true)).await;
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Upstream, Some("empty_stream")));
}

#[tokio::test]
async fn a_stream_that_breaks_ends_with_an_error() {
    for last in [Step::Close, Step::Reset] {
        let cut =
            sse(&[CHUNK]).then(Step::Send(b"ff\r\ndata: {\"id".to_vec())).then(Step::Wait(Duration::from_millis(20)));
        let upstream = Upstream::playing(vec![cut.then(last)]).await;
        let answer = provider(retrying(&upstream, &["k1"], 3)).attempt(call(true)).await.unwrap();
        let (bytes, error) = streamed(answer).await;
        assert_eq!(bytes, format!("{CHUNK}\n\ndata: {{\"id"));
        let error = error.unwrap();
        assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Upstream, Some("response_cut")));
        assert_eq!(upstream.seen().len(), 1, "what was streamed cannot be tried again");
    }
}

#[tokio::test]
async fn a_first_event_without_end_is_refused() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {";
    let line = Step::Send(vec![b'x'; 10 << 20]);
    let upstream = Upstream::playing(vec![vec![Step::Send(head.into()), line, Step::Hang]]).await;
    let error = failure(&provider(settings(&upstream, &["k1"])), call(true)).await;
    assert_eq!((error.kind, error.status()), (ErrorKind::Upstream, 502));
    assert_eq!(error.message, "the stream of provider `up` has a first event of more than 8388608 bytes");
    upstream.gone(1).await;
}

#[tokio::test]
async fn a_first_event_that_is_no_json_is_refused() {
    for event in ["data: <html>", "data: \u{0}"] {
        let upstream = Upstream::playing(vec![sse(&[event]).end()]).await;
        let error = failure(&provider(settings(&upstream, &["k1"])), call(true)).await;
        assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Upstream, Some("invalid_response")), "{error}");
    }
}
