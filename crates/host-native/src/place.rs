//! Places for calls on the gateway's own threads: few, so that a plugin that hangs can hold few of them.

use crate::lane::Lane;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The places of a plugin.
pub(crate) struct Places(Box<[AtomicU64]>);

/// A place that is held.
pub(crate) struct Place<'p> {
    place: &'p AtomicU64,
    lane: &'p Arc<Lane>,
}

/// A place: 0 if it is free, else when it was taken, in nanoseconds; the highest bit says that it is known to hang.
const HANGS: u64 = 1 << 63;

/// What time is counted from.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fn now() -> u64 {
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(HANGS - 1).max(1)
}

// === impl Places ===

impl Places {
    pub(crate) fn new(many: usize) -> Self {
        Self((0..many).map(|_| AtomicU64::new(0)).collect())
    }

    /// Whether a place is free, and none of the others is known to hang.
    pub(crate) fn have_room(&self, lane: &Arc<Lane>, limit: Duration) -> bool {
        let mut room = false;
        for place in &self.0 {
            match place.load(Ordering::Acquire) {
                0 => room = true,
                since if hangs(place, since, now(), lane, limit) => return false,
                _ => {}
            }
        }
        room
    }

    /// Takes a place, if one is free; looks whether those that are not hang.
    pub(crate) fn enter<'p>(&'p self, lane: &'p Arc<Lane>, limit: Duration) -> Option<Place<'p>> {
        let now = now();
        for place in &self.0 {
            match place.compare_exchange(0, now, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Some(Place { place, lane }),
                Err(since) => _ = hangs(place, since, now, lane, limit),
            }
        }
        None
    }
}

/// Whether the call of a place that was taken then hangs; the lane is told of it once.
fn hangs(place: &AtomicU64, since: u64, now: u64, lane: &Arc<Lane>, limit: Duration) -> bool {
    if since & HANGS != 0 {
        return true;
    }
    if u128::from(now.saturating_sub(since)) < limit.as_nanos() {
        return false;
    }
    let marked = place.compare_exchange(since, since | HANGS, Ordering::AcqRel, Ordering::Relaxed).is_ok();
    if marked {
        lane.hangs(true);
    }
    marked
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.place.swap(0, Ordering::AcqRel) & HANGS != 0 {
            self.lane.hangs(false);
        }
    }
}
