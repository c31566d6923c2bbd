//! A breaker: a plugin that keeps failing is left alone for a while, so that it does not add its timeout to every
//! request.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Failures in a row that open it.
pub const BREAKER_FAILURES: u32 = 5;

/// How long it stays open before one call may try.
pub const BREAKER_COOL_DOWN: Duration = Duration::from_secs(10);

/// Of one instance. Closed until [`BREAKER_FAILURES`] calls in a row failed; then open for [`BREAKER_COOL_DOWN`], after
/// which a single call may try: its success closes the breaker, its failure opens it again.
#[derive(Debug)]
pub(crate) struct Breaker {
    epoch: Instant,
    failures: AtomicU32,
    /// When the next trial is allowed, in milliseconds since the epoch.
    trial_at: AtomicU64,
}

// === impl Breaker ===

impl Default for Breaker {
    fn default() -> Self {
        Self { epoch: Instant::now(), failures: AtomicU32::new(0), trial_at: AtomicU64::new(0) }
    }
}

impl Breaker {
    /// Whether a call may be made now.
    pub(crate) fn admits(&self, now: Instant) -> bool {
        if !self.has_tripped() {
            return true;
        }
        let (now, trial_at) = (self.millis(now), self.trial_at.load(Ordering::Acquire));
        let next = now + BREAKER_COOL_DOWN.as_millis() as u64;
        // Of several callers at the same moment, one tries.
        now >= trial_at && self.trial_at.compare_exchange(trial_at, next, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// A call did its job. Answers whether that closed the breaker.
    pub(crate) fn succeeded(&self) -> bool {
        // Most calls find 0 and write nothing.
        self.failures.load(Ordering::Relaxed) != 0 && self.failures.swap(0, Ordering::AcqRel) >= BREAKER_FAILURES
    }

    /// A call failed. Answers whether that opened the breaker.
    pub(crate) fn failed(&self, now: Instant) -> bool {
        let failures = self.failures.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        if failures >= BREAKER_FAILURES {
            self.trial_at.store(self.millis(now) + BREAKER_COOL_DOWN.as_millis() as u64, Ordering::Release);
        }
        failures == BREAKER_FAILURES
    }

    /// A call that was admitted at this moment was cut off with its request. If it was the one that may try, the next
    /// one may at once, since nothing was learnt.
    pub(crate) fn cut_off(&self, admitted: Instant) {
        let admitted = self.millis(admitted);
        let next = admitted + BREAKER_COOL_DOWN.as_millis() as u64;
        // Somebody else who has tried meanwhile has set another.
        let _ = self.trial_at.compare_exchange(next, admitted, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Whether it opened, and no call has succeeded since.
    pub(crate) fn has_tripped(&self) -> bool {
        self.failures.load(Ordering::Relaxed) >= BREAKER_FAILURES
    }

    /// Whether it is open, and no call may try yet.
    pub(crate) fn is_open(&self) -> bool {
        self.has_tripped() && self.millis(Instant::now()) < self.trial_at.load(Ordering::Acquire)
    }

    fn millis(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.epoch).as_millis() as u64
    }
}

#[cfg(test)]
mod tests;
