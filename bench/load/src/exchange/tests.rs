use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{Client, Failure, Sample};
use crate::args::Args;
use crate::target::Target;

const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// What a client of streams makes of a server that answers with these bytes and then, if told so, closes.
async fn verdict(answer: impl Into<String>, close: bool) -> Result<Sample, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/chat/completions", listener.local_addr().unwrap());
    let answer = answer.into();
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = connection.read(&mut request).await.unwrap();
        connection.write_all(answer.as_bytes()).await.unwrap();
        if !close {
            std::future::pending::<()>().await;
        }
    });
    let args = Args::try_parse_from(["bench-load", "--stream", "--url", &url]).unwrap();
    Client::new(Arc::new(Target::new(&args).unwrap()), Duration::from_millis(500)).exchange(None).await
}

#[tokio::test]
async fn a_whole_stream_is_good() {
    let sample =
        verdict(format!("{STREAM}8\r\ndata: 1\n\r\n1\r\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"), false).await;
    let sample = sample.unwrap();
    assert_eq!((sample.body_bytes, sample.frames), (23, 3));
    assert!(sample.first_byte <= sample.total);
}

#[tokio::test]
async fn a_stream_without_its_last_event_is_short() {
    let answer = format!("{STREAM}8\r\ndata: 1\n\r\n0\r\n\r\n");
    assert!(matches!(verdict(answer, false).await, Err(Failure::Short(8))));
    let empty = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    assert!(matches!(verdict(empty, false).await, Err(Failure::Short(0))));
}

#[tokio::test]
async fn a_connection_closed_within_the_body_is_broken() {
    let answer = format!("{STREAM}e\r\ndata: [DONE]\n\n\r\n");
    assert!(matches!(verdict(answer.clone(), true).await, Err(Failure::Broken(_))));
    assert!(matches!(verdict(answer, false).await, Err(Failure::Late)));
}

#[tokio::test]
async fn a_status_other_than_200_is_bad_whatever_the_body() {
    let answer = "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 14\r\n\r\ndata: [DONE]\n\n";
    assert!(matches!(verdict(answer, false).await, Err(Failure::Status(status)) if status == 502));
}
