//! Opens connections.

use super::link::Link;
use super::{BaseUrl, RequestBody, TlsError, TransportError, UrlError, tls};
use crate::NetworkSettings;
use http::Uri;
use hyper::client::conn::{http1, http2};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::{Connection as _, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_service::Service;

/// How often an HTTP/2 connection that carries requests is asked whether it is still there, and how long it may take
/// to answer: a dead peer is noticed in 40 s.
const HTTP2_PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));

/// Opens connections to one origin.
pub(crate) struct Connector {
    origin: Uri,
    https: HttpsConnector<HttpConnector>,
    timeout: Duration,
    /// One permit an open connection, over all threads.
    room: Arc<Semaphore>,
    most: usize,
    http2: http2::Builder<TokioExecutor>,
    expected: Option<Protocol>,
    /// How long a connection without requests is kept.
    pub(super) idle_timeout: Duration,
    /// Most HTTP/2 connections of a pool.
    pub(super) max_http2: usize,
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// An open connection. One of HTTP/2 has a task that drives it, which ends when the last sender is dropped.
pub(super) enum Connection {
    Http1(http1::SendRequest<RequestBody>, Link),
    Http2(http2::SendRequest<RequestBody>),
}

// === impl Connector ===

impl Connector {
    pub(crate) fn new(base: &BaseUrl, settings: &NetworkSettings) -> Result<Self, TlsError> {
        let most = settings.max_connections.min(Semaphore::MAX_PERMITS);
        let origin = base.origin().map_err(|error: UrlError| TlsError::Setup(error.to_string()))?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(Duration::from_secs(60)));
        tcp.set_connect_timeout(Some(settings.connect_timeout));
        let schemes = HttpsConnectorBuilder::new().with_tls_config(tls::client_config(settings)?).https_or_http();
        let https = match settings.enforce_http2 {
            true => schemes.enable_http2().wrap_connector(tcp),
            false => schemes.enable_http1().enable_http2().wrap_connector(tcp),
        };
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2.timer(TokioTimer::new()).keep_alive_interval(HTTP2_PING.0).keep_alive_timeout(HTTP2_PING.1);
        Ok(Self {
            origin,
            https,
            timeout: settings.connect_timeout,
            room: Arc::new(Semaphore::new(most)),
            most,
            http2,
            expected: match (settings.enforce_http2, base.is_https()) {
                (true, _) => Some(Protocol::Http2),
                (false, false) => Some(Protocol::Http1),
                (false, true) => None,
            },
            idle_timeout: settings.pool_idle_timeout,
            max_http2: settings.max_http2_connections,
        })
    }

    /// What connections will speak, where that is known beforehand.
    pub(super) fn expected(&self) -> Option<Protocol> {
        self.expected
    }

    /// Opens a connection: name, TCP, TLS and the protocol's own beginning, all within the timeout.
    pub(super) async fn connect(&self) -> Result<Connection, TransportError> {
        match tokio::time::timeout(self.timeout, self.open()).await {
            Ok(opened) => opened,
            Err(_) => Err(TransportError::ConnectTimeout(self.timeout)),
        }
    }

    async fn open(&self) -> Result<Connection, TransportError> {
        let room = Arc::clone(&self.room).try_acquire_owned().map_err(|_| TransportError::Full(self.most))?;
        let connecting = self.https.clone().call(self.origin.clone());
        let io = connecting.await.map_err(|error| TransportError::connect(&*error))?;
        let http2 = self.expected == Some(Protocol::Http2) || io.connected().is_negotiated_h2();
        let refused = |error: hyper::Error| TransportError::connect(&error);
        if http2 {
            let (sender, connection) = self.http2.handshake(io).await.map_err(refused)?;
            drive(connection, room);
            Ok(Connection::Http2(sender))
        } else {
            let (sender, connection) = http1::Builder::new().handshake(io).await.map_err(refused)?;
            Ok(Connection::Http1(sender, Link::new(connection, room)))
        }
    }
}

/// Spawns the task that moves an HTTP/2 connection's bytes. Requests hear of its errors by themselves.
fn drive(connection: impl Future<Output = hyper::Result<()>> + Send + 'static, room: OwnedSemaphorePermit) {
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to a provider ended");
        }
        drop(room);
    });
}
