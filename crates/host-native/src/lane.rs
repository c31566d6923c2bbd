//! A plugin's own lane: the threads that its calls run on, a bounded queue before them, and the quarantine.
//!
//! A thread that hangs in a plugin cannot be killed. So that it harms nobody else, no thread of the gateway's ever waits
//! for it: the task that waits gives the call up when its time is over, and the thread is written off until it comes
//! back. While two calls that took too long have not come back, the plugin is in quarantine.

use crate::calls::{GivenUp, LaneCall, Task};
use crate::code::Code;
use crate::patience::{Lookout, Patience};
use gatewright_abi::native::CallHandle;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a thread without work stays.
const IDLE: Duration = Duration::from_secs(30);

/// How long a thread that has just worked looks out for more before it sleeps: as long as it takes at most to wake the task
/// that brings the next call. And how long a task looks out for what such a thread answers.
const AWAKE: Duration = Duration::from_micros(50);
const BRIEFLY: Duration = Duration::from_micros(20);

/// What threads of plugins have for their stacks: Go and C expect as much as a main thread's half.
const STACK_BYTES: usize = 2 << 20;

/// How wide a lane is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Width {
    /// The most threads, those that hang included.
    pub(crate) threads: usize,
    /// The most calls that wait for a thread.
    pub(crate) queue: usize,
    /// How many calls that took too long and have not come back put the plugin into quarantine.
    pub(crate) strikes: usize,
}

/// A lane.
pub(crate) struct Lane {
    name: Arc<str>,
    /// Changed under the lock alone.
    quarantined: AtomicBool,
    /// Whether there are calls that time alone may make strikes.
    doubtful: AtomicBool,
    width: Width,
    code: Code,
    state: Mutex<State>,
    work: Condvar,
    /// How often there was work, or the end: what threads that are awake look at.
    posted: AtomicUsize,
    /// Of its threads for work, and of tasks for answers.
    for_work: Patience,
    for_answers: Patience,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Arc<LaneCall>>,
    threads: usize,
    /// Threads without work, and those of them that do not sleep yet.
    idle: usize,
    awake: usize,
    /// Calls that were given up while the plugin was at them.
    abandoned: Vec<Arc<LaneCall>>,
    /// Streams that are being given up, for which nobody waits.
    closing: Vec<Arc<LaneCall>>,
    /// Streams to be given up once pulls of theirs that were abandoned have come back.
    deferred: Vec<Arc<LaneCall>>,
    given_up: u64,
    /// Calls in place that hang. That one came back may be known before that it hung.
    hanging: isize,
    closed: bool,
}

/// Why a call is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotTaken {
    #[error("it is in quarantine: earlier calls have not come back")]
    Quarantined,
    #[error("its lane is full")]
    Full,
}

/// How a native plugin is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneHealth {
    /// Whether its calls fail at once because earlier ones hang.
    pub quarantined: bool,
    /// Calls that were given up and have not come back.
    pub abandoned: usize,
    /// Calls that were ever given up.
    pub given_up: u64,
    /// Threads of its lane.
    pub threads: usize,
    /// Calls that wait for a thread.
    pub queued: usize,
}

// === impl Lane ===

impl Lane {
    pub(crate) fn new(name: Arc<str>, width: Width, code: Code) -> Self {
        let [quarantined, doubtful] = [const { AtomicBool::new(false) }; 2];
        let (posted, [for_work, for_answers]) = (AtomicUsize::new(0), [AWAKE, BRIEFLY].map(Patience::new));
        let (state, work) = (Mutex::default(), Condvar::new());
        Self { name, quarantined, doubtful, width, code, state, work, posted, for_work, for_answers }
    }

