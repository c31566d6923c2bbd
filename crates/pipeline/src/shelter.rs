//! Where a call that may never come back holds nobody else.
//!
//! A call in place that hangs holds its thread, and with it all that waits for that thread. A runtime of several threads
//! lets another one take over what waits, but for two kinds of tasks. One is that which was woken last on this thread, and
//! is to run next here and nowhere else: before such a call a task that does nothing is put in its place. The others have
//! had their share, and wait for this thread to rest: [`within_reach`] has them wait where others find them.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Waker};
use tokio::runtime::Handle;
use tokio::task::coop::has_budget_remaining;

/// Tasks that do nothing, on each thread: so many calls may follow each other before one of them has run.
const IDLERS: usize = 8;

thread_local! {
    static IDLING: RefCell<Option<Idling>> = const { RefCell::new(None) };
}

/// The tasks that do nothing, of one thread.
#[derive(Default)]
struct Idling {
    idlers: [Arc<Idler>; IDLERS],
    last: usize,
}

/// A task that does nothing, as often as it is woken; its runtime ends it.
#[derive(Default)]
struct Idler {
    waker: OnceLock<Waker>,
    /// Whether it is to run.
    woken: AtomicBool,
}

/// From now on calls that may hang are made in place on this thread: it is one of several of a runtime, and somebody
/// sees to it that another one is awake while it is held.
pub fn begin() {
    IDLING.set(Some(Idling::default()));
}

/// Runs a task's future so that other threads find it when it has had its share of this one.
pub async fn within_reach<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let polled = future.as_mut().poll(cx);
        if polled.is_pending() && is_here() && !has_budget_remaining() {
            cx.waker().wake_by_ref();
        }
        polled
    })
    .await
}

/// Whether it began on this thread.
pub(crate) fn is_here() -> bool {
    IDLING.with_borrow(Option::is_some)
}

/// Puts a task that does nothing in the place of the one that would run next on this thread alone.
pub(crate) fn make_way() {
    IDLING.with_borrow_mut(|idling| {
        let Some(Idling { idlers, last }) = idling else { return };
        *last = (*last + 1) % IDLERS;
        let idler = &idlers[*last];
        match idler.waker.get() {
            // All of them are waiting for their turn.
            _ if idler.woken.swap(true, Ordering::AcqRel) => spawn(async {}),
            Some(waker) => waker.wake_by_ref(),
            None => spawn(idler.clone().idle()),
        }
    });
}

/// Where there is no runtime, nobody waits for its thread.
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(task);
    }
}

// === impl Idler ===

impl Idler {
    async fn idle(self: Arc<Self>) {
        poll_fn(|cx| {
            self.waker.get_or_init(|| cx.waker().clone());
            self.woken.store(false, Ordering::Release);
            Poll::<()>::Pending
        })
        .await;
    }
}

#[cfg(test)]
mod tests;
