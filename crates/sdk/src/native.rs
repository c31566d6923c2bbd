//! Plugins as native libraries: what [`export!`](crate::export) emits where the target is not WASM.
#![expect(unsafe_code, reason = "the C ABI is pointers; each block says why it holds")]

mod export;

use crate::Exported;
use gatewright_abi::functions::Function;
use gatewright_abi::native::{CallHandle, HookTable, HostTable, MINOR, PluginTable, Slice, Status};
use gatewright_abi::service::{self, Ask};
use gatewright_abi::{Far, Part, document};
use gatewright_plugin::services::{BoxFuture, ServiceError};
use gatewright_plugin::{FromConfig, Hook, panicking, with_hook_table};
use std::cell::Cell;
use std::ffi::c_void;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, Once, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

/// How often a hook that waits for something of its own looks whether anybody still waits for it.
const LOOK: Duration = Duration::from_millis(20);

/// The table of an artefact, made when the host asks for it.
pub struct Table(OnceLock<Made>);

/// A table that stays for ever.
struct Made(&'static PluginTable);

// SAFETY: the pointers in the table are to memory that is never changed and never freed.
unsafe impl Send for Made {}
// SAFETY: as above.
unsafe impl Sync for Made {}

/// An instance, as the host keeps it.
struct Instance<P: FromConfig> {
    exported: Exported<P>,
    host: Host,
    /// What the streams that are open were given in their hooks, by their numbers, while they keep it.
    given: Mutex<Vec<(u64, Weak<Reach>)>>,
}

/// The host's functions.
#[derive(Clone, Copy)]
struct Host(&'static HostTable);

/// The call at hand, as far as the host lets it be reached. What a hook was given may be kept: by a stream, whose pulls
/// are its calls then, and by threads of the plugin's own.
struct Reach {
    host: Host,
    /// The call that has not returned.
    call: Mutex<Option<CallHandle>>,
}

/// A call that lasts until this is dropped, also by a panic.
struct Lasting<'r>(&'r Reach);

// === impl Table ===

impl Table {
    /// Not made yet.
    #[expect(clippy::new_without_default, reason = "for a static of the macro's alone")]
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The table of this plugin; null if its manifest panics.
    pub fn of<P: FromConfig>(&self) -> *const PluginTable {
        let made = catch_unwind(AssertUnwindSafe(|| self.0.get_or_init(|| Made(make::<P>()))));
        made.map_or(std::ptr::null(), |made| made.0)
    }
}

fn make<P: FromConfig>() -> &'static PluginTable {
    let manifest = serde_json::to_string(&P::manifest()).unwrap_or_default().leak();
    let mut hooks = HookTable::EMPTY;
    macro_rules! fill {
        ($(($number:literal, $variant:ident, $name:ident, [$($alias:literal),*], $layer:ident, $kind:ident,
            $direction:ident, $mode:ident, $seconds:literal, $payload:ty, $pass:ident, $outcome:ty))*) => {
            $(if P::HOOKS.contains(Hook::$variant) {
                hooks.$name = Some(hook::<P, $number>);
            })*
        };
    }
    with_hook_table!(fill);
    Box::leak(Box::new(PluginTable {
        size: size_of::<PluginTable>() as u32,
        minor: MINOR,
        manifest: Slice::of(manifest.as_bytes()),
        hooks: Box::leak(Box::new(hooks)),
        immediate: P::IMMEDIATE.bits(),
        create: Some(create::<P>),
        destroy: Some(destroy::<P>),
        pull: Some(pull::<P>),
        close: Some(close::<P>),
    }))
}

// === what the host calls ===

unsafe extern "C" fn create<P: FromConfig>(
    host: *const HostTable,
    call: CallHandle,
    config: Slice,
    plugin: *mut *mut c_void,
) -> i32 {
    // SAFETY: the host's table stays for ever, and begins with its size, which is there in every version.
    let size = unsafe { (&raw const (*host).size).read() };
    if (size as usize) < size_of::<HostTable>() {
        return Status::Unsupported as i32;
    }
    // SAFETY: it is as large as this crate knows it.
    let host = Host(unsafe { &*host });
    guarded(host, call, || {
        // SAFETY: the host lends the config until this returns.
        let config = unsafe { bytes(config) };
        let exported = match Exported::<P>::create(config) {
            Ok(exported) => exported,
            Err(message) => {
                host.fail(call, &message);
                return Status::Error;
            }
        };
        let instance = Box::into_raw(Box::new(Instance { exported, host, given: Mutex::default() }));
        // SAFETY: the host gives a place for it.
        unsafe { *plugin = instance.cast() };
        Status::Ok
    })
}

