//! Where a plugin's process listens.

use super::front::Front;
use gatewright_proto::{COOKIE, SOCKET};
use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::spawn;
use tokio::time::sleep;

/// How long nobody is taken in after it failed.
const PAUSE: Duration = Duration::from_millis(20);

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

    /// Serves whoever connects.
    pub(super) async fn serve(self, front: Front) -> Infallible {
        loop {
            let served = match &self {
                Self::Unix(listener) => listener.accept().await.map(|(stream, _)| {
                    spawn(front.clone().serve(stream));
                }),
                Self::Tcp(listener) => listener.accept().await.and_then(|(stream, _)| {
                    // An answer does not wait until what was said before it is confirmed.
                    stream.set_nodelay(true)?;
                    spawn(front.clone().serve(stream));
                    Ok(())
                }),
            };
            if served.is_err() {
                // The other side went away, or there is no room for it right now.
                sleep(PAUSE).await;
            }
        }
    }
}
