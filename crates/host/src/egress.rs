//! Plugins' HTTP requests.

use bytes::Bytes;
use gatewright_model::Headers;
use gatewright_plugin::services::{BoxFuture, Http, HttpCall, HttpReply, ServiceError};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::time::Duration;

/// The largest answer.
const MAX_REPLY_BYTES: usize = 8 << 20;

/// Sends plugins' requests. One for all plugins: connections are pooled.
#[derive(Clone, Debug)]
pub struct Egress(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

// === impl Egress ===

impl Egress {
    /// With the usual certificate authorities.
    pub fn new() -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(Duration::from_secs(10)));
        let tls = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_all_versions();
        Self(Client::builder(TokioExecutor::new()).build(tls.wrap_connector(tcp)))
    }

    async fn exchange(&self, call: HttpCall) -> Result<HttpReply, ServiceError> {
        let mut request = http::Request::builder().method(call.method).uri(&call.url);
        if let Some(headers) = request.headers_mut() {
            *headers = call.headers.into_map();
        }
        let request = request.body(Full::new(call.body)).map_err(|error| ServiceError::Invalid(error.to_string()))?;
        // The cause may name the address, which is the plugin's own; it holds no credential of the gateway's.
        let failed = |error: &dyn std::error::Error| ServiceError::Failed(format!("the request failed: {error}"));
        let reply = self.0.request(request).await.map_err(|error| failed(&error))?;
        let (parts, body) = reply.into_parts();
        let body = Limited::new(body, MAX_REPLY_BYTES).collect().await.map_err(|error| failed(&*error))?;
        Ok(HttpReply { status: parts.status.as_u16(), headers: Headers::from(parts.headers), body: body.to_bytes() })
    }
}

impl Default for Egress {
    fn default() -> Self {
        Self::new()
    }
}

impl Http for Egress {
    fn send(&self, call: HttpCall) -> BoxFuture<'_, Result<HttpReply, ServiceError>> {
        let timeout = call.timeout;
        Box::pin(async move {
            tokio::time::timeout(timeout, self.exchange(call)).await.unwrap_or(Err(ServiceError::Deadline))
        })
    }
}
