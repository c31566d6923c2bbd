//! Asking whether a server is ready.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// An answer that takes longer than this is not one.
const PATIENCE: Duration = Duration::from_secs(1);

/// A question that a ready server answers with 200.
#[derive(Debug)]
pub(crate) struct Probe {
    address: SocketAddr,
    request: String,
}

impl Probe {
    pub(crate) fn new(url: &str) -> io::Result<Self> {
        let invalid = || io::Error::new(io::ErrorKind::InvalidInput, "--url: it must be http://HOST:PORT/PATH");
        let rest = url.strip_prefix("http://").ok_or_else(invalid)?;
        let (authority, path) = rest.split_once('/').ok_or_else(invalid)?;
        let address = authority.to_socket_addrs()?.next().ok_or_else(invalid)?;
        let request = format!("GET /{path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n");
        Ok(Self { address, request })
    }

    /// Whether something listens at the address, ready or not.
    pub(crate) fn is_taken(&self) -> bool {
        TcpStream::connect_timeout(&self.address, PATIENCE).is_ok()
    }

    /// Whether the server answers with 200.
    pub(crate) fn is_ready(&self) -> bool {
        self.status_line().is_ok_and(|line| line.get(8..12) == Some(b" 200"))
    }

    fn status_line(&self) -> io::Result<[u8; 12]> {
        let mut connection = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        connection.write_all(self.request.as_bytes())?;
        let mut line = [0; 12];
        connection.read_exact(&mut line)?;
        Ok(line)
    }
}

#[cfg(test)]
mod tests;
