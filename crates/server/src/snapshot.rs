//! What a request takes at its start and finishes on.

use crate::admission::Admission;
use crate::auth::ClientKeys;
use arc_swap::ArcSwap;
use gatewright_engine::{Engine, Pricing};
use gatewright_pipeline::PluginSet;
use gatewright_plugin::{FailureMode, Hook, Layer};
use gatewright_telemetry::Metrics;
use gatewright_telemetry::log::{concealed, redact};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_util::task::TaskTracker;

/// One configuration in force. Replaced as a whole; requests under way keep theirs.
pub struct Snapshot {
    /// The plugins.
    pub plugins: Arc<PluginSet>,
    /// Where requests go.
    pub engine: Engine,
    /// Who may ask; `None` asks nobody.
    pub keys: Option<ClientKeys>,
    /// What tokens cost.
    pub pricing: Arc<dyn Pricing>,
    /// What requests may take.
    pub limits: Limits,
    /// What `/metrics` shows; `None` with telemetry off.
    pub metrics: Option<Arc<Metrics>>,
}

/// What requests may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest body of one request, in bytes; over it 413. Default 32 MiB.
    pub body_bytes: usize,
    /// All bodies in flight together, in bytes; over it 503. Default 512 MiB.
    pub inflight_body_bytes: usize,
    /// Requests at one time; over it 503. Default 10 000.
    pub concurrent_requests: usize,
    /// Longest time of one request. Default 600 s.
    pub request_timeout: Duration,
    /// Longest time for a request's head, and between two pieces of its body. Default 10 s.
    pub header_timeout: Duration,
    /// Largest head of a request, in bytes; over it 431. Default 64 KiB.
    pub header_bytes: usize,
    /// How long a client may leave unread what it was sent; then its connection, and its request's upstream, are given
    /// up. Default 60 s.
    pub patience: Duration,
}

/// What all workers share.
pub struct Shared {
    snapshot: ArcSwap<Snapshot>,
    /// Requests and bytes in flight.
    pub(crate) admission: Admission,
    /// Closing hooks, and whatever else outlives a request.
    pub tasks: TaskTracker,
    draining: AtomicBool,
    /// What somebody should know, though nothing is out for it.
    notes: ArcSwap<Vec<String>>,
}

/// Whether requests can be served, and what is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// Whether they can.
    pub ready: bool,
    /// What is in the way, or is missing without being in the way.
    pub pending: Vec<String>,
}

/// Whether a request ends where a hook that may not be missed is out: of those that it passes all but the ones that look on
/// behind it.
fn on_the_way(hook: Hook) -> bool {
    let passes = matches!(hook.info().layer, Layer::Transport | Layer::Access | Layer::Request | Layer::Attempt);
    passes && !matches!(hook, Hook::OnError | Hook::PostRequest | Hook::RequestEnd)
}

// === impl Limits ===

impl Limits {
    /// How long an answer may be under way, however slowly its client takes it: the request's time, and some to take
    /// the last of it.
    pub(crate) fn longest(&self) -> Duration {
        self.request_timeout.saturating_add(self.header_timeout)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 32 << 20,
            inflight_body_bytes: 512 << 20,
            concurrent_requests: 10_000,
            request_timeout: Duration::from_secs(600),
            header_timeout: Duration::from_secs(10),
            header_bytes: 64 << 10,
            patience: Duration::from_secs(60),
        }
    }
}

// === impl Shared ===

impl Shared {
    /// Serves by this snapshot until another is put in its place.
    pub fn new(snapshot: Snapshot, tasks: TaskTracker) -> Arc<Self> {
        Arc::new(Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            admission: Admission::default(),
            tasks,
            draining: AtomicBool::new(false),
            notes: ArcSwap::default(),
        })
    }

    /// The snapshot of this moment.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// The limits of this moment.
    pub(crate) fn limits(&self) -> Limits {
        self.snapshot.load().limits
    }

    /// Puts another snapshot in its place. Requests under way finish on theirs.
    pub fn replace(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
    }

    /// What `/readyz` shows besides, in place of what it showed so far. Requests are served all the same.
    pub fn note(&self, notes: Vec<String>) {
        self.notes.store(Arc::new(notes));
    }

    /// No new work: `/readyz` says so from now on.
    pub fn begin_draining(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether no new work is taken.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Requests under way.
    pub fn active_requests(&self) -> usize {
        self.admission.requests()
    }

    /// Whether requests can be served. A guard that is not there still guards, so it stands in the way.
    pub fn readiness(&self) -> Readiness {
        let (snapshot, mut pending, mut ready) = (self.snapshot(), Vec::new(), true);
        if self.is_draining() {
            ready = false;
            pending.push("draining: the gateway is about to stop".to_owned());
        }
        for member in snapshot.plugins.members() {
            let Some(reason) = member.instance.unavailable() else { continue };
            let out = member.hooks().intersection(member.instance.out());
            let guards = out.iter().any(|hook| on_the_way(hook) && member.failure_mode(hook) == FailureMode::Closed);
            ready &= !guards;
            let role = if guards { "a guard is out, and its requests get 503" } else { "requests go on without it" };
            let name = member.instance.name();
            pending.push(format!("plugin {name}: {} ({role})", concealed(name, &reason)));
        }
        pending.extend(self.notes.load().iter().cloned());
        // Anybody may ask, and what went wrong may repeat what it went wrong with.
        for reason in &mut pending {
            *reason = redact(reason).into_owned();
        }
        Readiness { ready, pending }
    }
}

#[cfg(test)]
impl Snapshot {
    /// Of a gateway without plugins and providers.
    pub(crate) fn bare() -> Self {
        Self {
            plugins: Arc::new(PluginSet::empty()),
            engine: Engine::new(gatewright_engine::Routing::new([], None, std::collections::BTreeMap::new())),
            keys: None,
            pricing: Arc::new(gatewright_engine::Unpriced),
            limits: Limits::default(),
            metrics: None,
        }
    }
}

#[cfg(test)]
mod tests;
