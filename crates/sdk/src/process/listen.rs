//! Where a plugin's process listens.

use gatewright_proto::{COOKIE, SOCKET};
use std::io;
use std::path::PathBuf;
use tokio::net::{TcpListener, UnixListener};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tonic::transport::server::Router;

/// Where to listen, and what to say to the gateway.
pub(super) struct Listen {
    at: At,
    pub(super) cookie: String,
}

/// A listener.
pub(super) enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

enum At {
    Unix(PathBuf),
    Tcp(String),
}

// === impl Listen ===

impl Listen {
    /// As the gateway says in the environment, or somebody by hand. `None` if nobody says it.
    pub(super) fn of(
        mut arguments: impl Iterator<Item = String>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Option<Self> {
        if let Some(cookie) = environment(COOKIE).filter(|cookie| !cookie.is_empty()) {
            return Some(Self { at: At::Unix(environment(SOCKET)?.into()), cookie });
        }
        let address = arguments.find(|argument| argument == "--listen").and_then(|_| arguments.next())?;
        let at = match address.strip_prefix("unix://") {
            Some(path) => At::Unix(path.into()),
            None => At::Tcp(address),
        };
        Some(Self { at, cookie: String::new() })
    }
}

// === impl Listener ===

impl Listener {
    pub(super) async fn bind(listen: &Listen) -> io::Result<Self> {
        Ok(match &listen.at {
            At::Unix(path) => {
                // A socket that another run left behind, and nothing else, is in the way.
                if std::os::unix::net::UnixStream::connect(path)
                    .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
                {
                    std::fs::remove_file(path)?;
                }
                Self::Unix(UnixListener::bind(path)?)
            }
            At::Tcp(address) => Self::Tcp(TcpListener::bind(address).await?),
        })
    }

    pub(super) async fn serve(self, router: Router) -> io::Result<()> {
        let served = match self {
            Self::Unix(listener) => router.serve_with_incoming(UnixListenerStream::new(listener)).await,
            Self::Tcp(listener) => router.serve_with_incoming(TcpListenerStream::new(listener)).await,
        };
        served.map_err(io::Error::other)
    }
}
