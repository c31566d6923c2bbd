//! The threads of a plugin's process.
//!
//! One thread does all there is to do: it reads what came, runs the hooks that were called, and writes their answers. So a
//! call wakes one thread, and nothing is handed from one to another. But a hook may block its thread. So hooks run
//! outside of the runtime that reads and writes: whenever one thread is held by a hook, another can go on with the
//! connections and with the other hooks. They rest meanwhile, and one of them looks every millisecond whether a hook
//! holds the rest up, for as long as hooks are called at all.

use async_task::{Runnable, Task};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{block_in_place, yield_now};

/// A hook that runs for so long holds the rest up. How often it is looked for.
const HELD: Duration = Duration::from_millis(1);

/// Hooks that take so long are worth the waking of another thread, if several are to run.
const WORTH_SHARING: Duration = Duration::from_micros(100);

/// So many looks after the last hook, nobody looks any more: a plugin that is called now and then costs no more than that.
const CALM: u32 = 10;

/// So many hooks run one after the other until what came meanwhile is read.
const IN_A_ROW: u32 = 64;

/// The threads of a process, for as long as it lives.
pub(super) struct Crew {
    /// Reads and writes. It runs on whichever thread waits for something.
    runtime: Runtime,
    /// What a hook finds if it looks for a runtime: to block that one's threads holds nobody up.
    beside: Runtime,
    state: Mutex<State>,
    called: Condvar,
}

#[derive(Default)]
struct State {
    /// Hooks that have something to do.
    ready: VecDeque<Runnable>,
    /// Whether a thread waits for hooks in the runtime.
    driving: bool,
    /// Wakes that one.
    driver: Option<Waker>,
    /// How often a thread went to wait there.
    drives: u64,
    /// Hooks that run now, and of them those that wait in the runtime themselves.
    running: u32,
    waiting: u32,
    /// How long the last one took.
    took: Duration,
    resting: u32,
    /// Of those that rest, how many are to go on.
    called: u32,
    /// Whether one of those that rest looks, and how often it found nothing that runs.
    looking: bool,
    calm: u32,
}

/// A hook that waits in the runtime, until this is dropped.
struct Waits<'a>(&'a Crew);

// === impl Crew ===

impl Crew {
    /// Starts the threads.
    pub(super) fn start() -> io::Result<&'static Self> {
        let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
        // So many less one may block. Those that rest cost nothing but their stacks.
        let threads = cores.clamp(4, 8);
        let crew = Self {
            runtime: Builder::new_current_thread().enable_all().build()?,
            beside: Builder::new_multi_thread().worker_threads(threads).enable_all().build()?,
            state: Mutex::default(),
            called: Condvar::new(),
        };
        // It ends with the process.
        let crew: &'static Self = Box::leak(Box::new(crew));
        for number in 0..threads {
            thread::Builder::new().name(format!("plugin-{number}")).spawn(move || crew.serve())?;
        }
        Ok(crew)
    }

    /// Has a future run where connections are read and written, where nothing may block, until it is done.
    pub(super) fn attend(&self, serving: impl Future<Output = io::Result<()>> + Send + 'static) -> io::Result<()> {
        let (tell, told) = mpsc::channel();
        self.runtime.spawn(async move {
            // Who waits for it is the main thread.
            let _ = tell.send(serving.await);
        });
        told.recv().unwrap_or_else(|gone| Err(io::Error::other(gone)))
    }

    /// Runs what may block. Dropping the task ends it, as soon as it does not run.
    pub(super) fn spawn<T: Send + 'static>(&'static self, work: impl Future<Output = T> + Send + 'static) -> Task<T> {
        let (runnable, task) = async_task::spawn(work, |runnable| self.push(runnable));
        runnable.schedule();
        task
    }

    /// Waits within a hook, and reads and writes meanwhile.
    pub(super) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        let _waits = Waits::begin(self);
        // A thread of somebody else's runtime may be here, too.
        block_in_place(|| self.runtime.block_on(future))
    }

    fn push(&self, runnable: Runnable) {
        let mut state = self.state();
        state.ready.push_back(runnable);
        match state.driver.take() {
            Some(driver) => {
                drop(state);
                driver.wake();
            }
            None => self.go_on(&mut state),
        }
    }

    /// Has another thread run what the one that waits within a hook cannot.
    fn go_on(&self, state: &mut State) {
        if state.waiting > 0 && !state.driving && !state.ready.is_empty() {
            self.call(state);
        }
    }

    /// Calls one of those that rest, if there is one.
    fn call(&self, state: &mut State) {
        if state.called < state.resting {
            state.called += 1;
            self.called.notify_one();
        }
    }

    fn serve(&self) {
        let _found_by_hooks = self.beside.enter();
        let (mut state, mut in_a_row) = (self.state(), 0);
        loop {
            if in_a_row < IN_A_ROW
                && let Some(runnable) = state.ready.pop_front()
            {
                in_a_row += 1;
                state = self.run(state, runnable);
            } else if state.driving {
                in_a_row = 0;
                if state.ready.is_empty() {
                    state = self.rest(state);
                }
            } else {
                in_a_row = 0;
                state = self.drive(state);
            }
        }
    }

    fn run<'a>(&'a self, mut state: MutexGuard<'a, State>, runnable: Runnable) -> MutexGuard<'a, State> {
        state.running += 1;
        let several = !state.ready.is_empty();
        if state.took >= if several { WORTH_SHARING } else { HELD } && !state.driving {
            self.call(&mut state);
        } else if !state.looking && state.resting > 0 {
            // One of them is to look.
            self.called.notify_one();
        }
        state.calm = 0;
        drop(state);
        let began = Instant::now();
        // What an author's `Drop` does is no reason to lose a thread.
        let _panicked = catch_unwind(AssertUnwindSafe(|| runnable.run()));
        let took = began.elapsed();
        state = self.state();
        state.running -= 1;
        state.took = took;
        state
    }

    /// Reads and writes until a hook has something to do.
    fn drive<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.driving = true;
        state.drives += 1;
        let at_once = !state.ready.is_empty();
        drop(state);
        self.runtime.block_on(async {
            if at_once {
                yield_now().await;
            }
            poll_fn(|cx| {
                let mut state = self.state();
                if state.ready.is_empty() {
                    state.driver = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                state.driver = None;
                Poll::Ready(())
            })
            .await;
        });
        state = self.state();
        state.driving = false;
        state
    }

    /// Rests until it is called, or finds that hooks hold the rest up.
    fn rest<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.resting += 1;
        while state.called == 0 {
            if state.looking || state.calm >= CALM {
                state = self.called.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (drove, drives) = (state.driving, state.drives);
            state.looking = true;
            let looked = self.called.wait_timeout(state, HELD).unwrap_or_else(PoisonError::into_inner);
            let late = looked.1.timed_out();
            state = looked.0;
            state.looking = false;
            state.calm = state.calm.saturating_add(1);
            if late && !drove && !state.driving && state.drives == drives && state.running > state.waiting {
                state.called = state.called.max(1);
            }
        }
        state.called -= 1;
        state.resting -= 1;
        if state.resting > 0 && !state.looking {
            // The next one looks.
            self.called.notify_one();
        }
        state
    }

    /// No code of ours panics while it holds the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Waits ===

impl<'a> Waits<'a> {
    fn begin(crew: &'a Crew) -> Self {
        let mut state = crew.state();
        state.waiting += 1;
        crew.go_on(&mut state);
        Self(crew)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.state().waiting -= 1;
    }
}

#[cfg(test)]
mod tests;
