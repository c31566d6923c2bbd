//! Where a plugin's process is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a plugin's process is: `path` in the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An executable, which the gateway starts.
    File(PathBuf),
    /// `grpc+unix:///PATH`: a socket at which somebody else's process listens.
    Unix(PathBuf),
    /// `grpc://HOST:PORT`: the same over TCP. Nothing is encrypted: for the same machine, or a network of its own.
    Tcp(String),
}

/// Not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address of a plugin's process: grpc://HOST:PORT and grpc+unix:///PATH are, and paths of files")]
pub struct BadAddress(String);

// === impl Address ===

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = || BadAddress(text.to_owned());
        if let Some(path) = text.strip_prefix("grpc+unix://") {
            return path.starts_with('/').then(|| Self::Unix(path.into())).ok_or_else(bad);
        }
        if let Some(address) = text.strip_prefix("grpc://") {
            let address = address.strip_suffix('/').unwrap_or(address);
            let (host, port) = address.rsplit_once(':').ok_or_else(bad)?;
            let plain = !host.is_empty() && !host.contains(['/', '@', '?', '#', ' ']);
            let numbered = port.parse::<u16>().is_ok_and(|port| port != 0);
            return (plain && numbered).then(|| Self::Tcp(address.to_owned())).ok_or_else(bad);
        }
        match text.is_empty() || text.contains("://") {
            true => Err(bad()),
            false => Ok(Self::File(text.into())),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Unix(path) => write!(f, "grpc+unix://{}", path.display()),
            Self::Tcp(address) => write!(f, "grpc://{address}"),
        }
    }
}

#[cfg(test)]
mod tests;
