//! A component as a plugin.

use crate::component::LoadError;
use crate::engine::Clock;
use crate::linker::Current;
use crate::mould::{Mould, Started};
use crate::options::{InstancePolicy, Options};
use crate::pool::Pool;
use crate::stream::{Answered, Home};
use gatewright_abi::host::{self, Departure};
use gatewright_abi::{Pulls, View};
use gatewright_plugin::hosted::{Call, CallRef, Hosted, Reply, Returned};
use gatewright_plugin::services::BoxFuture;
use gatewright_plugin::{Cx, Failure, HookSet, KeptFor, Manifest, PreLlm};
use std::sync::Arc;

/// A component that serves.
pub(crate) struct WasmPlugin {
    manifest: Manifest,
    view: Arc<View>,
    pool: Arc<Pool>,
    clock: Arc<Clock>,
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
        let pool = Arc::new(Pool::new(mould, &manifest.name, policy, &options));
        let mut first = pool.take(&KeptFor::default()).await?;
        first.instance.check(&pool.mould.checked)?;
        pool.put_back(first);
        drop(running);
        let view = Arc::new(options.view.unwrap_or_else(|| View::of(&manifest)));
        Ok(Self { manifest, view, pool, clock })
    }

    async fn answer(&self, cx: &mut Cx, call: &mut Call) -> Reply {
        let running = self.clock.run();
        let mut lease = match self.pool.take(&cx.facts().kept).await {
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
            Err(failure) => return Reply::Failed(failure),
        };
        let (pool, clock, home) = (self.pool.clone(), self.clock.clone(), Home::default());
        let streams: Arc<dyn Pulls> = Arc::new(Answered { pool, clock, rest, services, home: home.clone() });
        let reply = host::settle(cx, host::lend(call), &answer, &self.view, &streams);
        match &reply {
            Reply::PreLlm(PreLlm::Stream(_)) => home.keep(&self.pool, lease),
            _ => self.pool.put_back(lease),
        }
        if matches!(reply, Reply::OnStartup(())) {
            self.note_startup(cx, call);
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
