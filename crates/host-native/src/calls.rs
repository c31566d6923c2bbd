//! Calls on a lane: what the plugin's thread and the task that waits for it share, and the handles they are known by.

use crate::desk::{Desk, Phase, Source};
use gatewright_abi::functions::Function;
use gatewright_abi::host::{self, Departure};
use gatewright_abi::native::CallHandle;
use gatewright_plugin::services::{ServiceError, Services};
use gatewright_plugin::{Facts, Hook};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// A call on a lane.
pub(crate) struct LaneCall {
    pub(crate) task: Task,
    pub(crate) hook: Hook,
    made: Instant,
    /// When a thread began with it.
    began: OnceLock<Instant>,
    /// How long it may take.
    pub(crate) limit: Duration,
    /// Whether a task is there that does what waits.
    pub(crate) may_wait: bool,
    pub(crate) services: Services,
    pub(crate) facts: Arc<Facts>,
    desk: Mutex<Desk<Departed>>,
    post: Mutex<Post>,
    changed: Condvar,
    /// Whether there ever was something for the task.
    mail: AtomicBool,
}

/// What the plugin is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// A hook.
    Hook(Hook),
    /// The next chunks of a stream.
    Pull(u64),
    /// Giving a stream up.
    Close(u64),
    /// Making the instance.
    Create,
}

/// What a call on a lane works on: taken along when it was made.
pub(crate) struct Departed {
    pub(crate) departure: Departure,
    pub(crate) services: Services,
}

/// Where a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Queued,
    Running(CallHandle),
    Done(i32),
    /// It is done, and who waited knows.
    Taken,
    /// Nobody waits for it any more.
    GivenUp,
}

/// Between the plugin's thread and the task.
struct Post {
    stage: Stage,
    waker: Option<Waker>,
    asked: Option<(Function, Vec<u8>)>,
    answered: Option<Result<Vec<u8>, ServiceError>>,
    /// Whether a thread waits for an answer.
    waiting: bool,
}

/// What the task finds when it looks.
pub(crate) enum Mail {
    /// The plugin asks for a function of the host's that waits.
    Asked(Function, Vec<u8>),
    /// The call is done, with this status.
    Done(i32),
}

/// Why an ask was not answered.
pub(crate) enum Unanswered {
    /// Another thread waits already.
    Busy,
    /// The call was given up.
    GivenUp,
}

/// How a call was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GivenUp {
    /// It had not begun.
    Queued,
    /// The plugin is at it.
    Running,
    /// It was done, with this status, which nobody took.
    Done(i32),
    /// It was over: taken, or given up before.
    Over,
}

/// How much of a call's time until it begins is its own: a thread is woken for it.
const WAKE: Duration = Duration::from_millis(10);

// === impl LaneCall ===

impl LaneCall {
    pub(crate) fn new(
        task: Task,
        hook: Hook,
        limit: Duration,
        may_wait: bool,
        source: Departed,
        plugin: Arc<str>,
    ) -> Self {
        let (services, facts) = (source.services.clone(), source.departure.rest.facts().clone());
        let desk = Mutex::new(Desk::new(hook, task.phase(), source, plugin));
        let post = Post { stage: Stage::Queued, waker: None, asked: None, answered: None, waiting: false };
        Self {
            task,
            hook,
            made: Instant::now(),
            began: OnceLock::new(),
            limit,
            may_wait,
            services,
            facts,
            desk,
            post: Mutex::new(post),
            changed: Condvar::new(),
            mail: AtomicBool::new(false),
        }
    }

