//! Over HTTP/2, where the requests of a worker share a connection.

use super::*;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::crypto::ring::default_provider;
use rustls::{RootCertStore, ServerConfig};
use std::convert::Infallible;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

const PING: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(100));

/// Both ends of TLS, of which one trusts the other.
fn tls() -> (ServerConfig, ClientConfig) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = made.signing_key.serialize_der().try_into().unwrap();
    let provider = Arc::new(default_provider());
    let server = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let mut server = server.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    server.alpn_protocols = vec![b"h2".to_vec()];
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    (server, client.with_root_certificates(roots).with_no_client_auth())
}

/// A server that says `ok`; the connections that it has when it is told so stay open, and nobody is there any more.
async fn start(tls: ServerConfig, silence: Arc<Notify>) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, connections) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let (acceptor, counted) = (TlsAcceptor::from(Arc::new(tls)), connections.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Relaxed);
            let (acceptor, silence) = (acceptor.clone(), silence.clone());
            tokio::spawn(async move {
                let stream = TokioIo::new(acceptor.accept(stream).await.unwrap());
                let answer = async |_| Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("ok"))));
                let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(stream, service_fn(answer));
                tokio::pin!(serving);
                tokio::select! {
                    _ = &mut serving => {}
                    () = silence.notified() => std::future::pending().await,
                }
            });
        }
    });
    (port, connections)
}

#[tokio::test]
async fn a_connection_that_died_is_found_out() {
    let ((server, trusting), silence) = (tls(), Arc::new(Notify::new()));
    let (port, connections) = start(server, silence.clone()).await;
    let egress = Egress::making(Making { lookup: address::system(), tls: trusting, ping: PING });
    let plugin = egress.plugin(allowed(&[format!("localhost:{port}")]));
    let ask = async || {
        let url = format!("https://localhost:{port}/");
        plugin.send(HttpCall { timeout: Duration::from_millis(50), ..call(&url) }).await.map(|reply| reply.body)
    };
    let begun = tokio::time::timeout(Duration::from_secs(5), async { while ask().await.is_err() {} });
    begun.await.unwrap();
    let before = connections.load(Relaxed);
    silence.notify_waiters();
    assert_eq!(ask().await, Err(ServiceError::Deadline));
    let again = tokio::time::timeout(Duration::from_secs(5), async { while ask().await.is_err() {} });
    assert!(again.await.is_ok(), "each request is sent where nobody is any more");
    assert!(connections.load(Relaxed) > before);
}
