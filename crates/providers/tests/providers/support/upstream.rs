//! An HTTP/1 server that plays a script and remembers what it saw.

use super::script::Step;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::Instant;

/// A server on a port of its own, on the test's runtime.
pub(crate) struct Upstream {
    address: String,
    log: Arc<Log>,
}

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// How many came before it.
    pub(crate) number: usize,
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) at: Instant,
}

#[derive(Default)]
struct Log {
    connections: AtomicUsize,
    gone: AtomicUsize,
    seen: Mutex<Vec<Seen>>,
    changed: Notify,
}

type Script = dyn Fn(&Seen) -> Vec<Step> + Send + Sync;

impl Upstream {
    /// A server whose answer to each request is what `script` says.
    pub(crate) async fn start(script: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (log, script) = (Arc::new(Log::default()), Arc::new(script) as Arc<Script>);
        let server = Arc::clone(&log);
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                socket.set_nodelay(true).unwrap();
                server.connections.fetch_add(1, Ordering::SeqCst);
                let (log, script) = (Arc::clone(&server), Arc::clone(&script));
                tokio::spawn(async move {
                    serve(socket, &log, &*script).await;
                    log.gone.fetch_add(1, Ordering::SeqCst);
                    log.changed.notify_waiters();
                });
            }
        });
        Self { address, log }
    }

    /// A server that gives these answers one after the other, and the last one from then on.
    pub(crate) async fn playing(answers: Vec<Vec<Step>>) -> Self {
        Self::start(move |seen| answers[seen.number.min(answers.len() - 1)].clone()).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Connections that were opened.
    pub(crate) fn connections(&self) -> usize {
        self.log.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.log.seen.lock().unwrap().clone()
    }

    /// The key of each request, by its name.
    pub(crate) fn keys(&self) -> Vec<String> {
        let key = |seen: &Seen| seen.headers["authorization"].to_str().unwrap().replace("Bearer sk-secret-", "");
        self.seen().iter().map(key).collect()
    }

    /// Waits until `count` requests were seen.
    pub(crate) async fn requests(&self, count: usize) {
        self.until(|log| log.seen.lock().unwrap().len() >= count).await;
    }

    /// Waits until `count` connections are gone: closed by either side.
    pub(crate) async fn gone(&self, count: usize) {
        self.until(|log| log.gone.load(Ordering::SeqCst) >= count).await;
    }

    async fn until(&self, holds: impl Fn(&Log) -> bool) {
        let wait = async {
            loop {
                let changed = self.log.changed.notified();
                if holds(&self.log) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("the upstream did not see it in time");
    }
}

async fn serve(mut socket: TcpStream, log: &Log, script: &Script) {
    let mut buffer = Vec::new();
    while let Some(mut seen) = read_request(&mut socket, &mut buffer).await {
        let steps = {
            let mut all = log.seen.lock().unwrap();
            seen.number = all.len();
            all.push(seen.clone());
            script(&seen)
        };
        log.changed.notify_waiters();
        for step in steps {
            match step {
                Step::Send(bytes) => {
                    if socket.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
                Step::Wait(time) => {
                    tokio::select! {
                        () = tokio::time::sleep(time) => {}
                        () = closed(&mut socket) => return,
                    }
                }
                Step::Hang => return closed(&mut socket).await,
                Step::Close => return,
                Step::Reset => {
                    socket.set_zero_linger().unwrap();
                    return;
                }
            }
        }
    }
}

/// Waits until the client closes.
async fn closed(socket: &mut TcpStream) {
    let mut rest = [0; 1024];
    while !matches!(socket.read(&mut rest).await, Ok(0) | Err(_)) {}
}

async fn read_request(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Seen> {
    let head = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break buffer.drain(..end + 4).collect::<Vec<_>>();
        }
        fill(socket, buffer).await?;
    };
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.trim_end().lines();
    let line = lines.next().unwrap().to_owned();
    let mut headers = HeaderMap::new();
    for (name, value) in lines.map(|line| line.split_once(": ").unwrap()) {
        headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
    while buffer.len() < length {
        fill(socket, buffer).await?;
    }
    let body = String::from_utf8(buffer.drain(..length).collect()).unwrap();
    Some(Seen { number: 0, line, headers, body, at: Instant::now() })
}

async fn fill(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    match socket.read_buf(buffer).await {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(()),
    }
}
