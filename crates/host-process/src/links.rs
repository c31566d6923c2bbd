//! The connections to one process: the supervisor's, and one of each runtime that calls.
//!
//! A call that goes over a connection of another thread wakes that thread to write, and is woken by it to read: on idle
//! cores twice what the call itself takes. So each runtime that calls gets a connection of its own, which a task of that
//! runtime looks after: it opens it, moves it along, and closes it with the process. Until it is there, and whenever it is
//! not, calls go over the supervisor's.

use crate::address::Address;
use crate::connect;
use crate::error::LoadError;
use crate::link::Link;
use crate::session::{self, Over};
use crate::told;
use crate::wire::Moving;
use arc_swap::{ArcSwap, ArcSwapOption};
use gatewright_plugin::Hook;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Handle, Id};
use tokio_util::sync::CancellationToken;

/// The most connections beside the supervisor's. Who comes later uses that.
const MOST: usize = 256;

/// How long a connection may take until it is there.
const OPENING: Duration = Duration::from_secs(5);

/// How long it takes until another one is opened for a runtime whose connection failed.
const PAUSE: Duration = Duration::from_secs(5);

/// The connections to one process.
pub(crate) struct Links {
    base: Arc<Link>,
    address: Address,
    own: ArcSwap<Vec<(Id, Arc<Own>)>>,
    closing: CancellationToken,
}

/// The connection of a runtime, while there is one. It has its place for as long as the task that looks after it.
#[derive(Default)]
struct Own(ArcSwapOption<Link>);

/// The place of a runtime's connection, which is given back however the task ends: so it does when its runtime ends.
struct Place {
    links: Arc<Links>,
    own: Arc<Own>,
}

// === impl Links ===

impl Links {
    /// The supervisor's connection, and more of them to this address until `closing`.
    pub(crate) fn new(base: Arc<Link>, address: Address, closing: CancellationToken) -> Arc<Self> {
        Arc::new(Self { base, address, own: ArcSwap::default(), closing })
    }

    /// The supervisor's connection.
    pub(crate) fn base(&self) -> &Arc<Link> {
        &self.base
    }

    /// How many runtimes have a connection of their own.
    pub(crate) fn count(&self) -> usize {
        self.own.load().iter().filter(|(_, own)| own.0.load().is_some()).count()
    }

    /// The connection for a call of this hook: this runtime's, or until there is one the supervisor's.
    pub(crate) fn of(self: &Arc<Self>, hook: Hook) -> Arc<Link> {
        // Those are called once, by whoever calls nothing else.
        if matches!(hook, Hook::OnStartup | Hook::OnShutdown) {
            return self.base.clone();
        }
        let Ok(runtime) = Handle::try_current() else { return self.base.clone() };
        let id = runtime.id();
        if id == self.base.runtime.id() {
            return self.base.clone();
        }
        if let Some((_, own)) = self.own.load().iter().find(|(of, _)| *of == id) {
            return own.0.load_full().unwrap_or_else(|| self.base.clone());
        }
        self.begin(&runtime);
        self.base.clone()
    }

    /// Opens a connection for a runtime, in the background.
    fn begin(self: &Arc<Self>, runtime: &Handle) {
        let (id, own) = (runtime.id(), Arc::new(Own::default()));
        let taken = |places: &[(Id, Arc<Own>)]| places.len() >= MOST || places.iter().any(|(of, _)| *of == id);
        let before = self.own.rcu(|places| match taken(places) {
            true => places.clone(),
            false => Arc::new(places.iter().cloned().chain([(id, own.clone())]).collect::<Vec<_>>()),
        });
        // Of two threads of one runtime, one was the first.
        if !taken(&before) {
            runtime.spawn(Place { links: self.clone(), own }.keep());
        }
    }
}

// === impl Place ===

impl Place {
    /// Looks after the connection.
    async fn keep(self) {
        let closing = self.links.closing.clone();
        let kept = async {
            match tokio::time::timeout(OPENING, self.open()).await {
                Ok(Ok((link, moving))) => self.serve(link, moving).await,
                Ok(Err(error)) => {
                    tracing::debug!(%error, "a worker has no connection of its own to a plugin's process")
                }
                Err(_) => tracing::debug!("a plugin's process does not take a worker's connection"),
            }
            // Its place stays taken meanwhile.
            tokio::time::sleep(PAUSE).await;
        };
        tokio::select! {
            biased;
            () = closing.cancelled() => {}
            () = kept => {}
        }
    }

    /// Opens the connection, and a session where the supervisor has one.
    async fn open(&self) -> Result<(Link, Moving), LoadError> {
        let base = &self.links.base;
        let (wire, mut moving) = connect::reach(&self.links.address).await?;
        let mut link = Link::own(wire, base);
        if base.session.is_none() {
            return Ok((link, moving));
        }
        let (teller, telling) = told::telling(&link);
        let frames = tokio::select! {
            biased;
            why = &mut moving => return Err(LoadError::Protocol(why)),
            frames = connect::session(link.wire.clone(), telling) => frames,
        };
        let frames = frames.map_err(|status| LoadError::Protocol(status.message().to_owned()))?;
        link.session = Some(teller.clone());
        let flights = link.flights.clone();
        // One task for both: what was read is delivered in the same turn.
        let reading = async move {
            match session::listen(frames, &flights, teller).await {
                Over::Lost(why) => why,
                Over::Against(why) => {
                    flights.sever(why.clone());
                    why
                }
            }
        };
        let both = async move {
            tokio::select! {
                biased;
                why = &mut moving => why,
                why = reading => why,
            }
        };
        Ok((link, Box::pin(both)))
    }

    /// Has calls go over the connection until it is no more.
    async fn serve(&self, link: Link, moving: Moving) {
        self.own.0.store(Some(Arc::new(link)));
        let why = moving.await;
        self.close(format!("its connection broke: {why}"));
    }

    fn close(&self, why: String) {
        if let Some(link) = self.own.0.swap(None) {
            link.lose(why);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.close("its connection was closed".to_owned());
        self.links
            .own
            .rcu(|places| places.iter().filter(|(_, own)| !Arc::ptr_eq(own, &self.own)).cloned().collect::<Vec<_>>());
    }
}