    pub(crate) fn code(&self) -> &Code {
        &self.code
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it takes no calls.
    pub(crate) fn is_quarantined(&self) -> bool {
        if self.doubtful.load(Ordering::Acquire) {
            self.look(&self.state());
        }
        self.quarantined.load(Ordering::Acquire)
    }

    /// Takes a call. Answers whether a thread is awake for it.
    pub(crate) fn push(self: &Arc<Self>, call: Arc<LaneCall>) -> Result<bool, NotTaken> {
        self.take(self.state(), call)
    }

    /// Takes a call that gives a stream up: it is made when no pull of the stream is left.
    pub(crate) fn close_stream(self: &Arc<Self>, stream: u64, call: Arc<LaneCall>) {
        let mut state = self.state();
        if !state.is_pulled(stream) {
            // A lane that is full or in quarantine has more to lose than a stream.
            let _ = self.take(state, call);
        } else if state.deferred.len() < self.width.queue {
            state.deferred.push(call);
        }
    }

    fn take(self: &Arc<Self>, mut state: MutexGuard<'_, State>, call: Arc<LaneCall>) -> Result<bool, NotTaken> {
        self.look(&state);
        if self.quarantined.load(Ordering::Acquire) {
            return Err(NotTaken::Quarantined);
        }
        if state.queue.len() >= self.width.queue {
            return Err(NotTaken::Full);
        }
        state.queue.push_back(call);
        Ok(self.staff(&mut state))
    }

    /// Sees to it that somebody takes what is queued. Answers whether all of that are awake.
    fn staff(self: &Arc<Self>, state: &mut State) -> bool {
        self.posted.fetch_add(1, Ordering::Release);
        if state.queue.len() <= state.awake {
            return true;
        }
        if state.queue.len() > state.idle && state.threads < self.width.threads {
            let lane = self.clone();
            match self.thread().spawn(move || lane.serve()) {
                Ok(_) => state.threads += 1,
                Err(error) => {
                    tracing::error!(plugin = &*self.name, %error, "no thread for a native plugin could be started");
                }
            }
        }
        if state.idle > state.awake {
            self.work.notify_one();
        }
        false
    }

    fn thread(&self) -> thread::Builder {
        // A thread's name is a C string.
        let name = format!("plugin-{}", self.name.replace('\0', ""));
        thread::Builder::new().name(name).stack_size(STACK_BYTES)
    }

    /// A thread's life.
    fn serve(self: Arc<Self>) {
        let mut state = self.state();
        loop {
            if let Some(call) = state.queue.pop_front() {
                drop(state);
                self.run(&call);
                state = self.state();
                continue;
            }
            if state.closed {
                break;
            }
            state.idle += 1;
            state = self.stay_awake(state);
            let wait = self.work.wait_timeout_while(state, IDLE, |state| state.queue.is_empty() && !state.closed);
            let (woken, wait) = wait.unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if wait.timed_out() {
                break;
            }
        }
        state.threads -= 1;
        let last = state.closed && state.threads == 0 && state.queue.is_empty();
        drop(state);
        if last {
            self.code.destroy();
        }
    }

    /// Looks out for work for a moment, where there is a core to do it on and that is worth it.
    fn stay_awake<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let Some(lookout) = self.for_work.pays().then(Lookout::take).flatten() else { return state };
        state.awake += 1;
        let posted = self.posted.load(Ordering::Acquire);
        drop(state);
        self.for_work.look_out(|| self.posted.load(Ordering::Acquire) != posted);
        drop(lookout);
        let mut state = self.state();
        state.awake -= 1;
        state
    }

    /// Looks out for the answer of a call for which a thread is awake, where that is worth it.
    pub(crate) fn look_out_for(&self, call: &LaneCall) {
        if self.for_answers.pays() {
            self.for_answers.look_out(|| call.has_mail());
        }
    }

    fn run(&self, call: &Arc<LaneCall>) {
        let Some(handle) = call.begin() else { return };
        if let Task::Close(_) = call.task {
            return self.run_close(call, handle);
        }
        let status = self.code.run(call.task, handle);
        if !call.done(status) {
            // Its answer was taken, and then nobody was there any more for what it names.
            if let Some(stream) = call.unclaimed(status) {
                self.code.run(Task::Close(stream), handle);
            }
            self.came_back(call);
        }
    }

    /// Nobody waits for it who could give it up.
    fn run_close(&self, call: &Arc<LaneCall>, handle: CallHandle) {
        let mut state = self.state();
        state.closing.push(call.clone());
        self.look(&state);
        drop(state);
        call.done(self.code.run(call.task, handle));
        let mut state = self.state();
        state.closing.retain(|closing| !Arc::ptr_eq(closing, call));
        self.look(&state);
    }

