//! One thread's connections to one origin.

use super::connector::{Connection, Connector, Protocol};
use super::dial::Dial;
use super::lease::{Lease, Load};
use super::link::{Bell, Link};
use super::{RequestBody, TransportError};
use hyper::client::conn::{http1, http2};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// Requests that an HTTP/2 connection carries before the next one is opened.
const REQUESTS_PER_HTTP2: usize = 100;

/// How often a request that found its new connection gone already is given another one.
const ROUNDS: usize = 4;

/// One thread's connections to one origin.
///
/// HTTP/1: as many connections as requests at once; those that are free are used again, the last one first. HTTP/2: a
/// request goes over the first connection that has room; when all are full another one is opened, up to a number, and
/// beyond it the least busy one is taken. Requests that wait for a new HTTP/2 connection share it, and its failure.
///
/// The lock is for one thread in the usual case, and held for a few instructions.
pub(crate) struct Pool {
    connector: Arc<Connector>,
    state: Mutex<State>,
    /// Rings when something happens to a free HTTP/1 connection, such as that it is closed.
    bell: Arc<Bell>,
    /// Rings the bell.
    waker: Waker,
}

struct State {
    /// What the last connection spoke.
    protocol: Option<Protocol>,
    /// Free HTTP/1 connections, the last used one at the end.
    free: Vec<Free>,
    /// All HTTP/2 connections, in the order in which they are filled.
    http2: Vec<Shared>,
    /// New connections that requests wait for.
    dials: Vec<Dial>,
    /// Counts half idle timeouts: cheaper than reading the clock for each request.
    epoch: u64,
    sweeper: Option<JoinHandle<()>>,
}

struct Free {
    sender: http1::SendRequest<RequestBody>,
    link: Link,
    since: u64,
}

struct Shared {
    sender: http2::SendRequest<RequestBody>,
    load: Arc<Load>,
}

/// What a request without a connection does next.
enum Step {
    Go(Lease),
    Open,
    Wait(Dial),
}

// === impl Pool ===

impl Pool {
    pub(super) fn new(connector: Arc<Connector>) -> Self {
        let state = State {
            protocol: connector.expected(),
            free: Vec::new(),
            http2: Vec::new(),
            dials: Vec::new(),
            epoch: 0,
            sweeper: None,
        };
        let bell = Bell::new();
        let waker = Waker::from(Arc::clone(&bell));
        Self { connector, state: Mutex::new(state), bell, waker }
    }

    /// A place on a connection that is open and has room, if there is one.
    pub(super) fn take(self: &Arc<Self>) -> Option<Lease> {
        let mut state = self.lock();
        if let Some(Free { sender, link, .. }) = state.take_free() {
            return Some(Lease::http1(Arc::clone(self), sender, link));
        }
        let epoch = state.epoch;
        let roomy = state.http2.iter().find(|shared| shared.has_room())?;
        roomy.load.used(epoch);
        Some(Lease::http2(Arc::clone(self), roomy.sender.clone(), &roomy.load))
    }

    /// A place on a connection, opened if need be.
    pub(super) async fn connect(self: &Arc<Self>) -> Result<Lease, TransportError> {
        for _ in 0..ROUNDS {
            match self.step() {
                Step::Go(lease) => return Ok(lease),
                Step::Wait(dial) => dial.wait().await?,
                Step::Open => {
                    let opened = Box::pin(self.connector.connect()).await?;
                    return Ok(self.adopt(opened));
                }
            }
        }
        Err(TransportError::Connect("connections close as soon as they are open".to_owned()))
    }

    /// Takes back a free HTTP/1 connection.
    pub(super) fn put(self: &Arc<Self>, sender: http1::SendRequest<RequestBody>, mut link: Link) {
        // It gets ready for the next request, and is listened to from now on.
        if link.poll_free(&mut Context::from_waker(&self.waker)).is_ready() || sender.is_closed() {
            return;
        }
        let mut state = self.lock();
        let since = state.epoch;
        state.free.push(Free { sender, link, since });
        self.keep_swept(&mut state);
    }

    /// Whether nothing is open, in use or being opened.
    pub(super) fn is_unused(self: &Arc<Self>) -> bool {
        let state = self.lock();
        Arc::strong_count(self) == 1 && state.is_empty()
    }

