mod http2;
mod places;
mod runtimes;

use super::*;
use bytes::Bytes;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A server on this machine that gives the same answer to all, and keeps what it was asked.
struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answer: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { port, connections: Arc::default(), asked: Arc::default() };
        let (connections, asked, answer) = (server.connections.clone(), server.asked.clone(), Arc::new(answer.into()));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                connections.fetch_add(1, Relaxed);
                let (asked, answer) = (asked.clone(), answer.clone());
                tokio::spawn(async move {
                    let mut read = Vec::new();
                    while stream.read_buf(&mut read).await.is_ok_and(|length| length > 0) {
                        if read.windows(4).any(|end| end == b"\r\n\r\n") {
                            asked.lock().unwrap().push(String::from_utf8_lossy(&read).into_owned());
                            read.clear();
                            if stream.write_all(&answer).await.is_err() {
                                return;
                            }
                        }
                    }
                });
            }
        });
        server
    }

    fn url(&self, host: &str) -> String {
        format!("http://{host}:{}/x", self.port)
    }

    fn connections(&self) -> usize {
        self.connections.load(Relaxed)
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A resolver that knows these names.
fn names(known: &[(&str, &[&str])]) -> Lookup {
    let known: HashMap<String, Vec<IpAddr>> = known
        .iter()
        .map(|(name, addresses)| ((*name).to_owned(), addresses.iter().map(|at| at.parse().unwrap()).collect()))
        .collect();
    Arc::new(move |name| {
        let found = known.get(name).ok_or_else(|| std::io::Error::other("no such name"))?;
        Ok(found.iter().map(|address| SocketAddr::new(*address, 0)).collect())
    })
}

fn allowed(entries: &[String]) -> EgressPolicy {
    EgressPolicy::Allowed(entries.iter().map(|entry| entry.parse::<HostPattern>().unwrap()).collect())
}

fn call(url: &str) -> HttpCall {
    HttpCall {
        method: Method::GET,
        url: url.to_owned(),
        headers: Headers::default(),
        body: Bytes::new(),
        timeout: Duration::from_secs(5),
    }
}

async fn denied(plugin: &PluginEgress, url: &str) -> String {
    match plugin.send(call(url)).await {
        Err(ServiceError::Denied { permission: Permission::Http, granted: true, what }) => what,
        other => panic!("{url}: {other:?}"),
    }
}

#[tokio::test]
async fn what_is_trusted_goes_anywhere() {
    let server = Server::start(OK).await;
    let plugin = Egress::new().plugin(EgressPolicy::Trusted);
    let reply = plugin.send(call(&server.url("127.0.0.1"))).await.unwrap();
    assert_eq!((reply.status, &*reply.body), (200, &b"ok"[..]));
    plugin.send(call(&server.url("localhost"))).await.unwrap();
}

#[tokio::test]
async fn a_host_that_is_not_allowed_is_named_with_what_would_allow_it() {
    let server = Server::start(OK).await;
    let plugin = Egress::new().plugin(allowed(&["api.example.com".to_owned()]));
    let url = server.url("127.0.0.1");
    let entry = format!("http://127.0.0.1:{}", server.port);
    let expected = format!("127.0.0.1 is not among the hosts that the plugin may reach; add \"{entry}\" to them");
    assert_eq!(denied(&plugin, &url).await, expected);
    let said = plugin.send(call(&url)).await.unwrap_err().to_string();
    assert_eq!(said, format!("permission `http` does not reach so far: {expected}"));
    denied(&plugin, "https://example.com/").await;
    assert_eq!(server.connections(), 0);
    let plugin = Egress::new().plugin(allowed(&[entry]));
    assert_eq!(plugin.send(call(&url)).await.unwrap().status, 200, "what the refusal said to add");
}

#[tokio::test]
async fn a_name_that_leads_into_private_networks_is_refused() {
    let server = Server::start(OK).await;
    let port = server.port;
    let lookup = names(&[
        ("inside.test", &["127.0.0.1"]),
        ("mixed.test", &["1.1.1.1", "127.0.0.1"]),
        ("mapped.test", &["::ffff:127.0.0.1"]),
        ("metadata.test", &["169.254.169.254"]),
        ("nat64.test", &["64:ff9b::7f00:1"]),
    ]);
    let egress = Egress::with_lookup(lookup);
    let plugin = egress.plugin(allowed(&[format!("http://*.test:{port}")]));
    let expected = "inside.test is at 127.0.0.1, a loopback address; if that is meant, add \"private:inside.test\" to \
                    the hosts that the plugin may reach";
    assert_eq!(denied(&plugin, &server.url("inside.test")).await, expected);
    for host in ["mixed.test", "mapped.test", "metadata.test", "nat64.test"] {
        assert!(denied(&plugin, &server.url(host)).await.contains(host));
    }
    assert_eq!(server.connections(), 0);

    let private = egress.plugin(allowed(&[format!("private:*.test:{port}")]));
    assert_eq!(private.send(call(&server.url("inside.test"))).await.unwrap().status, 200);
    let refused = denied(&private, &server.url("metadata.test")).await;
    assert_eq!(
        refused,
        "metadata.test is at 169.254.169.254, a link-local address; no host is reached there; only the address itself \
         can be allowed"
    );
    assert!(denied(&private, &server.url("nat64.test")).await.contains("a NAT64 address"));

    // The connection that one may use is not there for the other.
    denied(&plugin, &server.url("inside.test")).await;
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn each_connection_is_checked_anew_and_goes_where_was_checked() {
    let server = Server::start("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    // First it is here, then it turns to where clouds have their metadata.
    let lookup: Lookup = Arc::new(move |_| {
        let address: IpAddr = match counted.fetch_add(1, Relaxed) {
            0 => "127.0.0.1".parse().unwrap(),
            _ => "169.254.169.254".parse().unwrap(),
        };
        Ok(vec![SocketAddr::new(address, 0)])
    });
    let plugin = Egress::with_lookup(lookup).plugin(allowed(&[format!("private:turns.test:{}", server.port)]));
    assert_eq!(plugin.send(call(&server.url("turns.test"))).await.unwrap().status, 200);
    assert_eq!(asked.load(Relaxed), 1, "one look at the name is all there is");
    assert!(denied(&plugin, &server.url("turns.test")).await.contains("169.254.169.254"));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let server =
        Server::start("HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n").await;
    let plugin = Egress::new().plugin(allowed(&[format!("127.0.0.1:{}", server.port)]));
    let reply = plugin.send(call(&server.url("127.0.0.1"))).await.unwrap();
    assert_eq!((reply.status, reply.headers.get("location")), (302, "http://169.254.169.254/"));
}

#[tokio::test]
async fn an_answer_is_bounded() {
    let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", MAX_REPLY_BYTES + 1).into_bytes();
    answer.resize(answer.len() + MAX_REPLY_BYTES + 1, b'x');
    let server = Server::start(answer).await;
    let plugin = Egress::new().plugin(EgressPolicy::Trusted);
    let refused = plugin.send(call(&server.url("127.0.0.1"))).await;
    assert_eq!(refused.unwrap_err().to_string(), "too large: an answer has at most 8388608 bytes");
}

#[tokio::test]
async fn a_request_has_its_time() {
    let server = Server::start("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nok").await;
    let plugin = Egress::new().plugin(EgressPolicy::Trusted);
    let call = HttpCall { timeout: Duration::from_millis(50), ..call(&server.url("127.0.0.1")) };
    assert_eq!(plugin.send(call).await.unwrap_err(), ServiceError::Deadline);
}

#[tokio::test]
async fn a_plugin_does_not_frame_its_requests() {
    let server = Server::start(OK).await;
    let mut call = HttpCall { body: "hello".into(), method: Method::POST, ..call(&server.url("localhost")) };
    for (name, value) in [("host", "other.test"), ("content-length", "3"), ("transfer-encoding", "chunked")] {
        assert!(call.headers.set(name, value));
    }
    assert!(call.headers.set("x-mine", "1"));
    let plugin = Egress::new().plugin(allowed(&[format!("localhost:{}", server.port)]));
    plugin.send(call.clone()).await.unwrap();
    let trusted = Egress::new().plugin(EgressPolicy::Trusted);
    trusted.send(call).await.unwrap();
    let asked = server.asked.lock().unwrap();
    for (asked, host) in asked.iter().zip([format!("localhost:{}", server.port), "other.test".to_owned()]) {
        assert!(asked.contains(&format!("host: {host}\r\n")), "{asked}");
        assert!(asked.contains("content-length: 5\r\n") && !asked.contains("transfer-encoding"), "{asked}");
        assert!(asked.contains("x-mine: 1\r\n"), "{asked}");
    }
    assert_eq!(asked.len(), 2);
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = Server::start(OK).await;
    let plugin = Egress::new().plugin(allowed(&[format!("127.0.0.1:{}", server.port)]));
    for _ in 0..5 {
        plugin.send(call(&server.url("127.0.0.1"))).await.unwrap();
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let plugin = Egress::new().plugin(allowed(&["a.test".to_owned()]));
    for url in ["https://user:password@a.test/", "ftp://a.test/", "/", "", "https://a b/", "http://127.1/"] {
        let refused = plugin.send(call(url)).await;
        assert!(matches!(refused, Err(ServiceError::Invalid(_))), "{url}: {refused:?}");
    }
    let connect = HttpCall { method: Method::CONNECT, ..call("https://a.test/") };
    assert!(matches!(plugin.send(connect).await, Err(ServiceError::Invalid(_))));
}

#[tokio::test]
async fn a_host_that_does_not_answer_fails() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let plugin = Egress::with_lookup(names(&[])).plugin(EgressPolicy::Trusted);
    let failed = plugin.send(call(&format!("http://127.0.0.1:{closed}/"))).await.unwrap_err().to_string();
    assert!(failed.starts_with("the request failed: Connection refused"), "{failed}");
    let failed = plugin.send(call("http://nowhere.test/")).await.unwrap_err();
    assert_eq!(failed, ServiceError::Failed("the request failed: no such name".to_owned()));
}

#[tokio::test]
async fn lookups_that_nobody_waits_for_any_more_are_bounded() {
    let (begun, (answer, answered)) = (Arc::new(AtomicUsize::new(0)), std::sync::mpsc::channel::<()>());
    let (counted, answered) = (begun.clone(), Mutex::new(answered));
    // Names below `slow.test` are at a server that is silent for long.
    let lookup: Lookup = Arc::new(move |host| {
        if host.ends_with(".slow.test") {
            counted.fetch_add(1, Relaxed);
            let _ = answered.lock().unwrap().recv();
        }
        Err(std::io::Error::other("no such name"))
    });
    let egress = Egress::with_lookup(lookup);
    let plugin = Arc::new(egress.plugin(allowed(&["*.slow.test".to_owned()])));
    let mut asking = tokio::task::JoinSet::new();
    for number in 0..3 * MAX_LOOKUPS {
        let (plugin, call) = (plugin.clone(), call(&format!("https://{number}.slow.test/")));
        let call = HttpCall { timeout: Duration::from_millis(300), ..call };
        asking.spawn(async move { plugin.send(call).await.unwrap_err() });
    }
    for failure in asking.join_all().await {
        assert_eq!(failure, ServiceError::Deadline);
    }
    assert_eq!(begun.load(Relaxed), MAX_LOOKUPS);

    let nowhere = ServiceError::Failed("the request failed: no such name".to_owned());
    let other = egress.plugin(allowed(&["quick.test".to_owned()]));
    assert_eq!(other.send(call("https://quick.test/")).await.unwrap_err(), nowhere, "another plugin has its own");
    drop(answer);
    assert_eq!(plugin.send(call("https://a.slow.test/")).await.unwrap_err(), nowhere, "when they end there are others");
}
