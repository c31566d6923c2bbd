use super::*;
use crate::server::{Server, ServerHandle};
use crate::snapshot::{Limits, Snapshot};
use std::net::Ipv4Addr;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Longer than a test may wait for something that happens by itself.
const LONG: Duration = Duration::from_secs(20);

/// An HTTP/2 client that does by itself nothing at all.
struct Client(TcpStream);

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

// === impl Client ===

impl Client {
    async fn connect(server: &ServerHandle, begin: &[u8]) -> Self {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(begin).await.unwrap();
        Self(stream)
    }

    /// One whose settings are known on both sides.
    async fn settled(server: &ServerHandle) -> Self {
        let mut client = Self::connect(server, PREFACE).await;
        client.write(SETTINGS, 0, 0, &[]).await;
        client.find(|frame| frame.kind == SETTINGS && frame.flags == ACK).await;
        client.write(SETTINGS, ACK, 0, &[]).await;
        client
    }

    async fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.0.write_all(&frame).await.unwrap();
    }

    /// Begins an LLM request, and leaves its body open.
    async fn ask(&mut self, stream: u32) {
        let fields = [(":method", "POST"), (":path", "/v1/chat/completions"), (":scheme", "http"), (":authority", "g")];
        let mut block = Vec::new();
        for (name, value) in fields {
            block.extend([0, name.len() as u8]);
            block.extend(name.as_bytes());
            block.push(value.len() as u8);
            block.extend(value.as_bytes());
        }
        self.write(HEADERS, END_HEADERS, stream, &block).await;
        self.write(DATA, 0, stream, b"{").await;
    }

    /// The next frame; `None` once the connection is closed.
    async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
        let mut payload = vec![0; number(&head[..3]) as usize];
        self.0.read_exact(&mut payload).await.ok()?;
        Some(Frame { kind: head[3], flags: head[4], stream: number(&head[5..]), payload })
    }

    async fn find(&mut self, is_it: impl Fn(&Frame) -> bool) -> Frame {
        let finding = async {
            loop {
                let frame = self.next().await.expect("the connection is open");
                if is_it(&frame) {
                    return frame;
                }
            }
        };
        tokio::time::timeout(LONG, finding).await.unwrap()
    }

    /// Whether a stream is answered, or reset.
    async fn is_answered(&mut self, stream: u32) -> bool {
        let frame = self.find(|frame| frame.stream == stream && [HEADERS, RST_STREAM].contains(&frame.kind)).await;
        frame.kind == HEADERS
    }
}

fn shared(limits: Limits) -> Arc<Shared> {
    Shared::new(Snapshot { limits, ..Snapshot::bare() }, TaskTracker::new())
}

fn served(shared: Arc<Shared>) -> ServerHandle {
    Server::bind((Ipv4Addr::LOCALHOST, 0).into(), shared, 1).unwrap().start().unwrap()
}

/// Drains for long; answers whether all finished, and how long it took.
async fn drained(server: ServerHandle) -> (bool, Duration) {
    let begun = Instant::now();
    (server.drain(LONG).await, begun.elapsed())
}

#[tokio::test]
async fn a_client_of_http2_that_is_silent_holds_no_drain_up() {
    let server = served(shared(Limits::default()));
    let begun = Client::connect(&server, PREFACE).await;
    let mut settled = Client::settled(&server).await;
    // Whose words are read only once it was told.
    let late = Client::connect(&server, PREFACE).await;
    let (finished, took) = drained(server).await;
    assert!(finished && took < LONG / 2, "{took:?}");
    settled.find(|frame| frame.kind == GOAWAY).await;
    drop((begun, late));
}

#[tokio::test]
async fn a_client_of_http2_that_answers_is_gone_at_once() {
    let server = served(shared(Limits::default()));
    let mut client = Client::settled(&server).await;
    let draining = tokio::spawn(drained(server));
    let ping = client.find(|frame| frame.kind == PING).await;
    let begun = Instant::now();
    client.write(PING, ACK, 0, &ping.payload).await;
    assert!(draining.await.unwrap().0);
    assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_request_of_a_silent_client_is_waited_for() {
    let shared = shared(Limits::default());
    let server = served(shared.clone());
    let mut client = Client::settled(&server).await;
    client.ask(1).await;
    while shared.active_requests() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let draining = tokio::spawn(drained(server));
    client.find(|frame| frame.kind == GOAWAY).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(!draining.is_finished());
    client.write(DATA, END_STREAM, 1, b"}").await;
    assert!(client.is_answered(1).await);
}

#[tokio::test]
async fn a_request_has_the_time_of_its_own_config() {
    let hurried = Duration::from_millis(100);
    let shared = shared(Limits { request_timeout: hurried, header_timeout: hurried, ..Limits::default() });
    let server = served(shared.clone());
    let mut client = Client::settled(&server).await;
    shared.replace(Snapshot::bare());
    client.ask(1).await;
    tokio::time::sleep(hurried * 5).await;
    client.write(DATA, END_STREAM, 1, b"}").await;
    assert!(client.is_answered(1).await);
}
