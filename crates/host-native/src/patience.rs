//! Looking out for something for a moment before one sleeps: being woken takes longer.

use std::hint::spin_loop;
use std::num::NonZero;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

/// What success earns, and what one in vain costs: it pays where four of five come in time.
const MOST_CREDIT: usize = 16;
const IN_VAIN: usize = 4;

/// Without credit one in so many is tried.
const TRIED: usize = 64;

/// How often it is looked before the clock is asked.
const LOOKS: usize = 32;

/// How long somebody looks out, and whether that was worth it lately.
pub(crate) struct Patience {
    longest: Duration,
    /// Others may write between a read and a write of it: it is no more than a guess.
    credit: AtomicUsize,
    declined: AtomicUsize,
}

/// Threads that look out for work at the moment, in all lanes: never so many that no core is left for what they wait for.
pub(crate) struct Lookout;

static LOOKOUTS: AtomicUsize = AtomicUsize::new(0);
static SPARE_CORES: LazyLock<usize> = LazyLock::new(|| available_parallelism().map_or(1, NonZero::get) - 1);

// === impl Patience ===

impl Patience {
    pub(crate) const fn new(longest: Duration) -> Self {
        Self { longest, credit: AtomicUsize::new(0), declined: AtomicUsize::new(0) }
    }

    /// Whether to look out at all: where that was in vain lately, it is tried now and then.
    pub(crate) fn pays(&self) -> bool {
        self.credit.load(Relaxed) > 0 || self.declined.fetch_add(1, Relaxed).is_multiple_of(TRIED)
    }

    /// Looks out for something, for a moment at most.
    pub(crate) fn look_out(&self, is_there: impl Fn() -> bool) {
        let looks = || {
            spin_loop();
            is_there()
        };
        let since = Instant::now();
        let there = loop {
            if (0..LOOKS).any(|_| looks()) {
                break true;
            }
            if since.elapsed() >= self.longest {
                break false;
            }
        };
        let credit = self.credit.load(Relaxed);
        let credit = if there { MOST_CREDIT.min(credit + 1) } else { credit.saturating_sub(IN_VAIN) };
        self.credit.store(credit, Relaxed);
    }
}

// === impl Lookout ===

impl Lookout {
    /// Takes a place, if there is one.
    pub(crate) fn take() -> Option<Self> {
        let place = Self;
        // One too many is given back at once.
        (LOOKOUTS.fetch_add(1, Relaxed) < *SPARE_CORES).then_some(place)
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        LOOKOUTS.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests;
