//! The listener: accepts, deals out, drains.

use crate::dealer::Dealer;
use crate::latecomers::Latecomers;
use crate::snapshot::Shared;
use crate::stop::{Stop, Stopped, stop};
use gatewright_pipeline::CLOSING_BUDGET;
use socket2::{Domain, Protocol, Socket, Type};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A listener that is bound and does not accept yet.
pub struct Server {
    listener: TcpListener,
    shared: Arc<Shared>,
    workers: usize,
}

/// An address at which nobody else listens, and nobody is answered yet: who connects is refused. Who is the first of two
/// to listen there has it.
pub struct Reserved {
    socket: Socket,
    address: SocketAddr,
}

/// A server that accepts.
pub struct ServerHandle {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<Stop>,
    accepting: tokio::task::JoinHandle<(TcpListener, Dealer)>,
}

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    address: SocketAddr,
    source: std::io::Error,
}

// === impl Reserved ===

impl Reserved {
    /// Takes an address.
    pub fn new(address: SocketAddr) -> Result<Self, BindError> {
        let socket = bind(address).map_err(|source| BindError { address, source })?;
        Ok(Self { socket, address })
    }
}

// === impl Server ===

impl Server {
    /// Binds an address. `workers` of 0 takes one for each core.
    pub fn bind(address: SocketAddr, shared: Arc<Shared>, workers: usize) -> Result<Self, BindError> {
        Self::at(Reserved::new(address)?, shared, workers)
    }

    /// The same at an address that was taken before.
    pub fn at(reserved: Reserved, shared: Arc<Shared>, workers: usize) -> Result<Self, BindError> {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let workers = if workers == 0 { cores() } else { workers };
        let Reserved { socket, address } = reserved;
        // Somebody else who took it at the same moment may have been first.
        let listener = listen(socket).map_err(|source| BindError { address, source })?;
        Ok(Self { listener, shared, workers })
    }

    /// The address it is bound to.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Starts the workers and accepts.
    pub fn start(self) -> std::io::Result<ServerHandle> {
        let address = self.listener.local_addr()?;
        let (stop, stopped) = stop();
        let dealer = Dealer::start(self.workers, self.shared.clone(), stopped.clone())?;
        let accepting = tokio::spawn(accept(self.listener, dealer, stopped));
        Ok(ServerHandle { address, shared: self.shared, stop, accepting })
    }
}

// === impl ServerHandle ===

impl ServerHandle {
    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives requests under way this long to finish, and turns new ones away meanwhile; then they are cut off, and their
    /// closing hooks run. Answers whether all finished.
    pub async fn drain(self, longest: Duration) -> bool {
        self.shared.begin_draining();
        // Nobody hears it only if nobody is left.
        let _ = self.stop.send(Stop::Finish);
        let Ok((listener, dealer)) = self.accepting.await else { return false };
        self.shared.tasks.close();
        let mut joined = tokio::task::spawn_blocking(|| dealer.join());
        let mut latecomers = Latecomers::new(listener, self.shared);
        let finished = tokio::select! {
            _ = &mut joined => true,
            () = tokio::time::sleep(longest) => false,
            never = latecomers.serve() => match never {},
        };
        if finished {
            latecomers.close().await;
            return true;
        }
        let _ = self.stop.send(Stop::Abort);
        let _ = tokio::join!(latecomers.close(), tokio::time::timeout(CLOSING_BUDGET, joined));
        false
    }
}

fn bind(address: SocketAddr) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn listen(socket: Socket) -> std::io::Result<TcpListener> {
    socket.listen(4096)?;
    TcpListener::from_std(socket.into())
}

/// The next connection.
pub(crate) async fn next(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                // Out of file descriptors, most likely: others must be closed first.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Deals connections out until it is told to stop.
async fn accept(listener: TcpListener, mut dealer: Dealer, mut stop: Stopped) -> (TcpListener, Dealer) {
    tokio::select! {
        never = dealer.deal(&listener) => match never {},
        () = stop.told(Stop::Finish) => {}
    }
    (listener, dealer)
}

#[cfg(test)]
mod tests;