unsafe extern "C" fn destroy<P: FromConfig>(plugin: *mut c_void) {
    // SAFETY: `create` made it, and the host calls this once, after all other calls.
    let instance = unsafe { Box::from_raw(plugin.cast::<Instance<P>>()) };
    // An instance that panics while it ends has nobody to tell.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(instance)));
}

unsafe extern "C" fn hook<P: FromConfig, const HOOK: u32>(plugin: *mut c_void, call: CallHandle) -> i32 {
    // SAFETY: `create` made it, and the host ends it after this returned.
    let instance = unsafe { &*plugin.cast::<Instance<P>>() };
    guarded(instance.host, call, || match Hook::numbered(HOOK) {
        Some(hook) => instance.call(hook, call),
        None => Status::Unsupported,
    })
}

unsafe extern "C" fn pull<P: FromConfig>(plugin: *mut c_void, call: CallHandle, stream: u64) -> i32 {
    // SAFETY: as in `hook`.
    let instance = unsafe { &*plugin.cast::<Instance<P>>() };
    guarded(instance.host, call, || instance.pull(call, stream))
}

unsafe extern "C" fn close<P: FromConfig>(plugin: *mut c_void, stream: u64) {
    // SAFETY: as in `hook`.
    let instance = unsafe { &*plugin.cast::<Instance<P>>() };
    // Nobody to tell either.
    let _ = catch_unwind(AssertUnwindSafe(|| instance.close(stream)));
}

thread_local! {
    /// Whether there is a call on this thread.
    static CALLED: Cell<bool> = const { Cell::new(false) };
}

/// Panics of calls go to the host, and not to the gateway's stderr; those of the plugin's own threads go there still.
fn tell_the_host() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| match CALLED.get() {
            true => panicking::seen(panic),
            false => before(panic),
        }));
    });
}

/// No panic leaves: its message and place go to the host.
fn guarded(host: Host, call: CallHandle, work: impl FnOnce() -> Status) -> i32 {
    tell_the_host();
    let outer = CALLED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    CALLED.set(outer);
    match done {
        Ok(status) => status as i32,
        Err(panic) => {
            host.fail(call, &panicking::caught(&*panic));
            // What is thrown may itself panic when it is dropped.
            std::mem::forget(panic);
            Status::Panic as i32
        }
    }
}

/// Waits for a future on this thread; `None` once nobody waits for it any more.
fn block_on<T>(future: impl Future<Output = T>, cancelled: impl Fn() -> bool) -> Option<T> {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut future = pin!(future);
    // What answers at once needs no waker.
    if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        return Some(output);
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        if cancelled() {
            return None;
        }
        thread::park_timeout(LOOK);
    }
}

// === impl Instance ===

impl<P: FromConfig> Instance<P> {
    fn call(&self, hook: Hook, call: CallHandle) -> Status {
        let reach = Arc::new(Reach { host: self.host, call: Mutex::default() });
        let _lasting = reach.during(call);
        let head = match reach.fetch(|call, out| self.host.head(call, out)) {
            Ok(head) => head,
            Err(status) => return status,
        };
        let services = service::services(reach.clone());
        let far: Arc<dyn Far> = reach.clone();
        let answered_with = Cell::new(None);
        let kept = |stream| {
            answered_with.set(Some(stream));
            let mut given = self.given();
            given.retain(|(_, reach)| reach.strong_count() > 0);
            given.push((stream, Arc::downgrade(&reach)));
        };
        let answering = self.exported.call_telling(hook, &head, &far, services, kept);
        let status = match block_on(answering, || self.host.cancelled(call)) {
            Some(answer) if answer.is_empty() => Status::Ok,
            Some(answer) => self.host.answer(call, &answer),
            None => Status::Deadline,
        };
        // A host that did not take the answer knows of no stream to close.
        if status != Status::Ok
            && let Some(stream) = answered_with.get()
        {
            self.close(stream);
        }
        status
    }

    fn pull(&self, call: CallHandle, stream: u64) -> Status {
        let given = self.given().iter().find(|(of, _)| *of == stream).and_then(|(_, reach)| reach.upgrade());
        let _lasting = given.as_ref().map(|reach| reach.during(call));
        match block_on(self.exported.pull(stream), || self.host.cancelled(call)) {
            Some(pulled) => self.host.answer(call, &pulled),
            None => Status::Deadline,
        }
    }

    fn close(&self, stream: u64) {
        self.given().retain(|(of, _)| *of != stream);
        self.exported.close(stream);
    }

    /// No code of ours panics while it holds the lock.
    fn given(&self) -> MutexGuard<'_, Vec<(u64, Weak<Reach>)>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Host ===

impl Host {
    fn head(self, call: CallHandle, out: &mut Slice) -> Status {
        // SAFETY: `out` is a place for a slice.
        read(unsafe { (self.0.head)(call, out) })
    }

