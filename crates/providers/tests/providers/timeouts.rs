//! Each kind of waiting ends, and says which it was.

use crate::support::*;
use gatewright_model::{ErrorKind, LlmError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::Instant;

fn is_timeout(error: &LlmError, code: &str) {
    assert_eq!((error.kind, error.status()), (ErrorKind::Timeout, 504), "{error:?}");
    assert_eq!((error.code.as_deref(), error.provider.as_deref()), (Some(code), Some("up")), "{error:?}");
    assert!(error.message.contains("`up`") || code == "deadline_exceeded", "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn connecting() {
    // A listener that never accepts completes TCP in the kernel, but not TLS.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = Upstream::playing(vec![json(200, ANSWER)]).await;
    let mut settings = settings(&upstream, &["k1"]);
    settings.base_url = Some(format!("https://{}/v1", listener.local_addr().unwrap()));
    settings.network.connect_timeout = Duration::from_secs(3);
    let start = Instant::now();
    is_timeout(&failure(&provider(settings), call(false)).await, "connect_timeout");
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_first_byte() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: ping\n\n";
    for (steps, stream) in
        [(vec![Step::Hang], false), (vec![Step::Hang], true), (vec![Step::Send(head.into()), Step::Hang], true)]
    {
        let upstream = Upstream::playing(vec![steps]).await;
        let mut settings = settings(&upstream, &["k1"]);
        settings.network.first_byte_timeout = Duration::from_secs(7);
        settings.network.idle_timeout = Duration::from_secs(1);
        let start = Instant::now();
        is_timeout(&failure(&provider(settings), call(stream)).await, "first_byte_timeout");
        assert_eq!(start.elapsed().as_secs(), 7);
        upstream.gone(1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn pings_do_not_put_off_the_first_event() {
    let mut steps = sse(&[]);
    for _ in 0..100 {
        steps = steps.then(Step::Wait(Duration::from_secs(1))).then(Step::Send(b"8\r\n: ping\n\n\r\n".to_vec()));
    }
    let upstream = Upstream::playing(vec![steps]).await;
    let mut settings = settings(&upstream, &["k1"]);
    settings.network.first_byte_timeout = Duration::from_secs(7);
    is_timeout(&failure(&provider(settings), call(true)).await, "first_byte_timeout");
}

#[tokio::test(start_paused = true)]
async fn a_pause_in_a_stream() {
    let steps =
        sse(&[CHUNK]).then(Step::Wait(Duration::from_secs(4))).then(Step::Send(b"8\r\n: ping\n\n\r\n".to_vec()));
    let upstream = Upstream::playing(vec![steps.then(Step::Hang)]).await;
    let mut settings = settings(&upstream, &["k1"]);
    settings.network.idle_timeout = Duration::from_secs(5);
    let start = Instant::now();
    let (bytes, error) = streamed(provider(settings).attempt(call(true)).await.unwrap()).await;
    assert_eq!(bytes, format!("{CHUNK}\n\n: ping\n\n"));
    is_timeout(&error.unwrap(), "idle_timeout");
    assert_eq!(start.elapsed().as_secs(), 9);
    upstream.gone(1).await;
}

/// Some send the head at once, and the body when the model is done.
#[tokio::test(start_paused = true)]
async fn a_pause_in_a_whole_answer_does_not_count() {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", ANSWER.len());
    let steps = vec![Step::Send(head.into()), Step::Wait(Duration::from_secs(61)), Step::Send(ANSWER.into())];
    let upstream = Upstream::playing(vec![steps]).await;
    for stream in [false, true] {
        let mut settings = retrying(&upstream, &["k1"], 2);
        settings.network.idle_timeout = Duration::from_secs(5);
        settings.network.try_timeout = Some(Duration::from_secs(300));
        let answer = provider(settings).attempt(call(stream)).await.unwrap();
        assert_eq!((text(&answer).as_str(), answer.retries), ("Hello there", 0));
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_that_does_not_end_is_tried_again() {
    let head = b"HTTP/1.1 500 X\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n";
    let mut steps = vec![Step::Send(head.to_vec())];
    for _ in 0..100 {
        steps = steps.then(Step::Wait(Duration::from_secs(1))).then(Step::Send(b" ".to_vec()));
    }
    let upstream = Upstream::playing(vec![steps, json(200, ANSWER)]).await;
    let start = Instant::now();
    let answer = provider(retrying(&upstream, &["k1"], 1)).attempt(call(false)).await.unwrap();
    assert_eq!(answer.retries, 1);
    assert!(start.elapsed() < Duration::from_secs(7), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn one_try() {
    let mut steps = vec![Step::Send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{".to_vec())];
    for _ in 0..100 {
        steps = steps.then(Step::Wait(Duration::from_secs(1))).then(Step::Send(b" ".to_vec()));
    }
    let upstream = Upstream::playing(vec![steps]).await;
    let mut settings = settings(&upstream, &["k1"]);
    settings.network.try_timeout = Some(Duration::from_secs(8));
    let start = Instant::now();
    is_timeout(&failure(&provider(settings), call(false)).await, "try_timeout");
    assert_eq!(start.elapsed().as_secs(), 8);
}

#[tokio::test(start_paused = true)]
async fn the_whole_request() {
    let upstream = Upstream::playing(vec![vec![Step::Hang]]).await;
    let provider = provider(retrying(&upstream, &["k1"], 9));
    let start = Instant::now();
    let error = failure(&provider, within(call(false), Duration::from_secs(2))).await;
    is_timeout(&error, "deadline_exceeded");
    assert_eq!(start.elapsed().as_secs(), 2);
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_whole_request_in_the_middle_of_a_stream() {
    let mut steps = sse(&[CHUNK]);
    for _ in 0..100 {
        steps = steps.then(Step::Wait(Duration::from_secs(1))).then(Step::Send(b"8\r\n: ping\n\n\r\n".to_vec()));
    }
    let upstream = Upstream::playing(vec![steps]).await;
    let call = within(call(true), Duration::from_millis(10_500));
    let (_, error) = streamed(provider(settings(&upstream, &["k1"])).attempt(call).await.unwrap()).await;
    is_timeout(&error.unwrap(), "deadline_exceeded");
    upstream.gone(1).await;
}

/// The provider may be at work on it, and would be paid again.
#[tokio::test(start_paused = true)]
async fn what_was_sent_is_not_tried_again() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{";
    let stream = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: ping\n\n";
    for (steps, code) in [
        (vec![Step::Hang], "first_byte_timeout"),
        (vec![Step::Send(stream.into()), Step::Hang], "first_byte_timeout"),
        (vec![Step::Send(head.into()), Step::Hang], "try_timeout"),
    ] {
        let upstream = Upstream::playing(vec![steps, json(200, ANSWER)]).await;
        let mut settings = retrying(&upstream, &["k1"], 2);
        settings.network.first_byte_timeout = Duration::from_secs(20);
        settings.network.try_timeout = Some(Duration::from_secs(30));
        let error = failure(&provider(settings), call(true)).await;
        is_timeout(&error, code);
        assert_ne!(error.allow_fallbacks, Some(false), "another provider may be asked");
        assert_eq!(upstream.seen().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_not_sent_is_tried_again() {
    // A listener that never accepts completes TCP in the kernel, but not TLS.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = Upstream::playing(vec![json(200, ANSWER)]).await;
    let mut settings = retrying(&upstream, &["k1"], 2);
    settings.base_url = Some(format!("https://{}/v1", listener.local_addr().unwrap()));
    settings.network.connect_timeout = Duration::from_secs(60);
    settings.network.first_byte_timeout = Duration::from_secs(3);
    let start = Instant::now();
    is_timeout(&failure(&provider(settings), call(false)).await, "first_byte_timeout");
    assert_eq!(start.elapsed().as_secs(), 9, "three tries");
}