    /// The desk; only for a moment.
    pub(crate) fn desk(&self) -> MutexGuard<'_, Desk<Departed>> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn post(&self) -> MutexGuard<'_, Post> {
        self.post.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The plugin's thread: begins. `None` if nobody waits for it any more.
    pub(crate) fn begin(self: &Arc<Self>) -> Option<CallHandle> {
        let mut post = self.post();
        if post.stage != Stage::Queued {
            return None;
        }
        let handle = register(self.clone());
        post.stage = Stage::Running(handle);
        // It begins once.
        let _ = self.began.set(Instant::now());
        Some(handle)
    }

    /// The plugin's thread: has done it. Answers whether somebody still waited for it.
    pub(crate) fn done(&self, status: i32) -> bool {
        let mut post = self.post();
        let Stage::Running(handle) = post.stage else { return false };
        release(handle);
        post.stage = Stage::Done(status);
        self.deliver(&mut post);
        self.changed.notify_all();
        true
    }

    /// The stream that it was answered with, if nobody takes the answer.
    pub(crate) fn unclaimed(&self, status: i32) -> Option<u64> {
        match self.task {
            Task::Hook(Hook::PreLlm) => host::unclaimed(Hook::PreLlm, &self.desk().settle(status).ok()?),
            _ => None,
        }
    }

    /// The plugin's thread: asks the task, and waits.
    pub(crate) fn ask(
        &self,
        function: Function,
        argument: Vec<u8>,
    ) -> Result<Result<Vec<u8>, ServiceError>, Unanswered> {
        let mut post = self.post();
        if post.waiting {
            return Err(Unanswered::Busy);
        }
        if !matches!(post.stage, Stage::Running(_)) {
            return Err(Unanswered::GivenUp);
        }
        (post.waiting, post.asked) = (true, Some((function, argument)));
        self.deliver(&mut post);
        loop {
            if let Some(answer) = post.answered.take() {
                post.waiting = false;
                return Ok(answer);
            }
            if !matches!(post.stage, Stage::Running(_)) {
                (post.waiting, post.asked) = (false, None);
                return Err(Unanswered::GivenUp);
            }
            post = self.changed.wait(post).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The plugin's thread: there is something for the task.
    fn deliver(&self, post: &mut Post) {
        self.mail.store(true, Ordering::Release);
        if let Some(waker) = post.waker.take() {
            waker.wake();
        }
    }

    /// The task: whether there ever was something for it.
    pub(crate) fn has_mail(&self) -> bool {
        self.mail.load(Ordering::Acquire)
    }

    /// The task: looks, and leaves its waker.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<Mail> {
        let mut post = self.post();
        if let Some((function, argument)) = post.asked.take() {
            return Poll::Ready(Mail::Asked(function, argument));
        }
        match post.stage {
            Stage::Done(status) => {
                post.stage = Stage::Taken;
                Poll::Ready(Mail::Done(status))
            }
            Stage::Queued | Stage::Running(_) | Stage::Taken | Stage::GivenUp => {
                post.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// The task: answers.
    pub(crate) fn answer(&self, answer: Result<Vec<u8>, ServiceError>) {
        self.post().answered = Some(answer);
        self.changed.notify_all();
    }

    /// A thread: waits until it is done, at most until then.
    pub(crate) fn wait(&self, until: Instant) -> Option<i32> {
        let mut post = self.post();
        loop {
            if let Stage::Done(status) = post.stage {
                post.stage = Stage::Taken;
                return Some(status);
            }
            let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            post = self.changed.wait_timeout(post, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The task: gives it up. Its handle is stale from here on.
    pub(crate) fn give_up(&self) -> GivenUp {
        let mut post = self.post();
        let was = match post.stage {
            Stage::Queued => GivenUp::Queued,
            Stage::Running(handle) => {
                release(handle);
                GivenUp::Running
            }
            Stage::Done(status) => GivenUp::Done(status),
            Stage::Taken | Stage::GivenUp => return GivenUp::Over,
        };
        post.stage = Stage::GivenUp;
        self.changed.notify_all();
        was
    }

    /// The call that gives up a stream that this one was answered with.
    pub(crate) fn closing(&self, stream: u64) -> Arc<Self> {
        let mut desk = self.desk();
        let (plugin, source) = (desk.plugin().clone(), desk.source().again());
        Arc::new(Self::new(Task::Close(stream), self.hook, self.limit, false, source, plugin))
    }

    /// Whether the plugin has been at it for longer than it may. What it waited for a thread is not the plugin's fault.
    pub(crate) fn overran(&self, now: Instant) -> bool {
        self.began.get().is_some_and(|began| {
            let woken = began.saturating_duration_since(self.made).min(WAKE);
            now.saturating_duration_since(*began) + woken >= self.limit
        })
    }
}

// === impl Task ===

impl Task {
    fn phase(self) -> Phase {
        match self {
            Self::Hook(_) => Phase::Hook,
            Self::Pull(_) | Self::Close(_) => Phase::Pull,
            Self::Create => Phase::Create,
        }
    }
}

// === impl Departed ===

impl Departed {
    /// The same once more.
    pub(crate) fn of(source: &mut impl Source) -> Self {
        let services = source.services();
        let Departure { head, rest } = source.departure();
        Self { departure: Departure { head: head.clone(), rest: rest.clone() }, services }
    }

    /// The same once more.
    pub(crate) fn again(&self) -> Self {
        let Departure { head, rest } = &self.departure;
        let departure = Departure { head: head.clone(), rest: rest.clone() };
        Self { departure, services: self.services.clone() }
    }
}

impl Source for Departed {
    fn departure(&mut self) -> &Departure {
        &self.departure
    }

    fn services(&self) -> Services {
        self.services.clone()
    }

    fn facts(&self) -> Arc<Facts> {
        self.departure.rest.facts().clone()
    }
}

// === handles ===

/// Calls on lanes by their handles: the place in the low half, how often it was used in the high half.
static CALLS: RwLock<Registry> = RwLock::new(Registry { places: Vec::new(), free: Vec::new() });

struct Registry {
    places: Vec<(u32, Option<Arc<LaneCall>>)>,
    free: Vec<u32>,
}

/// How often a place is used until it is used no more: the highest bit is for calls in place.
const MOST_USES: u32 = u32::MAX >> 1;

fn register(call: Arc<LaneCall>) -> CallHandle {
    let mut calls = CALLS.write().unwrap_or_else(PoisonError::into_inner);
    let place = calls.free.pop().unwrap_or_else(|| {
        calls.places.push((0, None));
        u32::try_from(calls.places.len() - 1).unwrap_or(u32::MAX)
    });
    let Some((uses, slot)) = calls.places.get_mut(place as usize) else { return 0 };
    *uses += 1;
    *slot = Some(call);
    CallHandle::from(*uses) << 32 | CallHandle::from(place)
}

fn release(handle: CallHandle) {
    let mut calls = CALLS.write().unwrap_or_else(PoisonError::into_inner);
    let (place, uses) = (handle as u32, (handle >> 32) as u32);
    let Some((used, slot)) = calls.places.get_mut(place as usize) else { return };
    if *used == uses {
        let call = slot.take();
        if uses < MOST_USES {
            calls.free.push(place);
        }
        drop(calls);
        drop(call);
    }
}

/// The call of a handle, unless it is over.
pub(crate) fn find(handle: CallHandle) -> Option<Arc<LaneCall>> {
    let calls = CALLS.read().unwrap_or_else(PoisonError::into_inner);
    let (uses, call) = calls.places.get(handle as u32 as usize)?;
    call.as_ref().filter(|_| *uses == (handle >> 32) as u32).cloned()
}

#[cfg(test)]
mod tests;
