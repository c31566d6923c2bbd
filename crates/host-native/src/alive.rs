//! Instances that have not ended: while there are any, code of theirs may run on threads that nobody can stop.
#![expect(unsafe_code, reason = "the standard library knows no end of a process that runs nothing")]

use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Instances that were made for the same owner, as of one gateway of several in a process. Copies are the same.
#[derive(Clone, Debug, Default)]
pub struct Instances(Arc<Alive>);

/// How many have not ended.
#[derive(Debug, Default)]
struct Alive {
    many: Mutex<usize>,
    fewer: Condvar,
}

/// Counts an instance for as long as it is there, among those of its owner and among all.
pub(crate) struct Counted([Instances; 2]);

/// Those of all owners.
static ALL: LazyLock<Instances> = LazyLock::new(Instances::default);

/// Waits until every instance in the process has ended, at most so long. Answers whether they have.
pub fn have_ended(longest: Duration) -> bool {
    ALL.have_ended(longest)
}

/// Ends the process and runs nothing for it: destructors of libraries would pull the ground from under instances that
/// have not ended.
pub fn leave(code: u8) -> ! {
    // SAFETY: it takes a number, and does not return.
    unsafe { libc::_exit(code.into()) }
}

// === impl Instances ===

impl Instances {
    /// Waits until every one of them has ended, at most so long. Answers whether they have.
    pub fn have_ended(&self, longest: Duration) -> bool {
        let waited = self.0.fewer.wait_timeout_while(self.many(), longest, |many| *many > 0);
        *waited.unwrap_or_else(PoisonError::into_inner).0 == 0
    }

    fn many(&self) -> MutexGuard<'_, usize> {
        self.0.many.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Counted ===

impl Counted {
    pub(crate) fn among(instances: &Instances) -> Self {
        let counted = [instances.clone(), ALL.clone()];
        counted.iter().for_each(|instances| *instances.many() += 1);
        Self(counted)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        for instances in &self.0 {
            *instances.many() -= 1;
            instances.0.fewer.notify_all();
        }
    }
}

#[cfg(test)]
mod tests;
