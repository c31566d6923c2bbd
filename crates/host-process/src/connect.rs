//! Reaching a process.

use crate::address::Address;
use crate::error::LoadError;
use crate::frames::Frames;
use crate::told::Telling;
use crate::wire::{Moving, Wire};
use gatewright_proto::v1::PluginFrames;
use gatewright_proto::v1::plugin_client::PluginClient;
use gatewright_proto::{MAX_FROM_PLUGIN_BYTES, MAX_TO_PLUGIN_BYTES, message_limit};
use http::uri::PathAndQuery;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::{Request, Status, Streaming};

/// How long it takes until a socket is looked for again: little at first, since most processes start quickly.
const LOOKS: [u64; 6] = [1, 1, 2, 3, 5, 10];

/// Where sessions are opened.
const SESSION: &str = "/gatewright.plugin.v1.Plugin/Session";

/// How long a connection over TCP may take.
const REACH: Duration = Duration::from_secs(5);

/// How long a connection over TCP is silent until it is probed, how often it is, and how many probes in vain end it.
const SILENT: Duration = Duration::from_secs(10);
const PROBE: Duration = Duration::from_secs(5);
const PROBES: u32 = 3;

/// A connection to somebody else's process, or one more to any.
pub(crate) async fn reach(address: &Address) -> Result<(Wire, Moving), LoadError> {
    let unreachable =
        |error: &dyn std::fmt::Display| LoadError::Unreachable { address: address.clone(), error: error.to_string() };
    match address {
        Address::File(path) | Address::Unix(path) => {
            let stream = UnixStream::connect(path).await.map_err(|error| unreachable(&error))?;
            Wire::over(stream).await.map_err(|error| unreachable(&error))
        }
        Address::Tcp(to) => {
            let connecting = timeout(REACH, TcpStream::connect(to));
            let stream = connecting.await.map_err(|late| unreachable(&late))?.map_err(|error| unreachable(&error))?;
            watched(&stream).map_err(|error| unreachable(&error))?;
            Wire::over(stream).await.map_err(|error| unreachable(&error))
        }
    }
}

/// A connection to a process that was started, as soon as it listens.
pub(crate) async fn meet(path: &Path) -> Result<(Wire, Moving), LoadError> {
    let mut looks = LOOKS.into_iter();
    loop {
        match UnixStream::connect(path).await {
            Ok(stream) => return Wire::over(stream).await.map_err(|error| LoadError::Protocol(error.to_string())),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                tokio::time::sleep(Duration::from_millis(looks.next().unwrap_or(20))).await;
            }
            Err(error) => return Err(LoadError::Socket(error)),
        }
    }
}

/// The client of a connection.
pub(crate) fn client(wire: Wire) -> PluginClient<Wire> {
    PluginClient::with_origin(wire, Wire::origin())
        .max_decoding_message_size(message_limit(MAX_FROM_PLUGIN_BYTES))
        .max_encoding_message_size(message_limit(MAX_TO_PLUGIN_BYTES))
}

/// Opens a session over a connection.
pub(crate) async fn session(wire: Wire, telling: Telling) -> Result<Streaming<PluginFrames>, Status> {
    let mut grpc = Grpc::with_origin(wire, Wire::origin())
        .max_decoding_message_size(message_limit(MAX_FROM_PLUGIN_BYTES))
        .max_encoding_message_size(message_limit(MAX_TO_PLUGIN_BYTES));
    grpc.ready().await?;
    let opened = grpc.streaming(Request::new(telling), PathAndQuery::from_static(SESSION), Frames).await?;
    Ok(opened.into_inner())
}

/// Has the system end a connection behind which nobody is any more. Not by pings of HTTP/2: many servers of gRPC close a
/// connection that is pinged while it rests.
fn watched(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let probes = TcpKeepalive::new().with_time(SILENT).with_interval(PROBE).with_retries(PROBES);
    socket.set_tcp_keepalive(&probes)?;
    // Probes are for a connection that rests: here what was said is not taken.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(SILENT + PROBE * PROBES))?;
    Ok(())
}
