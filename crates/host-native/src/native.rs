//! A native plugin, as the pipeline sees it.

use crate::before;
use crate::calls::{Departed, LaneCall, Mail, Task};
use crate::desk::{Desk, Source};
use crate::inline;
use crate::lane::{Lane, LaneHealth, NotTaken};
use crate::load::Options;
use crate::place::Places;
use gatewright_abi::{Pulled, Pulls, View, document, host, service};
use gatewright_model::{ErrorKind, LlmError};
use gatewright_plugin::hosted::{Call, CallRef, Hosted, Reply, Returned, Room, Standing};
use gatewright_plugin::payload::Startup;
use gatewright_plugin::services::BoxFuture;
use gatewright_plugin::{Cx, Facts, Failure, Hook, HookSet, MAX_TIMEOUT, Manifest, State};
use serde_json::Value as Json;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

/// A native plugin.
pub struct Native {
    name: Arc<str>,
    manifest: Manifest,
    hooks: HookSet,
    /// The hooks that are called in place.
    immediate: HookSet,
    places: Places,
    timeout: Option<Duration>,
    view: Arc<View>,
    open: Arc<Open>,
}

/// What a plugin is put together from.
pub(crate) struct Parts {
    pub(crate) name: Arc<str>,
    pub(crate) manifest: Manifest,
    pub(crate) hooks: HookSet,
    pub(crate) immediate: HookSet,
    pub(crate) lane: Arc<Lane>,
    /// Whoever holds it uses the library.
    pub(crate) user: Arc<()>,
}

/// An instance, until the last who may call it is gone.
struct Open {
    lane: Arc<Lane>,
    _user: Arc<()>,
}

/// The streams that a hook answered with.
struct Streams {
    name: Arc<str>,
    open: Arc<Open>,
    limit: Duration,
    /// What the hook worked on.
    of: Departed,
}

/// What a call came to: its answer, and what pulls the stream that it may be.
struct Settled {
    answer: Vec<u8>,
    streams: Option<Arc<dyn Pulls>>,
}

/// A call that somebody waits for: given up when it is dropped.
struct Waiting {
    open: Arc<Open>,
    call: Arc<LaneCall>,
}

/// What a call outside of a request works on: the instance's name and config.
pub(crate) fn of_life(name: &str, config: &Json) -> Departed {
    let services = before::services(name);
    let cx = Cx::new(Arc::new(Facts::default()), State::default(), None, services.clone());
    let mut startup = Startup { name: name.to_owned(), config: config.clone() };
    let departure = host::depart(&cx, &CallRef::OnStartup(&mut startup), &Arc::new(View::all()));
    Departed { departure, services }
}

// === impl Native ===

impl Native {
    pub(crate) fn new(parts: Parts, options: &Options) -> Self {
        let Parts { name, manifest, hooks, immediate, lane, user } = parts;
        Self {
            name,
            hooks,
            immediate: if options.inline { immediate } else { HookSet::EMPTY },
            places: Places::new(options.inline_at_once.max(1)),
            timeout: options.timeout.or(manifest.timeout),
            // It is in the gateway's own memory: what it is not shown, it can read.
            view: Arc::new(View::all()),
            manifest,
            open: Arc::new(Open { lane, _user: user }),
        }
    }

    /// The instance's name.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) fn lane(&self) -> &Arc<Lane> {
        &self.open.lane
    }

    /// How it is.
    pub fn lane_health(&self) -> LaneHealth {
        self.open.lane.health()
    }

    /// How long a call of this hook may take before it is a strike.
    fn limit(&self, hook: Hook) -> Duration {
        self.timeout.unwrap_or(hook.info().timeout).min(MAX_TIMEOUT)
    }

    fn lane_call(&self, cx: &Cx, call: &CallRef<'_>, may_wait: bool) -> Arc<LaneCall> {
        let hook = call.hook();
        let source = Departed { departure: host::depart(cx, call, &self.view), services: cx.services().clone() };
        Arc::new(LaneCall::new(Task::Hook(hook), hook, self.limit(hook), may_wait, source, self.name.clone()))
    }

    /// Takes from a desk what a hook came to.
    fn settled<S: Source>(&self, hook: Hook, desk: &mut Desk<S>, status: i32) -> Result<Settled, Failure> {
        let answer = desk.settle(status)?;
        let may_stream = hook == Hook::PreLlm && !answer.is_empty();
        let streams = may_stream.then(|| self.streams(Departed::of(desk.source())));
        Ok(Settled { answer, streams })
    }

    fn streams(&self, of: Departed) -> Arc<dyn Pulls> {
        let (name, open, limit) = (self.name.clone(), self.open.clone(), self.limit(Hook::PreLlm));
        Arc::new(Streams { name, open, limit, of })
    }

    fn settle(&self, cx: &mut Cx, call: CallRef<'_>, settled: Result<Settled, Failure>) -> Reply {
        let Settled { answer, streams } = match settled {
            Ok(settled) => settled,
            Err(failure) => return Reply::Failed(failure),
        };
        // Of other hooks no answer is a stream.
        let streams = || streams.clone().unwrap_or_else(|| self.streams(of_life(&self.name, &Json::Null)));
        host::settle(cx, call, host::Arrival::of(&answer), &self.view, &streams)
    }

    /// On the caller's own thread.
    fn in_place(&self, cx: &mut Cx, mut call: CallRef<'_>) -> Reply {
        let hook = call.hook();
        let code = self.open.lane.code();
        let work = |handle| code.hook(hook, handle);
        let settled = inline::run(hook, cx, &mut call, &self.view, &self.name, work, |desk, status| {
            self.settled(hook, desk, status)
        });
        self.settle(cx, call, settled)
    }

    /// On the lane, while the caller's thread waits, no longer than the call may take: somebody else took the place that
    /// there was when the caller asked.
    fn surplus(&self, cx: &mut Cx, call: CallRef<'_>) -> Reply {
        let lane_call = self.lane_call(cx, &call, false);
        let waiting = Waiting { open: self.open.clone(), call: lane_call.clone() };
        if let Err(not_taken) = self.open.lane.push(lane_call.clone()) {
            return Reply::Failed(not_taken.into());
        }
        let status = lane_call.wait(Instant::now() + lane_call.limit);
        drop(waiting);
        let settled = match status {
            Some(status) => self.settled(lane_call.hook, &mut lane_call.desk(), status),
            None => Err(Failure::TimedOut),
        };
        self.settle(cx, call, settled)
    }
}

