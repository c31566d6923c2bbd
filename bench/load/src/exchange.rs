//! One connection, and one request and answer at a time on it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::ending::Ending;
use crate::target::Target;

/// A client that keeps its connection for as long as the server does.
#[derive(Debug)]
pub(crate) struct Client {
    target: Arc<Target>,
    limit: Duration,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// What one good exchange took. Times are from the moment the request was due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) total: Duration,
    /// To the first byte of the body, not of the head: a head can be sent before there is anything to say.
    pub(crate) first_byte: Duration,
    pub(crate) body_bytes: u64,
    /// Pieces in which the body came. For a stream it shows whether a proxy joined chunks.
    pub(crate) frames: u64,
}

/// Why an exchange does not count as good.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Failure {
    #[error("connecting: {0}")]
    Connect(String),
    #[error("status {0}")]
    Status(StatusCode),
    #[error("the connection broke: {0}")]
    Broken(String),
    #[error("the body ended early, after {0} bytes")]
    Short(u64),
    #[error("no complete answer in time")]
    Late,
}

impl Client {
    pub(crate) fn new(target: Arc<Target>, limit: Duration) -> Self {
        Self { target, limit, sender: None }
    }

    /// Connects if there is no usable connection. A failure is left for the next exchange to meet, and to report.
    pub(crate) async fn connect_ahead(&mut self) {
        let limit = self.limit;
        if let Ok(Ok(sender)) = timeout(limit, self.ready()).await {
            self.sender = Some(sender);
        }
    }

    /// One request and its whole answer; `due` is when its clock starts, `None` for now, once there is a connection.
    ///
    /// The connection is kept only after a good exchange: after any other its state is anyone's guess.
    pub(crate) async fn exchange(&mut self, due: Option<Instant>) -> Result<Sample, Failure> {
        let limit = self.limit;
        let attempt = async {
            let mut sender = self.ready().await?;
            let sample = send(&self.target, &mut sender, due.unwrap_or_else(Instant::now)).await?;
            Ok((sample, sender))
        };
        let (sample, sender) = timeout(limit, attempt).await.map_err(|_| Failure::Late)??;
        self.sender = Some(sender);
        Ok(sample)
    }

    /// The kept connection if it can take a request, or a new one: a server may close an idle connection at any time.
    async fn ready(&mut self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        if let Some(mut sender) = self.sender.take()
            && sender.ready().await.is_ok()
        {
            return Ok(sender);
        }
        let address = (self.target.host.as_str(), self.target.port);
        let stream = TcpStream::connect(address).await.map_err(|error| Failure::Connect(error.to_string()))?;
        stream.set_nodelay(true).map_err(|error| Failure::Connect(error.to_string()))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| Failure::Connect(error.to_string()))?;
        // It ends when its sender is dropped; what goes wrong on it is seen by the exchange that meets it.
        tokio::spawn(connection);
        sender.ready().await.map_err(broken)?;
        Ok(sender)
    }
}

async fn send(target: &Target, sender: &mut SendRequest<Full<Bytes>>, due: Instant) -> Result<Sample, Failure> {
    let response = sender.send_request(target.request()).await.map_err(broken)?;
    let status = response.status();
    let sample = read(target, response.into_body(), due).await;
    if status == StatusCode::OK { sample } else { Err(Failure::Status(status)) }
}

async fn read(target: &Target, mut body: Incoming, due: Instant) -> Result<Sample, Failure> {
    let mut first_byte = None;
    let mut body_bytes = 0;
    let mut frames = 0;
    let mut ending = Ending::default();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
        if data.is_empty() {
            continue;
        }
        first_byte.get_or_insert_with(|| due.elapsed());
        frames += 1;
        body_bytes += data.len() as u64;
        ending.push(&data);
    }
    let total = due.elapsed();
    match first_byte {
        Some(first_byte) if !target.stream || ending.closes(target.dialect) => {
            Ok(Sample { total, first_byte, body_bytes, frames })
        }
        _ => Err(Failure::Short(body_bytes)),
    }
}

fn broken(error: hyper::Error) -> Failure {
    Failure::Broken(error.to_string())
}

#[cfg(test)]
mod tests;