    fn step(self: &Arc<Self>) -> Step {
        if let Some(lease) = self.take() {
            return Step::Go(lease);
        }
        let mut state = self.lock();
        state.http2.retain(|shared| !shared.sender.is_closed());
        state.dials.retain(Dial::is_pending);
        if state.protocol == Some(Protocol::Http1) {
            return Step::Open;
        }
        if let Some(dial) = state.dials.iter().find(|dial| dial.waiting() < REQUESTS_PER_HTTP2) {
            return Step::Wait(dial.clone());
        }
        let most = self.connector.max_http2.max(1);
        if state.http2.len() + state.dials.len() >= most {
            if let Some(shared) = state.http2.iter().min_by_key(|shared| shared.load.in_flight()) {
                return Step::Go(Lease::http2(Arc::clone(self), shared.sender.clone(), &shared.load));
            }
            if let Some(dial) = state.dials.iter().min_by_key(|dial| dial.waiting()) {
                return Step::Wait(dial.clone());
            }
        }
        let pool = Arc::clone(self);
        let dial = Dial::start(async move {
            let opened = pool.connector.connect().await?;
            pool.shelve(opened);
            Ok(())
        });
        state.dials.push(dial.clone());
        Step::Wait(dial)
    }

    /// A place on a connection that was just opened for one request.
    fn adopt(self: &Arc<Self>, opened: Connection) -> Lease {
        match opened {
            Connection::Http1(sender, link) => Lease::http1(Arc::clone(self), sender, link),
            Connection::Http2(sender) => {
                let mut state = self.lock();
                let load = state.add_http2(sender.clone());
                self.keep_swept(&mut state);
                Lease::http2(Arc::clone(self), sender, &load)
            }
        }
    }

    /// Keeps a connection that was just opened, for whoever comes first.
    fn shelve(self: &Arc<Self>, opened: Connection) {
        match opened {
            Connection::Http1(sender, link) => {
                self.lock().protocol = Some(Protocol::Http1);
                self.put(sender, link);
            }
            Connection::Http2(sender) => {
                let mut state = self.lock();
                state.add_http2(sender);
                self.keep_swept(&mut state);
            }
        }
    }

    /// Sees to it that connections without requests are closed in time. Outside a runtime they close when the pool
    /// is dropped.
    fn keep_swept(self: &Arc<Self>, state: &mut State) {
        if state.sweeper.as_ref().is_none_or(JoinHandle::is_finished)
            && let Ok(runtime) = Handle::try_current()
        {
            state.sweeper = Some(runtime.spawn(look_after(Arc::downgrade(self), Arc::clone(&self.bell))));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes connections that had no request for one idle timeout to one and a half, and moves free ones when something
/// happens to them; ends when none is left to watch.
async fn look_after(pool: Weak<Pool>, bell: Arc<Bell>) {
    loop {
        let Some(half) = pool.upgrade().map(|pool| pool.connector.idle_timeout / 2) else { return };
        let mut over = pin!(tokio::time::sleep(half));
        loop {
            let rang = poll_fn(|context| match bell.poll(context) {
                Poll::Ready(()) => Poll::Ready(true),
                Poll::Pending => over.as_mut().poll(context).map(|()| false),
            });
            let rang = rang.await;
            let Some(pool) = pool.upgrade() else { return };
            let mut state = pool.lock();
            match rang {
                true => state.advance(&mut Context::from_waker(&pool.waker)),
                false => state.sweep(),
            }
            if state.is_empty() {
                state.sweeper = None;
                return;
            }
            if !rang {
                break;
            }
        }
    }
}

// === impl State ===

impl State {
    /// The free connection that was used last. One that has yet to send the rest of its last request is left for later;
    /// closed ones are dropped.
    fn take_free(&mut self) -> Option<Free> {
        let mut at = self.free.len();
        while at > 0 {
            at -= 1;
            if self.free[at].sender.is_ready() {
                return Some(self.free.remove(at));
            }
            if self.free[at].sender.is_closed() {
                self.free.remove(at);
            }
        }
        None
    }

    /// Moves all free connections, and drops those that are closed.
    fn advance(&mut self, context: &mut Context<'_>) {
        self.free.retain_mut(|free| free.link.poll_free(context).is_pending());
    }

    fn add_http2(&mut self, sender: http2::SendRequest<RequestBody>) -> Arc<Load> {
        let load = Arc::new(Load::default());
        load.used(self.epoch);
        self.protocol = Some(Protocol::Http2);
        self.http2.push(Shared { sender, load: Arc::clone(&load) });
        load
    }

    fn sweep(&mut self) {
        self.epoch += 1;
        let epoch = self.epoch;
        let fresh = |since: u64| epoch - since <= 2;
        for Free { sender, link, .. } in self.free.extract_if(.., |free| !fresh(free.since)) {
            drop(sender);
            tokio::spawn(link.close());
        }
        self.free.retain(|free| !free.sender.is_closed());
        self.http2.retain(|shared| fresh(shared.load.seen(epoch)) && !shared.sender.is_closed());
        self.dials.retain(Dial::is_pending);
    }

    fn is_empty(&self) -> bool {
        self.free.is_empty() && self.http2.is_empty() && self.dials.is_empty()
    }
}

// === impl Shared ===

impl Shared {
    fn has_room(&self) -> bool {
        !self.sender.is_closed() && self.load.in_flight() < REQUESTS_PER_HTTP2
    }
}
