//! A component as a plugin.

use crate::component::LoadError;
use crate::engine::Clock;
use crate::instance::{Mould, Trapped};
use crate::linker::Current;
use crate::pool::{Lease, Pool};
use gatewright_abi::host::{self, Departure, Rest};
use gatewright_abi::{Pulled, Pulls, View};
use gatewright_model::{ErrorKind, LlmError};
use gatewright_plugin::hosted::{Call, CallRef, Hosted, Reply, Returned};
use gatewright_plugin::services::{BoxFuture, Services};
use gatewright_plugin::{Cx, Failure, Hook, HookSet, Manifest, Permission, PreLlm};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// How calls share instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstancePolicy {
    /// Calls take any instance that is idle: globals mean nothing.
    Pooled,
    /// All calls share one instance, one after the other: globals mean what their author thinks.
    Single,
    /// Each call has an instance of its own.
    Fresh,
}

/// How a component is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the operator granted.
    pub granted: BTreeSet<Permission>,
    /// How calls share instances; `None` leaves it to the manifest.
    pub instances: Option<InstancePolicy>,
    /// The most memory of an instance.
    pub memory_bytes: usize,
    /// What it sees of requests; `None` leaves it to the manifest.
    pub view: Option<View>,
}

/// A component that serves.
pub(crate) struct WasmPlugin {
    manifest: Manifest,
    view: Arc<View>,
    pool: Arc<Pool>,
    policy: InstancePolicy,
    clock: Arc<Clock>,
}

/// The streams that a call answered with, and the instance that has them.
struct Pinned {
    pool: Arc<Pool>,
    clock: Arc<Clock>,
    rest: Rest,
    services: Services,
    /// Between pulls; empty where all calls share one instance.
    lease: Arc<Mutex<Option<Lease>>>,
}

/// The most instances of one plugin at once, and of these, the most that stay idle.
const MOST_AT_ONCE: usize = 128;
const MOST_IDLE: usize = 32;

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Self { granted: BTreeSet::new(), instances: None, memory_bytes: 64 << 20, view: None }
    }
}

// === impl WasmPlugin ===

impl WasmPlugin {
    /// Asks a component what it is, and makes its first instance, so that a config that is wrong fails the load.
    pub(crate) async fn start(mould: Mould, clock: Arc<Clock>, options: Options) -> Result<Self, LoadError> {
        let running = clock.run();
        let manifest = mould.introduce().await?.manifest;
        let policy = options.instances.unwrap_or(match manifest.stateful {
            true => InstancePolicy::Single,
            false => InstancePolicy::Pooled,
        });
        let (most, most_idle) = match policy {
            InstancePolicy::Pooled => (MOST_AT_ONCE, MOST_IDLE),
            InstancePolicy::Single => (1, 1),
            InstancePolicy::Fresh => (MOST_AT_ONCE, 0),
        };
        let pool = Arc::new(Pool::new(mould, most, most_idle));
        let first = pool.take().await?;
        pool.put_back(first);
        drop(running);
        let view = Arc::new(options.view.unwrap_or_else(|| View::of(&manifest)));
        Ok(Self { manifest, view, pool, policy, clock })
    }

    async fn answer(&self, cx: &mut Cx, call: &mut Call) -> Reply {
        let running = self.clock.run();
        let mut lease = match self.pool.take().await {
            Ok(lease) => lease,
            Err(error) => return Reply::Failed(Failure::Unavailable(error.to_string())),
        };
        let hook = call.hook();
        let Departure { head, rest } = host::depart(cx, &host::lend(call), &self.view);
        let services = cx.services().clone();
        let current = Current { hook, rest: rest.clone(), services: services.clone() };
        let answered = lease.instance.call(&self.pool.mould.checked, current, head).await;
        drop(running);
        let answer = match answered {
            Ok(answer) => answer,
            // The instance goes with the lease.
            Err(Trapped(cause)) => return Reply::Failed(Failure::Panicked(cause)),
        };
        let (pool, clock, slot) = (self.pool.clone(), self.clock.clone(), Arc::new(Mutex::new(None)));
        let pinned = Pinned { pool, clock, rest, services, lease: slot.clone() };
        let streams: Arc<dyn Pulls> = Arc::new(pinned);
        let reply = host::settle(cx, host::lend(call), &answer, &self.view, &streams);
        match &reply {
            Reply::PreLlm(PreLlm::Stream(_)) if self.policy != InstancePolicy::Single => {
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(lease);
            }
            _ => self.pool.put_back(lease),
        }
        reply
    }
}

impl Hosted for WasmPlugin {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn hooks(&self) -> HookSet {
        self.pool.mould.checked.hooks
    }

    fn immediate(&self) -> HookSet {
        HookSet::EMPTY
    }

    fn call_now(&self, _: &mut Cx, _: CallRef<'_>) -> Reply {
        Reply::Failed(Failure::Malformed("a component is not called in place".to_owned()))
    }

    fn call(self: Arc<Self>, mut cx: Cx, mut call: Call) -> BoxFuture<'static, Returned> {
        Box::pin(async move {
            let reply = self.answer(&mut cx, &mut call).await;
            Returned { cx, call, reply }
        })
    }
}

// === impl Pinned ===

impl Pulls for Pinned {
    fn pull(&self, number: u64) -> BoxFuture<'static, Result<Pulled, LlmError>> {
        let (pool, clock, slot) = (self.pool.clone(), self.clock.clone(), self.lease.clone());
        let current = Current { hook: Hook::PreLlm, rest: self.rest.clone(), services: self.services.clone() };
        Box::pin(async move {
            let failed = |message: String| LlmError::new(ErrorKind::PluginUnavailable, message);
            let running = clock.run();
            let pinned = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
            let (mut lease, is_pinned) = match pinned {
                Some(lease) => (lease, true),
                None => (pool.take().await.map_err(|error| failed(error.to_string()))?, false),
            };
            let pulled = lease.instance.pull(&pool.mould.checked, current, number).await;
            drop(running);
            // After a trap the instance goes with the lease.
            let pulled = pulled.map_err(|Trapped(cause)| failed(cause))?;
            match (is_pinned, &pulled) {
                (true, Pulled::Chunks(_)) => *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(lease),
                _ => pool.put_back(lease),
            }
            Ok(pulled)
        })
    }

    fn close(&self, _: u64) {
        // A pinned instance goes with its stream; one that is shared forgets it when its room is needed.
        drop(self.lease.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}
