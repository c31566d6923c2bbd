//! The clients that send plugins' requests: each runtime has its own.
//!
//! A connection is moved along by the runtime that opened it. Requests of other runtimes would wait for it while a hook
//! holds that one's thread, and fail when it ends. So connections are kept for the runtime that opened them, and go
//! with it.

use super::address::{CheckedResolver, Lookup, Reach};
use super::bounded::Bounded;
use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::runtime::{Handle, Id};
use tokio::sync::oneshot;

/// The most runtimes that keep connections. Who comes later opens one for each request.
const MOST: usize = 256;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How many connections to a host a runtime keeps while nobody uses them, and how long. On many cores it is fewer: all
/// together they leave places to those that are used.
const MAX_IDLE: usize = 16;
const MAX_IDLE_OF_ALL: usize = super::MAX_CONNECTIONS / 2;
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// How connections are made.
pub(super) struct Making {
    pub(super) lookup: Lookup,
    pub(super) tls: ClientConfig,
    /// How often an HTTP/2 connection that carries requests is asked whether it is still there, and how long it may take
    /// to answer.
    pub(super) ping: (Duration, Duration),
}

/// The clients of all runtimes.
pub(super) struct Clients {
    making: Making,
    /// Those that keep no connections.
    brief: Arc<Reaching>,
    own: Mutex<Vec<Own>>,
}

/// A client for each reach, so that a connection is only used again by who might have made it.
pub(super) struct Reaching {
    public: HttpClient,
    private: HttpClient,
    any: HttpClient,
}

pub(super) type HttpClient = Client<Bounded<HttpsConnector<HttpConnector<CheckedResolver>>>, Full<Bytes>>;

/// What a runtime has.
struct Own {
    runtime: Id,
    clients: Arc<Reaching>,
    /// Dropped, it ends the task that has the place.
    _place: oneshot::Sender<Infallible>,
}

/// The place of a runtime, given back when a task of that runtime ends: so it does when the runtime ends.
struct Place {
    runtime: Id,
    clients: Weak<Clients>,
}

// === impl Clients ===

impl Clients {
    pub(super) fn new(making: Making) -> Arc<Self> {
        let brief = Arc::new(making.clients(0));
        Arc::new(Self { making, brief, own: Mutex::default() })
    }

    /// Those that keep no connections: each request opens one, which ends with it.
    pub(super) fn brief(&self) -> Arc<Reaching> {
        self.brief.clone()
    }

    /// Those of this runtime, which keep connections.
    pub(super) fn own(self: &Arc<Self>) -> Arc<Reaching> {
        let Ok(runtime) = Handle::try_current() else { return self.brief() };
        let id = runtime.id();
        let (clients, ended) = {
            let mut own = self.places();
            if let Some(there) = own.iter().find(|there| there.runtime == id) {
                return there.clients.clone();
            }
            if own.len() >= MOST {
                return self.brief();
            }
            let (clients, (place, ended)) = (Arc::new(self.making.clients(max_idle())), oneshot::channel());
            own.push(Own { runtime: id, clients: clients.clone(), _place: place });
            (clients, ended)
        };
        let place = Place { runtime: id, clients: Arc::downgrade(self) };
        // A runtime that is ending drops it at once.
        runtime.spawn(async move {
            let _ = ended.await;
            drop(place);
        });
        clients
    }

    /// No code of ours panics while it holds the lock.
    fn places(&self) -> MutexGuard<'_, Vec<Own>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn max_idle() -> usize {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    (MAX_IDLE_OF_ALL / workers).clamp(2, MAX_IDLE)
}

// === impl Making ===

impl Making {
    fn clients(&self, kept: usize) -> Reaching {
        let client = |reach| self.client(reach, kept);
        Reaching { public: client(Reach::Public), private: client(Reach::Private), any: client(Reach::Any) }
    }

    fn client(&self, reach: Reach, kept: usize) -> HttpClient {
        let mut tcp = HttpConnector::new_with_resolver(CheckedResolver::new(reach, self.lookup.clone()));
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let tls = HttpsConnectorBuilder::new().with_tls_config(self.tls.clone()).https_or_http().enable_all_versions();
        let (interval, timeout) = self.ping;
        Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .http2_keep_alive_interval(interval)
            .http2_keep_alive_timeout(timeout)
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(kept)
            .build(Bounded { connector: tls.wrap_connector(tcp), kept: kept > 0 })
    }
}

// === impl Reaching ===

impl Reaching {
    pub(super) fn of(&self, reach: Reach) -> &HttpClient {
        match reach {
            Reach::Public => &self.public,
            Reach::Private => &self.private,
            Reach::Any => &self.any,
        }
    }
}

// === impl Place ===

impl Drop for Place {
    fn drop(&mut self) {
        let Some(clients) = self.clients.upgrade() else { return };
        let mut own = clients.places();
        let gone = own.iter().position(|there| there.runtime == self.runtime).map(|at| own.swap_remove(at));
        // Its connections are closed without the lock.
        drop(own);
        drop(gone);
    }
}

#[cfg(test)]
mod tests;