impl Hosted for Native {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn hooks(&self) -> HookSet {
        self.hooks
    }

    fn immediate(&self) -> HookSet {
        self.immediate
    }

    fn room(&self, hook: Hook) -> Room {
        if !self.immediate.contains(hook) {
            return Room::Ample;
        }
        let lane = &self.open.lane;
        match !lane.is_quarantined() && self.places.have_room(lane, self.limit(hook)) {
            true => Room::Free,
            false => Room::Full,
        }
    }

    fn call_now(&self, cx: &mut Cx, call: CallRef<'_>) -> Reply {
        let lane = &self.open.lane;
        let place = self.places.enter(lane, self.limit(call.hook())).filter(|_| !lane.is_quarantined());
        match place {
            Some(_place) => self.in_place(cx, call),
            // The lane takes nothing either while the plugin is in quarantine, and says so.
            None => self.surplus(cx, call),
        }
    }

    fn standing(&self) -> Option<Standing> {
        let LaneHealth { quarantined, given_up, .. } = self.lane_health();
        let away = quarantined.then(|| NotTaken::Quarantined.to_string());
        Some(Standing { away, given_up, ..Standing::default() })
    }

    fn call(self: Arc<Self>, mut cx: Cx, mut call: Call) -> BoxFuture<'static, Returned> {
        let lane_call = self.lane_call(&cx, &call.lend(), true);
        let waiting = Waiting { open: self.open.clone(), call: lane_call.clone() };
        let taken = self.open.lane.push(lane_call);
        Box::pin(async move {
            let settled = match taken {
                Ok(awake) => {
                    let status = waiting.status(awake).await;
                    self.settled(waiting.call.hook, &mut waiting.call.desk(), status)
                }
                Err(not_taken) => Err(not_taken.into()),
            };
            let reply = self.settle(&mut cx, call.lend(), settled);
            Returned { cx, call, reply }
        })
    }
}

impl std::fmt::Debug for Native {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Native").field("name", &self.name).field("hooks", &self.hooks).finish_non_exhaustive()
    }
}

// === impl Open ===

impl Drop for Open {
    fn drop(&mut self) {
        self.lane.close();
    }
}

// === impl Waiting ===

impl Waiting {
    /// Waits until the plugin is done, and does for it what waits.
    async fn status(&self, awake: bool) -> i32 {
        if awake {
            self.open.lane.look_out_for(&self.call);
        }
        let mut serving: Option<BoxFuture<'static, Result<Vec<u8>, _>>> = None;
        poll_fn(|cx| {
            loop {
                if let Some(served) = &mut serving
                    && let Poll::Ready(answer) = served.as_mut().poll(cx)
                {
                    self.call.answer(answer);
                    serving = None;
                }
                match self.call.poll(cx) {
                    Poll::Ready(Mail::Done(status)) => return Poll::Ready(status),
                    Poll::Ready(Mail::Asked(function, argument)) => {
                        let (services, facts) = (self.call.services.clone(), self.call.facts.clone());
                        let hook = self.call.hook;
                        serving = Some(Box::pin(async move {
                            service::serve(&services, &facts, hook, true, function, &argument).await
                        }));
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.open.lane.give_up(&self.call);
    }
}

// === impl Streams ===

impl Streams {
    fn call(&self, task: Task) -> Arc<LaneCall> {
        Arc::new(LaneCall::new(task, Hook::PreLlm, self.limit, true, self.of.again(), self.name.clone()))
    }
}

impl Pulls for Streams {
    fn pull(&self, number: u64) -> BoxFuture<'static, Result<Pulled, LlmError>> {
        let call = self.call(Task::Pull(number));
        let waiting = Waiting { open: self.open.clone(), call: call.clone() };
        let taken = self.open.lane.push(call);
        Box::pin(async move {
            let pulled = match taken {
                Ok(awake) => {
                    let status = waiting.status(awake).await;
                    waiting.call.desk().settle(status)
                }
                Err(not_taken) => Err(not_taken.into()),
            };
            let pulled = pulled.and_then(|document| document::read(&document).map_err(Failure::from));
            // Who runs the stream knows the plugin's name.
            pulled.map_err(|failure| {
                LlmError::new(ErrorKind::PluginUnavailable, failure.to_string()).with_code(failure.cause())
            })
        })
    }

    fn close(&self, number: u64) {
        self.open.lane.close_stream(number, self.call(Task::Close(number)));
    }
}

impl From<NotTaken> for Failure {
    fn from(not_taken: NotTaken) -> Self {
        Self::Unavailable(not_taken.to_string())
    }
}
