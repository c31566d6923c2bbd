//! Who goes away takes the upstream request along.

use crate::support::*;
use futures_util::StreamExt;
use gatewright_engine::AnswerBody;
use std::time::{Duration, Instant};

#[tokio::test]
async fn dropping_an_attempt_closes_its_connection() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: ping\n\n";
    let beginning = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{";
    for (steps, stream) in [
        (vec![Step::Hang], false),
        (vec![Step::Send(beginning.into()), Step::Hang], false),
        (vec![Step::Send(head.into()), Step::Hang], true),
    ] {
        let upstream = Upstream::playing(vec![steps]).await;
        let provider = provider(retrying(&upstream, &["k1"], 3));
        let attempt = tokio::spawn(async move { provider.attempt(call(stream)).await.is_ok() });
        upstream.requests(1).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        let start = Instant::now();
        attempt.abort();
        upstream.gone(1).await;
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        assert_eq!(upstream.seen().len(), 1, "a cancelled attempt is not tried again");
    }
}

#[tokio::test]
async fn dropping_a_stream_closes_its_connection() {
    let upstream = Upstream::playing(vec![sse(&[CHUNK]).then(Step::Hang)]).await;
    let provider = provider(settings(&upstream, &["k1"]));
    let answer = provider.attempt(call(true)).await.unwrap();
    let AnswerBody::Stream(mut stream) = answer.body else { panic!("a whole answer") };
    assert!(stream.bytes.next().await.unwrap().is_ok());
    let start = Instant::now();
    drop(stream);
    upstream.gone(1).await;
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test]
async fn dropping_a_provider_closes_its_free_connections() {
    let upstream = Upstream::playing(vec![json(200, ANSWER)]).await;
    let provider = provider(settings(&upstream, &["k1"]));
    provider.attempt(call(false)).await.unwrap();
    drop(provider);
    upstream.gone(1).await;
}
