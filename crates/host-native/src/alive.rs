//! Instances that have not ended, over all lanes: while there are any, code of theirs may run on threads that nobody can
//! stop.
#![expect(unsafe_code, reason = "the standard library knows no end of a process that runs nothing")]

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

static ALIVE: Mutex<usize> = Mutex::new(0);
static FEWER: Condvar = Condvar::new();

/// Counts an instance for as long as it is there.
pub(crate) struct Counted(());

fn alive() -> MutexGuard<'static, usize> {
    ALIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until every instance has ended, at most so long. Answers whether they have.
pub fn have_ended(longest: Duration) -> bool {
    let waited = FEWER.wait_timeout_while(alive(), longest, |alive| *alive > 0);
    *waited.unwrap_or_else(PoisonError::into_inner).0 == 0
}

/// Ends the process and runs nothing for it: destructors of libraries would pull the ground from under instances that
/// have not ended.
pub fn leave(code: u8) -> ! {
    // SAFETY: it takes a number, and does not return.
    unsafe { libc::_exit(code.into()) }
}

// === impl Counted ===

impl Counted {
    pub(crate) fn new() -> Self {
        *alive() += 1;
        Self(())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        *alive() -= 1;
        FEWER.notify_all();
    }
}
