//! A provider whose streams take their time, and a client of such a stream.

use serde_json::json;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The pieces of text of a stream.
pub(crate) const PIECES: usize = 20;

/// The time between two of them.
const PAUSE: Duration = Duration::from_millis(30);

/// The streams that have reached the provider.
static BEGUN: AtomicUsize = AtomicUsize::new(0);

/// How many streams have reached the provider.
pub(crate) fn begun() -> usize {
    BEGUN.load(Ordering::SeqCst)
}

/// Starts the provider, which lasts as long as the test's runtime.
pub(crate) async fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Who goes away in the middle ends its own task alone.
            tokio::spawn(serve(stream));
        }
    });
    address
}

async fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            read => request.extend_from_slice(&buffer[..read]),
        }
    }
    BEGUN.fetch_add(1, Ordering::SeqCst);
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n").await?;
    for piece in 0..PIECES {
        let delta = json!({ "content": format!("piece {piece} ") });
        let chunk = json!({ "id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] });
        stream.write_all(format!("data: {chunk}\n\n").as_bytes()).await?;
        tokio::time::sleep(PAUSE).await;
    }
    let end = json!({ "id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
    stream.write_all(format!("data: {end}\n\ndata: [DONE]\n\n").as_bytes()).await
}

/// Asks for a stream.
pub(crate) async fn stream(address: SocketAddr) -> (u16, String) {
    let body = json!({ "model": "slow/m", "stream": true, "messages": [{ "role": "user", "content": "hello" }] });
    super::common::post(address, &body).await
}
