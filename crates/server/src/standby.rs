//! Threads of a worker that stand by, for when a hook holds the one that works.
//!
//! A hook that runs in place and does not come back holds its thread, which nobody can take away from it. So a worker's
//! runtime has more threads than the one that works: they sleep, and cost nothing. When the one that works has been
//! held for long, the acceptor, which looks, wakes one of them. It finds the tasks and the connections of the worker
//! where the runtime keeps them, and goes on with all of them but the one that is held.
//!
//! A thread that was woken stays awake: when the one that was held comes back, the worker has two.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Handle, Runtime, RuntimeMetrics};

/// Threads of each worker that stand by: so many calls may hang on one worker until it stands still.
const STANDING_BY: usize = 2;

/// A thread that neither rested nor went through its tasks for so long is held.
const HELD: Duration = Duration::from_millis(100);

/// How long tasks that are left may take when a worker ends.
const LAST: Duration = Duration::from_secs(1);

/// A worker's runtime: one thread that works, and those that stand by.
pub(crate) struct Standby {
    /// `None` once it has ended.
    runtime: Option<Runtime>,
    handle: Handle,
    door: Arc<Door>,
    metrics: RuntimeMetrics,
    seen: Mutex<Vec<Seen>>,
}

/// Where threads sleep until they are called.
#[derive(Default)]
struct Door {
    state: Mutex<Asleep>,
    called: Condvar,
    fell_asleep: Condvar,
}

#[derive(Default)]
struct Asleep {
    /// Threads that sleep.
    sleeping: usize,
    /// Of them, those that are called and have not woken yet.
    waking: usize,
    closed: bool,
}

/// How far a thread was when it was looked at.
#[derive(Clone, Copy)]
struct Seen {
    progress: Progress,
    since: Instant,
}

/// What changes when a thread does anything, but in the middle of one task.
type Progress = (u64, Duration);

// === impl Standby ===

impl Standby {
    /// Starts threads of this name.
    pub(crate) fn start(name: String) -> std::io::Result<Self> {
        let threads = 1 + STANDING_BY;
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name(name)
            .on_thread_start(gatewright_pipeline::shelter::begin)
            .enable_all()
            .build()?;
        let door = Arc::<Door>::default();
        for many in 1..=STANDING_BY {
            let sleeper = door.clone();
            runtime.spawn(async move { sleeper.sleep() });
            // One by one: a thread takes several tasks at once, and what it takes beside its sleep nobody would run.
            door.wait_for(many);
        }
        let (handle, metrics, now) = (runtime.handle().clone(), runtime.metrics(), Instant::now());
        let seen = (0..threads).map(|thread| Seen { progress: progress(&metrics, thread), since: now }).collect();
        Ok(Self { runtime: Some(runtime), handle, door, metrics, seen: Mutex::new(seen) })
    }

    /// Where the worker's tasks are started.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Looks how the threads are, and wakes one that stands by if all that are awake are held. Answers whether it did.
    pub(crate) fn look(&self, now: Instant) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let looked = seen.iter_mut().enumerate().map(|(thread, seen)| seen.is_held(&self.metrics, thread, now));
        let held = looked.filter(|held| *held).count();
        // Those that sleep look as if they were held.
        if held < seen.len() || !self.door.call() {
            return false;
        }
        // The one that was called has its time to wake.
        seen.iter_mut().for_each(|seen| seen.since = now);
        true
    }

    /// Ends the threads, and waits for them, but for those that are held.
    pub(crate) fn end(mut self) {
        self.door.close();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(LAST);
        }
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        self.door.close();
        // Who drops it may be a task, and must not wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A thread that rests has an odd first number.
fn progress(metrics: &RuntimeMetrics, thread: usize) -> Progress {
    (metrics.worker_park_unpark_count(thread), metrics.worker_total_busy_duration(thread))
}

// === impl Seen ===

impl Seen {
    fn is_held(&mut self, metrics: &RuntimeMetrics, thread: usize, now: Instant) -> bool {
        let progress = progress(metrics, thread);
        if progress.0 % 2 == 1 || progress != self.progress {
            *self = Self { progress, since: now };
        }
        now.saturating_duration_since(self.since) >= HELD
    }
}

// === impl Door ===

impl Door {
    /// No code of ours panics while it holds the lock.
    fn state(&self) -> MutexGuard<'_, Asleep> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds this thread until it is called.
    fn sleep(&self) {
        let mut state = self.state();
        state.sleeping += 1;
        self.fell_asleep.notify_all();
        while state.waking == 0 && !state.closed {
            state = self.called.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waking = state.waking.saturating_sub(1);
        state.sleeping -= 1;
    }

    /// Waits until so many threads sleep.
    fn wait_for(&self, many: usize) {
        let state = self.state();
        drop(self.fell_asleep.wait_while(state, |state| state.sleeping < many));
    }

    /// Calls a thread; answers whether one was there.
    fn call(&self) -> bool {
        let mut state = self.state();
        let there = state.sleeping > state.waking;
        if there {
            state.waking += 1;
            self.called.notify_one();
        }
        there
    }

    fn close(&self) {
        self.state().closed = true;
        self.called.notify_all();
    }
}

#[cfg(test)]
mod tests;
