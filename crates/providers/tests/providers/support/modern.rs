//! An HTTP/2 server, or one with TLS that takes what is negotiated.

use super::ANSWER;
use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A server whose answers wait for a gate.
pub(crate) struct Modern {
    port: u16,
    pub(crate) state: Arc<State>,
}

pub(crate) struct State {
    connections: AtomicUsize,
    waiting: AtomicUsize,
    cancelled: AtomicUsize,
    heads: Mutex<Vec<(Version, String, http::HeaderMap)>>,
    changed: Notify,
    gate: Semaphore,
}

/// A certificate for `localhost`, and itself as PEM.
pub(crate) fn certificate() -> (ServerConfig, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (config, made.cert.pem())
}

impl Modern {
    /// Without TLS: HTTP/1 or HTTP/2 with prior knowledge.
    pub(crate) async fn plain() -> Self {
        Self::start(None).await
    }

    /// With TLS; the config says which protocols it offers.
    pub(crate) async fn tls(config: ServerConfig) -> Self {
        Self::start(Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            connections: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            cancelled: AtomicUsize::new(0),
            heads: Mutex::default(),
            changed: Notify::new(),
            gate: Semaphore::new(0),
        });
        let server = Arc::clone(&state);
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                server.connections.fetch_add(1, Ordering::SeqCst);
                let (tls, state) = (tls.clone(), Arc::clone(&server));
                tokio::spawn(async move {
                    match tls {
                        None => serve(socket, state).await,
                        Some(tls) => {
                            if let Ok(socket) = tls.accept(socket).await {
                                serve(socket, state).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port, state }
    }

    /// Lets this many answers go.
    pub(crate) fn open(&self, answers: usize) {
        self.state.gate.add_permits(answers);
    }

    pub(crate) fn http(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    pub(crate) fn https(&self) -> String {
        format!("https://localhost:{}/v1", self.port)
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Version, URI and headers of each request.
    pub(crate) fn heads(&self) -> Vec<(Version, String, http::HeaderMap)> {
        self.state.heads.lock().unwrap().clone()
    }

    /// Waits until this many requests wait for the gate.
    pub(crate) async fn waiting(&self, count: usize) {
        self.until(|state| state.waiting.load(Ordering::SeqCst) >= count).await;
    }

    /// Waits until this many requests were given up by the client.
    pub(crate) async fn cancelled(&self, count: usize) {
        self.until(|state| state.cancelled.load(Ordering::SeqCst) >= count).await;
    }

    async fn until(&self, holds: impl Fn(&State) -> bool) {
        let wait = async {
            loop {
                let changed = self.state.changed.notified();
                if holds(&self.state) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("the upstream did not see it in time");
    }
}

async fn serve(socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, state: Arc<State>) {
    let service = service_fn(move |request| answer(Arc::clone(&state), request));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http2().max_concurrent_streams(1000);
    // A client that goes away is no failure of the test.
    let _ = builder.serve_connection(TokioIo::new(socket), service).await;
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    assert!(body.starts_with(b"{") && body.ends_with(b"}"));
    state.heads.lock().unwrap().push((head.version, head.uri.to_string(), head.headers));
    let mut given_up = GivenUp(Some(Arc::clone(&state)));
    state.waiting.fetch_add(1, Ordering::SeqCst);
    state.changed.notify_waiters();
    state.gate.acquire().await.unwrap().forget();
    given_up.0 = None;
    let mut response = Response::new(Full::from(ANSWER));
    response.headers_mut().insert("content-type", "application/json".parse().unwrap());
    Ok(response)
}

/// Counts a request whose service was dropped before its answer.
struct GivenUp(Option<Arc<State>>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        if let Some(state) = &self.0 {
            state.cancelled.fetch_add(1, Ordering::SeqCst);
            state.changed.notify_waiters();
        }
    }
}
