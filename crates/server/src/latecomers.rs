//! Who comes while the gateway drains: told so, and turned away.

use crate::connection;
use crate::server::next;
use crate::snapshot::Shared;
use crate::stop::{Stop, Stopped, stop};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Connections at one time; more wait in the listener's backlog.
const MOST: usize = 1024;

/// How long an answer that is under way when the drain is over may take.
const LAST_WORD: Duration = Duration::from_millis(250);

/// The listener of a gateway that drains. A load balancer must be told that nothing more goes here, which a closed port
/// does not say as well. The workers only finish what they have, so this is served beside them, without any plugin.
pub(crate) struct Latecomers {
    listener: TcpListener,
    shared: Arc<Shared>,
    connections: JoinSet<()>,
    stop: watch::Sender<Stop>,
    stopped: Stopped,
}

// === impl Latecomers ===

impl Latecomers {
    pub(crate) fn new(listener: TcpListener, shared: Arc<Shared>) -> Self {
        let (stop, stopped) = stop();
        Self { listener, shared, connections: JoinSet::new(), stop, stopped }
    }

    /// Answers whoever comes. Drop it when nothing is under way any more.
    pub(crate) async fn serve(&mut self) -> Infallible {
        loop {
            tokio::select! {
                Some(_) = self.connections.join_next() => {}
                stream = next(&self.listener), if self.connections.len() < MOST => {
                    let (shared, stopped) = (self.shared.clone(), self.stopped.clone());
                    self.connections.spawn(connection::turn_away(shared, stream, stopped));
                }
            }
        }
    }

    /// Closes the listener, and every connection as soon as it has no answer under way.
    pub(crate) async fn close(self) {
        let Self { listener, stop, mut connections, .. } = self;
        drop(listener);
        // Nobody hears it only if nobody is left.
        let _ = stop.send(Stop::Finish);
        let _ = tokio::time::timeout(LAST_WORD, async { while connections.join_next().await.is_some() {} }).await;
    }
}