    /// A call that nobody waits for any more.
    pub(crate) fn give_up(self: &Arc<Self>, call: &Arc<LaneCall>) {
        let mut state = self.state();
        // Under the lock, so that its thread comes back after it was written down.
        match call.give_up() {
            GivenUp::Running => {
                state.given_up += 1;
                state.abandoned.push(call.clone());
                self.look(&state);
            }
            GivenUp::Queued => state.queue.retain(|queued| !Arc::ptr_eq(queued, call)),
            GivenUp::Done(status) => {
                drop(state);
                if let Some(stream) = call.unclaimed(status) {
                    self.close_stream(stream, call.closing(stream));
                }
            }
            GivenUp::Over => {}
        }
    }

    fn came_back(&self, call: &Arc<LaneCall>) {
        let mut state = self.state();
        state.abandoned.retain(|abandoned| !Arc::ptr_eq(abandoned, call));
        if let Task::Pull(stream) = call.task
            && !state.is_pulled(stream)
        {
            // Whatever else the lane takes: here is a thread for them.
            let (ready, rest) = state.deferred.drain(..).partition(|close| close.task == Task::Close(stream));
            state.deferred = rest;
            state.queue.extend::<Vec<_>>(ready);
        }
        self.look(&state);
    }

    /// A call in place hangs, or came back.
    pub(crate) fn hangs(&self, hangs: bool) {
        let mut state = self.state();
        state.hangs(hangs);
        self.look(&state);
    }

    /// Puts the plugin into quarantine, or takes it out.
    fn look(&self, state: &State) {
        let stuck = state.stuck(Instant::now());
        self.doubtful.store(!(state.abandoned.is_empty() && state.closing.is_empty()), Ordering::Release);
        if stuck >= self.width.strikes && !self.quarantined.swap(true, Ordering::AcqRel) {
            tracing::error!(
                plugin = &*self.name,
                stuck,
                "a native plugin is in quarantine: calls that took too long have not come back"
            );
        } else if stuck == 0 && self.quarantined.swap(false, Ordering::AcqRel) {
            tracing::warn!(plugin = &*self.name, "a native plugin is out of quarantine: its calls came back");
        }
    }

    pub(crate) fn health(&self) -> LaneHealth {
        let state = self.state();
        self.look(&state);
        LaneHealth {
            quarantined: self.quarantined.load(Ordering::Acquire),
            abandoned: state.abandoned.len() + state.unwaited(Instant::now()),
            given_up: state.given_up,
            threads: state.threads,
            queued: state.queue.len(),
        }
    }

    /// Takes no more calls: the last thread ends the instance.
    pub(crate) fn close(self: &Arc<Self>) {
        let mut state = self.state();
        state.closed = true;
        self.posted.fetch_add(1, Ordering::Release);
        if state.threads > 0 {
            self.work.notify_all();
            return;
        }
        drop(state);
        // The plugin's code never runs on a thread of the gateway's.
        let lane = self.clone();
        if let Err(error) = self.thread().spawn(move || lane.code.destroy()) {
            tracing::error!(plugin = &*self.name, %error, "a native plugin could not be ended");
        }
    }
}

// === impl State ===

impl State {
    /// A call in place hangs, or came back.
    fn hangs(&mut self, hangs: bool) {
        self.hanging += if hangs { 1 } else { -1 };
    }

    /// Whether a pull of this stream was abandoned and has not come back.
    fn is_pulled(&self, stream: u64) -> bool {
        self.abandoned.iter().any(|call| call.task == Task::Pull(stream))
    }

    /// Calls that take too long, but were given up by nobody.
    fn unwaited(&self, now: Instant) -> usize {
        let closing = self.closing.iter().filter(|call| call.overran(now)).count();
        closing + usize::try_from(self.hanging).unwrap_or(0)
    }

    /// Calls that took too long and have not come back.
    fn stuck(&self, now: Instant) -> usize {
        self.unwaited(now) + self.abandoned.iter().filter(|call| call.overran(now)).count()
    }
}

#[cfg(test)]
mod tests;
