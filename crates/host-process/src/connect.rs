//! Reaching a process.

use crate::address::Address;
use crate::error::LoadError;
use gatewright_proto::v1::plugin_client::PluginClient;
use gatewright_proto::{MAX_FROM_PLUGIN_BYTES, MAX_TO_PLUGIN_BYTES, message_limit};
use hyper_util::rt::TokioIo;
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint, Uri};

/// How long it takes until a socket is looked for again: little at first, since most processes start quickly.
const LOOKS: [u64; 6] = [1, 1, 2, 3, 5, 10];

/// A connection to somebody else's process.
pub(crate) async fn reach(address: &Address) -> Result<Channel, LoadError> {
    let unreachable = |error: String| LoadError::Unreachable { address: address.clone(), error };
    match address {
        Address::File(path) | Address::Unix(path) => {
            let stream = UnixStream::connect(path).await.map_err(|error| unreachable(error.to_string()))?;
            over(stream).await.map_err(|error| unreachable(words(&error)))
        }
        Address::Tcp(to) => {
            let endpoint = Endpoint::from_shared(format!("http://{to}")).map_err(|error| unreachable(words(&error)))?;
            let endpoint = windows(endpoint)
                .connect_timeout(Duration::from_secs(5))
                .tcp_nodelay(true)
                .http2_keep_alive_interval(Duration::from_secs(10))
                .keep_alive_timeout(Duration::from_secs(10))
                .keep_alive_while_idle(true);
            endpoint.connect().await.map_err(|error| unreachable(words(&error)))
        }
    }
}

/// A connection to a process that was started, as soon as it listens.
pub(crate) async fn meet(path: &Path) -> Result<Channel, LoadError> {
    let mut looks = LOOKS.into_iter();
    loop {
        match UnixStream::connect(path).await {
            Ok(stream) => return over(stream).await.map_err(|error| LoadError::Protocol(words(&error))),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                tokio::time::sleep(Duration::from_millis(looks.next().unwrap_or(20))).await;
            }
            Err(error) => return Err(LoadError::Socket(error)),
        }
    }
}

/// The client of a connection.
pub(crate) fn client(channel: Channel) -> PluginClient<Channel> {
    PluginClient::new(channel)
        .max_decoding_message_size(message_limit(MAX_FROM_PLUGIN_BYTES))
        .max_encoding_message_size(message_limit(MAX_TO_PLUGIN_BYTES))
}

/// Over this stream and no other: one that breaks is the supervisor's business.
async fn over(stream: UnixStream) -> Result<Channel, tonic::transport::Error> {
    let mut stream = Some(TokioIo::new(stream));
    let connect = tower::service_fn(move |_: Uri| {
        std::future::ready(stream.take().ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionReset)))
    });
    windows(Endpoint::from_static("http://plugin")).connect_with_connector(connect).await
}

fn windows(endpoint: Endpoint) -> Endpoint {
    endpoint.initial_stream_window_size(4 << 20).initial_connection_window_size(16 << 20)
}

/// An error with its causes, which say what it is about.
fn words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
