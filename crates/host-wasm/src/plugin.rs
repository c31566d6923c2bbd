//! A component as a plugin.

use crate::component::LoadError;
use crate::engine::{Clock, TICK};
use crate::instance::Answered;
use crate::linker::Current;
use crate::mould::{Mould, Started};
use crate::options::{InstancePolicy, MOST_IN_PLACE, Options};
use crate::pool::{Lease, Pool};
use crate::stream::{Home, Streams};
use gatewright_abi::host::{self, Arrival, Departure};
use gatewright_abi::{Pulls, View};
use gatewright_plugin::hosted::{Call, CallRef, Hosted, Reply, Returned};
use gatewright_plugin::services::BoxFuture;
use gatewright_plugin::{Cx, Failure, Hook, HookSet, KeptFor, Manifest, PreLlm};
use std::cell::OnceCell;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// A component that serves.
pub(crate) struct WasmPlugin {
    manifest: Manifest,
    view: Arc<View>,
    pool: Arc<Pool>,
    clock: Arc<Clock>,
    /// The time of calls that are made in place, if they are.
    in_place: Option<Duration>,
}

/// Runs on the caller's stack what waits for nothing but its turn; `None` if that took longer.
fn within<F: Future>(time: Duration, future: F) -> Option<F::Output> {
    // Whose turn it is does not matter to one who does not give it away.
    let mut future = pin!(tokio::task::unconstrained(future));
    let started = Instant::now();
    while started.elapsed() < time {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(output);
        }
    }
    None
}

/// The ticks after which a time is over: the first comes at any moment.
fn ticks(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(TICK.as_nanos())).unwrap_or(u64::MAX).saturating_add(1)
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
        let shared = matches!(policy, InstancePolicy::Single | InstancePolicy::PerRequest);
        let in_place = options.timeout.filter(|time| *time <= MOST_IN_PLACE && !shared && !mould.checked.waits);
        let pool = Arc::new(Pool::new(mould, &manifest.name, policy, &options));
        let mut first = pool.take(&KeptFor::default()).await?;
        first.instance.check(&pool.mould.checked)?;
        pool.put_back(first);
        drop(running);
        let view = Arc::new(options.view.unwrap_or_else(|| View::of(&manifest)));
        Ok(Self { manifest, view, pool, clock, in_place })
    }

    async fn answer(&self, cx: &mut Cx, call: &mut Call) -> Reply {
        let running = self.clock.run();
        let mut lease = match self.pool.take_idle() {
            Some(lease) => lease,
            None => match self.pool.take(&cx.facts().kept).await {
                Ok(lease) => lease,
                Err(error) => return Reply::Failed(Failure::Unavailable(error.to_string())),
            },
        };
        let (current, head) = self.send(cx, &call.lend());
        let answered = lease.instance.call(&self.pool.mould.checked, current, head).await;
        drop(running);
        let reply = self.settle(cx, call.lend(), lease, answered);
        if matches!(reply, Reply::OnStartup(())) {
            self.note_startup(cx, call);
        }
        reply
    }

    fn answer_in_place(&self, time: Duration, cx: &mut Cx, call: CallRef<'_>) -> Reply {
        let running = self.clock.run();
        let mut lease = match self.pool.take_idle() {
            Some(lease) => lease,
            None => match within(time, self.pool.take(&cx.facts().kept)) {
                Some(Ok(lease)) => lease,
                Some(Err(error)) => return Reply::Failed(Failure::Unavailable(error.to_string())),
                None => return Reply::Failed(Failure::TimedOut),
            },
        };
        let (current, head) = self.send(cx, &call);
        let answered = lease.instance.call_in_place(&self.pool.mould.checked, current, head, ticks(time));
        drop(running);
        self.settle(cx, call, lease, answered)
    }

    fn send(&self, cx: &Cx, call: &CallRef<'_>) -> (Current, Vec<u8>) {
        let Departure { head, rest } = host::depart(cx, call, &self.view);
        (Current::new(call.hook(), rest, cx.services().clone()), head)
    }

    fn settle(&self, cx: &mut Cx, call: CallRef<'_>, lease: Lease, answered: Result<Answered, Failure>) -> Reply {
        let Answered { answer, mut current } = match answered {
            Ok(answered) => answered,
            // The instance goes with the lease.
            Err(failure) => return Reply::Failed(failure),
        };
        let arrival = Arrival { answer: &answer, texts: std::mem::take(&mut current.texts) };
        let home = OnceCell::new();
        let streams = || -> Arc<dyn Pulls> {
            let (pool, clock) = (self.pool.clone(), self.clock.clone());
            let (rest, services) = (current.rest.clone(), current.services.clone());
            Arc::new(Streams { pool, clock, rest, services, home: home.get_or_init(Home::default).clone() })
        };
        let reply = host::settle(cx, call, arrival, &self.view, &streams);
        match (&reply, home.into_inner()) {
            (Reply::PreLlm(PreLlm::Stream(_)), Some(home)) => {
                if let Err(failure) = home.keep(&self.pool, lease) {
                    return Reply::Failed(failure);
                }
            }
            _ => self.pool.put_back(lease),
        }
        reply
    }

    /// What an instance keeps in its globals since its start must be there in the one that takes its place.
    fn note_startup(&self, cx: &Cx, call: &Call) {
        if let (InstancePolicy::Single, Call::OnStartup(startup)) = (self.pool.policy, call) {
            let (startup, services, view) = (startup.clone(), cx.services().clone(), self.view.clone());
            // An instance is started once.
            let _ = self.pool.mould.started.set(Started { startup, services, view });
        }
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
        match self.in_place {
            // Life has its own time.
            Some(_) => self.hooks().without(HookSet::from_iter([Hook::OnStartup, Hook::OnShutdown])),
            None => HookSet::EMPTY,
        }
    }

    fn call_now(&self, cx: &mut Cx, call: CallRef<'_>) -> Reply {
        match self.in_place {
            Some(time) => self.answer_in_place(time, cx, call),
            None => Reply::Failed(Failure::Malformed("it is not called in place".to_owned())),
        }
    }

    fn call(self: Arc<Self>, mut cx: Cx, mut call: Call) -> BoxFuture<'static, Returned> {
        Box::pin(async move {
            let reply = self.answer(&mut cx, &mut call).await;
            Returned { cx, call, reply }
        })
    }
}

#[cfg(test)]
mod tests;