    fn part(self, call: CallHandle, part: Part, out: &mut Slice) -> Status {
        // SAFETY: as in `head`.
        read(unsafe { (self.0.part)(call, part as u32, out) })
    }

    fn error(self, call: CallHandle, out: &mut Slice) -> Status {
        // SAFETY: as in `head`.
        read(unsafe { (self.0.error)(call, out) })
    }

    fn ask(self, call: CallHandle, function: Function, argument: &[u8], out: &mut Slice) -> Status {
        // SAFETY: the argument is there until this returns, and `out` is a place for a slice.
        read(unsafe { (self.0.ask)(call, function as u32, Slice::of(argument), out) })
    }

    fn answer(self, call: CallHandle, answer: &[u8]) -> Status {
        // SAFETY: the answer is there until this returns.
        read(unsafe { (self.0.answer)(call, Slice::of(answer)) })
    }

    fn fail(self, call: CallHandle, message: &str) {
        // SAFETY: the message is there until this returns. Whether the host took it makes no difference here.
        let _ = unsafe { (self.0.fail)(call, Slice::of(message.as_bytes())) };
    }

    fn cancelled(self, call: CallHandle) -> bool {
        // SAFETY: it takes any number.
        (unsafe { (self.0.cancelled)(call) }) != 0
    }
}

fn read(status: i32) -> Status {
    Status::numbered(status).unwrap_or(Status::Error)
}

// SAFETY: the caller vouches that the slice is lent for as long as `'a`.
unsafe fn bytes<'a>(slice: Slice) -> &'a [u8] {
    match slice.ptr.is_null() || slice.len == 0 {
        true => &[],
        // SAFETY: the caller vouches for it.
        false => unsafe { std::slice::from_raw_parts(slice.ptr, slice.len) },
    }
}

// === impl Reach ===

impl Reach {
    /// Lets it be reached through this call.
    fn during(&self, call: CallHandle) -> Lasting<'_> {
        *self.call() = Some(call);
        Lasting(self)
    }

    /// No code of ours panics while it holds the lock.
    fn call(&self) -> MutexGuard<'_, Option<CallHandle>> {
        self.call.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Copies what a function of the host gives; an error has what it gives too.
    fn get(&self, function: impl FnOnce(CallHandle, &mut Slice) -> Status) -> (Status, Vec<u8>) {
        let Some(call) = *self.call() else { return (Status::Stale, Vec::new()) };
        let mut out = Slice::EMPTY;
        // It may wait: without the lock.
        let status = function(call, &mut out);
        let lasting = self.call();
        if *lasting != Some(call) {
            return (Status::Deadline, Vec::new());
        }
        // SAFETY: what the host returns stays until the hook or pull returns. Before it does, it takes the call away, for
        // which it needs the lock that is held here.
        (status, unsafe { bytes(out) }.to_vec())
    }

    fn fetch(&self, function: impl FnOnce(CallHandle, &mut Slice) -> Status) -> Result<Vec<u8>, Status> {
        match self.get(function) {
            (Status::Ok, bytes) => Ok(bytes),
            (status, _) => Err(status),
        }
    }

    fn asked(&self, function: Function, argument: &[u8]) -> Result<Vec<u8>, ServiceError> {
        let (status, given) = self.get(|call, out| self.host.ask(call, function, argument, out));
        match status {
            Status::Ok => Ok(given),
            Status::Stale | Status::Deadline => Err(ServiceError::Deadline),
            _ => Err(document::read(&given).unwrap_or_else(|_| {
                ServiceError::Failed(format!("the host refused `{}`: {status:?}", function.name()))
            })),
        }
    }
}

impl Drop for Lasting<'_> {
    fn drop(&mut self) {
        *self.0.call() = None;
    }
}

impl Far for Reach {
    fn part(&self, part: Part) -> Result<Vec<u8>, String> {
        self.fetch(|call, out| self.host.part(call, part, out)).map_err(|status| {
            let said = self.fetch(|call, out| self.host.error(call, out)).unwrap_or_default();
            match said.is_empty() {
                true => format!("the part `{}` cannot be had: {status:?}", part.name()),
                false => String::from_utf8_lossy(&said).into_owned(),
            }
        })
    }
}

impl Ask for Reach {
    fn ask(&self, function: Function, argument: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, ServiceError>> {
        // A thread of the lane may wait.
        Box::pin(async move { self.asked(function, &argument) })
    }

    fn ask_now(&self, function: Function, argument: Vec<u8>) -> Result<Vec<u8>, ServiceError> {
        self.asked(function, &argument)
    }
}

#[cfg(test)]
mod tests;
