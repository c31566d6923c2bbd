//! Lines on their way out: a bounded queue, and a thread that writes it.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long the thread gathers lines before it writes them, so that a line is not a wake-up and a system call each.
const GATHER: Duration = Duration::from_millis(5);

/// A buffer that grew larger gives its memory back when it is empty again.
const KEPT_BYTES: usize = 64 << 10;

/// The queue's end where lines go in. Cheap to copy.
#[derive(Clone, Debug)]
pub(super) struct Queue(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// For the thread: there is something to do.
    work: Condvar,
    /// For those who flush: the thread wrote something, or is gone.
    written: Condvar,
    max_bytes: usize,
    dropped: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<u8>,
    /// Bytes of lines that were ever put in, and that were ever written.
    put: u64,
    written: u64,
    /// Somebody waits, or room is short: do not gather.
    hurry: bool,
    /// Write what is there and end.
    closing: bool,
    /// The thread has ended.
    ended: bool,
}

// === impl Queue ===

impl Queue {
    /// A queue of at most so many bytes, and the thread that writes it out. `notice` makes the line that tells of
    /// dropped ones.
    pub(super) fn start(
        max_bytes: usize,
        output: Box<dyn Write + Send>,
        notice: fn(u64) -> String,
    ) -> std::io::Result<Self> {
        let queue = Self(Arc::new(Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            written: Condvar::new(),
            max_bytes,
            dropped: Arc::default(),
        }));
        let shared = queue.0.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || {
            let ended = Ended(shared);
            ended.0.write_out(output, notice);
        })?;
        Ok(queue)
    }

    /// Puts a line in, with its line break. Never waits for the output: a line that finds no room is dropped and
    /// counted.
    pub(super) fn push(&self, line: &[u8]) {
        let shared = &*self.0;
        let mut state = shared.lock();
        if state.ended || state.lines.len() + line.len() > shared.max_bytes {
            shared.dropped.fetch_add(1, Relaxed);
            return;
        }
        let was_empty = state.lines.is_empty();
        state.lines.extend_from_slice(line);
        state.put += line.len() as u64;
        // Half full, there is no time to gather more.
        let hurries = !state.hurry && state.lines.len() > shared.max_bytes / 2;
        state.hurry |= hurries;
        drop(state);
        if was_empty || hurries {
            shared.work.notify_one();
        }
    }

    /// Waits until all lines so far are written, at most so long; answers whether they are.
    pub(super) fn flush(&self, at_most: Duration) -> bool {
        self.0.drain(at_most, false)
    }

    /// The same, and ends the thread. Later lines are dropped.
    pub(super) fn close(&self, at_most: Duration) -> bool {
        self.0.drain(at_most, true)
    }

    /// Counts the lines that were dropped.
    pub(super) fn dropped(&self) -> &Arc<AtomicU64> {
        &self.0.dropped
    }
}

// === impl Shared ===

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drain(&self, at_most: Duration, close: bool) -> bool {
        let until = Instant::now() + at_most;
        let mut state = self.lock();
        state.hurry = true;
        state.closing |= close;
        self.work.notify_one();
        let put = state.put;
        while !state.ended && (close || state.written < put) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.written.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.written >= put
    }

    fn write_out(&self, mut output: Box<dyn Write + Send>, notice: fn(u64) -> String) {
        let (mut taken, mut told) = (Vec::new(), 0);
        loop {
            let mut state = self.lock();
            while state.lines.is_empty() && !state.closing {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if !state.hurry {
                let hurried = |state: &mut State| !state.hurry;
                let gathered = self.work.wait_timeout_while(state, GATHER, hurried);
                state = gathered.unwrap_or_else(PoisonError::into_inner).0;
            }
            if state.lines.is_empty() && state.closing {
                return;
            }
            std::mem::swap(&mut state.lines, &mut taken);
            state.hurry = state.closing;
            drop(state);

            // An output that is gone takes its lines with it: there is nowhere left to say so.
            let _ = output.write_all(&taken);
            let dropped = self.dropped.load(Relaxed);
            if dropped > told {
                let _ = output.write_all(notice(dropped - told).as_bytes());
                told = dropped;
            }
            let _ = output.flush();
            self.lock().written += taken.len() as u64;
            self.written.notify_all();
            taken.clear();
            taken.shrink_to(KEPT_BYTES);
        }
    }
}

/// Says that the thread has ended, also when the output panicked.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.written.notify_all();
    }
}

#[cfg(test)]
mod tests;
