//! Calls in place, on the caller's own thread: nothing is copied or allocated before the plugin looks.
#![expect(unsafe_code, reason = "a call in place reaches the caller's own context; each block says why it holds")]

use crate::desk::{Desk, Phase, Source};
use gatewright_abi::View;
use gatewright_abi::host::{self, Departure};
use gatewright_abi::native::CallHandle;
use gatewright_plugin::hosted::CallRef;
use gatewright_plugin::services::Services;
use gatewright_plugin::{Cx, Facts, Hook};
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The highest bit of a handle: a call in place.
const IN_PLACE: u64 = 1 << 63;

/// A call in place.
pub(crate) struct Frame {
    handle: CallHandle,
    desk: RefCell<Desk<Lent>>,
}

/// What a call in place works on: the caller's own.
pub(crate) struct Lent {
    cx: NonNull<Cx>,
    call: NonNull<CallRef<'static>>,
    view: NonNull<Arc<View>>,
    departure: Option<Departure>,
}

thread_local! {
    /// The call in place on this thread.
    static CURRENT: Cell<Option<NonNull<Frame>>> = const { Cell::new(None) };
    /// The next handle of this thread.
    static NEXT: Cell<CallHandle> = Cell::new(first());
}

/// Handles of a thread are of no other thread: so many bits for the thread, and the rest to count.
const COUNT_BITS: u32 = 40;

fn first() -> CallHandle {
    static THREADS: AtomicU64 = AtomicU64::new(0);
    let thread = THREADS.fetch_add(1, Ordering::Relaxed) & ((1 << (63 - COUNT_BITS)) - 1);
    IN_PLACE | thread << COUNT_BITS
}

fn next() -> CallHandle {
    NEXT.with(|next| {
        let handle = next.get();
        let count = (handle + 1) & ((1 << COUNT_BITS) - 1);
        next.set(handle & !((1 << COUNT_BITS) - 1) | count);
        handle
    })
}

/// Whether a handle is of a call in place.
pub(crate) fn is_in_place(handle: CallHandle) -> bool {
    handle & IN_PLACE != 0
}

/// Runs a call in place: `work` is given the handle, which is legal on this thread until it returns. What the call came
/// to, `settle` takes from its desk.
pub(crate) fn run<T>(
    hook: Hook,
    cx: &mut Cx,
    call: &mut CallRef<'_>,
    view: &Arc<View>,
    plugin: &Arc<str>,
    work: impl FnOnce(CallHandle) -> i32,
    settle: impl FnOnce(&mut Desk<Lent>, i32) -> T,
) -> T {
    let handle = next();
    let lent =
        Lent { cx: NonNull::from(cx), call: NonNull::from(call).cast(), view: NonNull::from(view), departure: None };
    let frame = Frame { handle, desk: RefCell::new(Desk::new(hook, Phase::Hook, lent, plugin.clone())) };
    let before = CURRENT.replace(Some(NonNull::from(&frame)));
    /// Puts back what was there, also when this unwinds: the frame is about to go.
    struct Restore(Option<NonNull<Frame>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    let restore = Restore(before);
    let status = work(handle);
    drop(restore);
    settle(&mut frame.desk.borrow_mut(), status)
}

/// Reaches the call in place of this handle; `None` if it is over, or of another thread.
pub(crate) fn with<T>(handle: CallHandle, work: impl FnOnce(&RefCell<Desk<Lent>>) -> T) -> Option<T> {
    let frame = CURRENT.get()?;
    // SAFETY: `run` of this thread put it there, and takes it away before the frame goes.
    let frame = unsafe { frame.as_ref() };
    (frame.handle == handle).then(|| work(&frame.desk))
}

// === impl Lent ===

impl Lent {
    fn cx(&self) -> &Cx {
        // SAFETY: a desk over it is reached in `run` alone, whose arguments outlive it and are not used otherwise.
        unsafe { self.cx.as_ref() }
    }
}

impl Source for Lent {
    fn departure(&mut self) -> &Departure {
        // SAFETY: as in `cx`; the lifetime that was cast away is longer than `run`.
        let (cx, call, view) = unsafe { (self.cx.as_ref(), self.call.as_ref(), self.view.as_ref()) };
        self.departure.get_or_insert_with(|| host::depart(cx, call, view))
    }

    fn services(&self) -> Services {
        self.cx().services().clone()
    }

    fn facts(&self) -> Arc<Facts> {
        self.cx().shared_facts().clone()
    }
}
