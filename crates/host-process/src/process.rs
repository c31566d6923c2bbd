//! A plugin in a process, as the pipeline sees it.

use crate::call;
use crate::links::Links;
use crate::options::Options;
use crate::prefetch::Prefetch;
use crate::processes::Processes;
use arc_swap::ArcSwap;
use gatewright_abi::{Introduction, View};
use gatewright_plugin::hosted::{Call, CallRef, Hosted, Reply, Returned, Standing};
use gatewright_plugin::payload::Startup;
use gatewright_plugin::services::{BoxFuture, Services};
use gatewright_plugin::{Cx, Failure, Hook, HookSet, Layer, MAX_TIMEOUT, Manifest};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::DropGuard;

/// A plugin in a process. When the last copy is gone, the process ends.
pub struct Process {
    shared: Arc<Shared>,
    _retire: DropGuard,
    _thread: Processes,
}

/// How a process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its number in the system, while it is up and the gateway's own child.
    pub pid: Option<u32>,
    /// How often it was started again.
    pub restarts: u64,
    /// Why it is away; `None` if it serves.
    pub away: Option<String>,
    /// How many runtimes that call it have a connection of their own.
    pub connections: usize,
}

/// What calls and the supervisor share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) manifest: Manifest,
    pub(crate) hooks: HookSet,
    pub(crate) view: Arc<View>,
    pub(crate) prefetch: Prefetch,
    pub(crate) place: ArcSwap<Place>,
    /// How it was started, to be done again when its process is started again.
    startup: Mutex<Option<(Startup, Services)>>,
    pub(crate) pid: AtomicU32,
    pub(crate) restarts: AtomicU64,
}

/// Whether there is somebody to call.
pub(crate) enum Place {
    Up(Arc<Links>),
    Away(String),
}

// === impl Process ===

impl Process {
    pub(crate) fn new(shared: Arc<Shared>, retire: DropGuard, thread: Processes) -> Self {
        Self { shared, _retire: retire, _thread: thread }
    }

    /// How it is.
    pub fn status(&self) -> Status {
        let pid = Some(self.shared.pid.load(Ordering::Acquire)).filter(|pid| *pid != 0);
        let (away, connections) = match &**self.shared.place.load() {
            Place::Up(links) => (None, links.count()),
            Place::Away(why) => (Some(why.clone()), 0),
        };
        Status { pid, restarts: self.shared.restarts.load(Ordering::Acquire), away, connections }
    }
}

impl Hosted for Process {
    fn manifest(&self) -> &Manifest {
        &self.shared.manifest
    }

    fn hooks(&self) -> HookSet {
        self.shared.hooks
    }

    fn immediate(&self) -> HookSet {
        // Whatever it does, it does elsewhere, and is waited for.
        HookSet::EMPTY
    }

    fn call_now(&self, _: &mut Cx, _: CallRef<'_>) -> Reply {
        Reply::Failed(Failure::Malformed("a process is waited for".to_owned()))
    }

    fn standing(&self) -> Option<Standing> {
        let Status { away, restarts, .. } = self.status();
        Some(Standing { away, restarts, ..Standing::default() })
    }

    fn call(self: Arc<Self>, mut cx: Cx, mut call: Call) -> BoxFuture<'static, Returned> {
        Box::pin(async move {
            if let Call::OnStartup(startup) = &call {
                *self.shared.startup() = Some((startup.clone(), cx.services().clone()));
            }
            let place = self.shared.place.load_full();
            let reply = match &*place {
                Place::Up(links) => call::call(&self.shared, links, &mut cx, &mut call).await,
                Place::Away(why) => Reply::Failed(Failure::Unavailable(why.clone())),
            };
            Returned { cx, call, reply }
        })
    }
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process").field("name", &self.shared.options.name).field("status", &self.status()).finish()
    }
}

// === impl Shared ===

impl Shared {
    pub(crate) fn new(options: Options, introduction: &Introduction) -> Self {
        let view = Arc::new(options.view.clone().unwrap_or_else(|| View::of(&introduction.manifest)));
        Self {
            options,
            manifest: introduction.manifest.clone(),
            hooks: introduction.hooks(),
            view,
            prefetch: Prefetch::default(),
            place: ArcSwap::from_pointee(Place::Away("it is being started".to_owned())),
            startup: Mutex::default(),
            pid: AtomicU32::new(0),
            restarts: AtomicU64::new(0),
        }
    }

    /// How long a call of this hook may take, whoever gives it up before.
    pub(crate) fn limit(&self, hook: Hook) -> Duration {
        let asked = self.options.timeout.or(self.manifest.timeout);
        match hook.info().layer {
            Layer::Life | Layer::Surface => hook.info().timeout,
            _ => asked.unwrap_or(hook.info().timeout).min(MAX_TIMEOUT),
        }
    }

    /// How it was started, if it was and has a hook for it.
    pub(crate) fn started(&self) -> Option<(Startup, Services)> {
        match self.hooks.contains(Hook::OnStartup) {
            true => self.startup().clone(),
            false => None,
        }
    }

    /// No code of ours panics while it holds the lock.
    fn startup(&self) -> MutexGuard<'_, Option<(Startup, Services)>> {
        self.startup.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
