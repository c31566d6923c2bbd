//! The edge of a WASM component: the canonical ABI by hand, since every hook has one of two signatures.
//!
//! [`export!`](crate::export) exports the hooks of the whole table from the core module, each a few instructions; the
//! section `gatewright:hooks` says which of them the plugin implements, and packing makes a component of those alone.

#![expect(unsafe_code, reason = "the canonical ABI is made of pointers and lengths")]

use crate::Exported;
use gatewright_abi::document::{self, Texts};
use gatewright_abi::functions::Function;
use gatewright_abi::service::{self, Ask};
use gatewright_abi::{Far, Part};
use gatewright_plugin::model::PlacedText;
use gatewright_plugin::services::{BoxFuture, ServiceError, Services};
use gatewright_plugin::{FromConfig, Hook, Permission};
use std::future::Future;
use std::marker::PhantomData;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

/// What a function leaves in memory for the host: words of a result.
#[repr(C, align(8))]
pub struct Area([usize; 4]);

/// What the last call left for the host. It stays until the next call, so that none is needed to clean up.
struct Left {
    area: Area,
    answers: Vec<Vec<u8>>,
    /// Where the answers are, for a host that wants several.
    places: Vec<[usize; 2]>,
}

/// The call at hand, owned.
struct Call(u32);

/// The host's functions, of those groups that the plugin asks for: the others are not even imported.
struct Desk<P>(PhantomData<fn() -> P>);

// === imports ===

#[link(wasm_import_module = "gatewright:plugin/types@1.0.0")]
unsafe extern "C" {
    #[link_name = "[method]call.part"]
    fn call_part(call: u32, number: u32, out: *mut Area);
    #[link_name = "[method]call.replace-texts"]
    fn call_replace_texts(call: u32, texts: *const [usize; 3], count: usize, out: *mut Area);
    #[link_name = "[resource-drop]call"]
    fn call_drop(call: u32);
    #[link_name = "panicked"]
    fn panicked(message: *const u8, length: usize);
}

/// A host function: an argument, and where its result goes.
type Import = unsafe extern "C" fn(*const u8, usize, *mut Area);

macro_rules! imports {
    ($($group:ident $module:literal { $($name:ident $link:literal,)* })*) => {
        $(mod $group {
            use super::Area;
            #[link(wasm_import_module = $module)]
            unsafe extern "C" {
                $(#[link_name = $link]
                pub(super) fn $name(argument: *const u8, length: usize, out: *mut Area);)*
            }
        })*
    };
}
include!("wasm/imports.rs");

impl Area {
    const fn new() -> Self {
        Self([0; 4])
    }

    /// The list at these words, which the host made with [`realloc`].
    ///
    /// # Safety
    ///
    /// The host has just written a pointer and a length there, and nobody else takes them.
    unsafe fn list(&self, at: usize) -> Vec<u8> {
        // SAFETY: as the caller promises.
        unsafe { taken(self.0[at], self.0[at + 1]) }
    }
}

/// Takes a list of bytes that the host made.
///
/// # Safety
///
/// Pointer and length are of a list that the host allocated with [`realloc`], at alignment 1, and gave away.
unsafe fn taken(pointer: usize, length: usize) -> Vec<u8> {
    match length {
        0 => Vec::new(),
        // SAFETY: as the caller promises; a list is as large as its length.
        _ => unsafe { Vec::from_raw_parts(pointer as *mut u8, length, length) },
    }
}

// === impl Call ===

impl Far for Call {
    fn part(&self, part: Part) -> Result<Vec<u8>, String> {
        let mut out = Area::new();
        // SAFETY: the host writes a tag, a pointer and a length, which fit.
        let bytes = unsafe {
            call_part(self.0, part as u32, &raw mut out);
            out.list(1)
        };
        match out.0[0] & 0xff {
            0 => Ok(bytes),
            _ => Err(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    fn replace_texts(&self, texts: &[PlacedText]) -> bool {
        let places: Vec<[usize; 3]> =
            texts.iter().map(|(place, text)| [*place as usize, text.as_ptr() as usize, text.len()]).collect();
        let mut out = Area::new();
        // SAFETY: the texts and their places outlive the call; the host writes a tag, and a pointer and a length if it says
        // no, which fit.
        let refused = unsafe {
            call_replace_texts(self.0, places.as_ptr(), places.len(), &raw mut out);
            let refused = out.0[0] & 0xff != 0;
            if refused {
                drop(out.list(1));
            }
            refused
        };
        !refused
    }

    fn text_maker(&self) -> Texts {
        // SAFETY: what is read with it is what the host wrote for this call, and the host writes a text from one of its
        // own, which is UTF-8. It is believed the addresses and lengths that it gives, too: see `taken`.
        |bytes| Some(unsafe { std::str::from_utf8_unchecked(bytes) })
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // SAFETY: the handle is owned, and dropped once.
        unsafe { call_drop(self.0) }
    }
}

// === impl Desk ===

impl<P: FromConfig> Desk<P> {
    /// Calls a function of a group that the plugin asks for. For the others there is no code, and so no import.
    fn call(function: Function, argument: &[u8]) -> Result<Vec<u8>, ServiceError> {
        let Some(import) = import::<P>(function) else {
            let Some(permission) = function.info().permission else {
                return Err(ServiceError::Invalid("no such function".to_owned()));
            };
            return Err(ServiceError::Denied { permission, granted: false, what: function.name() });
        };
        let mut out = Area::new();
        // SAFETY: the argument outlives the call; the host writes a tag, a pointer and a length, which fit.
        let bytes = unsafe {
            import(argument.as_ptr(), argument.len(), &raw mut out);
            out.list(1)
        };
        match out.0[0] & 0xff {
            0 => Ok(bytes),
            _ => Err(document::read(&bytes).unwrap_or_else(|error| ServiceError::Failed(error.to_string()))),
        }
    }
}

/// Whether the attribute on the plugin asks for a permission; known when the guest is compiled.
const fn asks_for<P: FromConfig>(permission: Permission) -> bool {
    let (asked, mut at) = (P::PERMISSIONS, 0);
    while at < asked.len() {
        if asked[at] as u8 == permission as u8 {
            return true;
        }
        at += 1;
    }
    false
}

impl<P: FromConfig> Ask for Desk<P> {
    fn ask(&self, function: Function, argument: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, ServiceError>> {
        // The host waits, not the guest: the whole component stands still meanwhile.
        Box::pin(async move { Self::call(function, &argument) })
    }

    fn ask_now(&self, function: Function, argument: Vec<u8>) -> Result<Vec<u8>, ServiceError> {
        Self::call(function, &argument)
    }
}

/// Time, since the standard library has none in a component.
pub mod clock {
    use std::time::Duration;

    #[link(wasm_import_module = "gatewright:plugin/clock@1.0.0")]
    unsafe extern "C" {
        #[link_name = "now"]
        fn host_now() -> u64;
        #[link_name = "monotonic"]
        fn host_monotonic() -> u64;
    }

    /// Since 1970.
    pub fn now() -> Duration {
        // SAFETY: it takes nothing and gives a number.
        Duration::from_nanos(unsafe { host_now() })
    }

    /// Since an instant; never moves back.
    pub fn monotonic() -> Duration {
        // SAFETY: as above.
        Duration::from_nanos(unsafe { host_monotonic() })
    }
}

// === exports ===

/// Runs what can only wait for the host, which has answered by the time it is asked.
fn now<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

fn services<P: FromConfig>() -> Services {
    static SERVICES: OnceLock<Services> = OnceLock::new();
    SERVICES.get_or_init(|| service::services(Arc::new(Desk::<P>(PhantomData)))).clone()
}

/// The instance of the component.
fn instance<P: FromConfig>() -> &'static OnceLock<Exported<P>> {
    // One plugin a component: there is one `P`, and so one instance.
    static INSTANCE: OnceLock<&'static (dyn std::any::Any + Send + Sync)> = OnceLock::new();
    let place = INSTANCE.get_or_init(|| Box::leak(Box::new(OnceLock::<Exported<P>>::new())));
    match place.downcast_ref() {
        Some(instance) => instance,
        None => unreachable_plugin(),
    }
}

#[expect(clippy::panic, reason = "a component with two plugins cannot be built by the macro")]
fn unreachable_plugin() -> ! {
    panic!("a component holds one plugin")
}

/// What the last call left, of which the host has read all by now.
///
/// # Safety
///
/// At the entry of a call, or at its end; once in each.
unsafe fn left() -> &'static mut Left {
    static mut LEFT: Left = Left { area: Area::new(), answers: Vec::new(), places: Vec::new() };
    let place = &raw mut LEFT;
    // SAFETY: the module has one thread, and is not entered again before a call has ended.
    unsafe { &mut *place }
}

/// Frees what the last call left: an instance that is not called keeps one answer.
fn entered() {
    // SAFETY: it is the entry of a call, and the reference ends here.
    let left = unsafe { left() };
    left.answers.clear();
    left.places.clear();
}

/// Leaves bytes for the host.
fn give(bytes: Vec<u8>) -> *mut Area {
    // SAFETY: it is the end of a call.
    let left = unsafe { left() };
    left.area = Area([bytes.as_ptr() as usize, bytes.len(), 0, 0]);
    if !bytes.is_empty() {
        left.answers.push(bytes);
    }
    &raw mut left.area
}

/// Leaves several for the host.
fn give_all(answers: Vec<Vec<u8>>) -> *mut Area {
    // SAFETY: it is the end of a call.
    let left = unsafe { left() };
    left.answers = answers;
    left.places.extend(left.answers.iter().map(|answer| [answer.as_ptr() as usize, answer.len()]));
    left.area = Area([left.places.as_ptr() as usize, left.places.len(), 0, 0]);
    &raw mut left.area
}

/// Leaves a result that holds nothing, or what is wrong.
fn give_result(result: Result<(), String>) -> *mut Area {
    match result {
        Ok(()) => {
            // SAFETY: it is the end of a call.
            let left = unsafe { left() };
            left.area = Area::new();
            &raw mut left.area
        }
        Err(message) => {
            let area = give(message.into_bytes());
            // SAFETY: `give` wrote two words there; a result has its tag before them.
            unsafe {
                let [pointer, length, ..] = area.read().0;
                area.write(Area([1, pointer, length, 0]));
            }
            area
        }
    }
}

#[doc(hidden)]
pub fn introduce<P: FromConfig>() -> *mut Area {
    entered();
    give(Exported::<P>::introduce())
}

/// # Safety
///
/// Only as the lifted export `create`.
#[doc(hidden)]
pub unsafe fn create<P: FromConfig>(pointer: usize, length: usize) -> *mut Area {
    std::panic::set_hook(Box::new(|panic| {
        // The trap that follows says nothing; this does.
        let said = gatewright_plugin::panicking::said(panic);
        // SAFETY: the text outlives the call.
        unsafe { panicked(said.as_ptr(), said.len()) }
    }));
    // SAFETY: the host gives a list away.
    let config = unsafe { taken(pointer, length) };
    give_result(Exported::<P>::create(&config).map(|exported| {
        // The host creates once.
        let _ = instance::<P>().set(exported);
    }))
}

fn handle<P: FromConfig>(hook: u32, far: &Arc<dyn Far>, head: &[u8]) -> Vec<u8> {
    let fail = |message: &str| gatewright_abi::guest::fail(gatewright_plugin::Failure::Malformed(message.to_owned()));
    let Some(hook) = Hook::numbered(hook) else { return fail("no such hook") };
    let Some(exported) = instance::<P>().get() else { return fail("it was called before it was created") };
    now(exported.call(hook, head, far, services::<P>()))
        .unwrap_or_else(|| fail("it waits for something that is not the host's"))
}

/// # Safety
///
/// Only as the lifted export of a hook: `call` is an owned handle, pointer and length are a list that is given away.
#[doc(hidden)]
pub unsafe fn enter<P: FromConfig>(hook: u32, call: u32, pointer: usize, length: usize) -> *mut Area {
    entered();
    let far: Arc<dyn Far> = Arc::new(Call(call));
    // SAFETY: as the caller promises.
    let head = unsafe { taken(pointer, length) };
    give(handle::<P>(hook, &far, &head))
}

/// # Safety
///
/// Only as the lifted export of a hook that is given chunks: pointer and length are a list of lists that is given away.
#[doc(hidden)]
pub unsafe fn enter_chunks<P: FromConfig>(hook: u32, call: u32, pointer: usize, length: usize) -> *mut Area {
    entered();
    let far: Arc<dyn Far> = Arc::new(Call(call));
    // SAFETY: the host made a block of so many pairs of pointer and length at the alignment of a word, and gave it and
    // each list of a pair away.
    let heads = match length {
        0 => Vec::new(),
        _ => unsafe { Vec::from_raw_parts(pointer as *mut [usize; 2], length, length) },
    };
    let answer = |[pointer, length]: [usize; 2]| {
        // SAFETY: as above.
        let head = unsafe { taken(pointer, length) };
        handle::<P>(hook, &far, &head)
    };
    give_all(heads.into_iter().map(answer).collect())
}

#[doc(hidden)]
pub fn pull<P: FromConfig>(number: u64) -> *mut Area {
    entered();
    let pulled = instance::<P>().get().and_then(|exported| now(exported.pull(number)));
    give(pulled.unwrap_or_else(|| stuck()))
}

/// Nothing in a component can wake what waits for something else than the host.
#[expect(clippy::panic, reason = "the trap tells the host")]
fn stuck() -> ! {
    panic!("the stream waits for something that is not the host's")
}

#[doc(hidden)]
pub fn close<P: FromConfig>(number: u64) {
    entered();
    if let Some(exported) = instance::<P>().get() {
        exported.close(number);
    }
}

/// The allocator of the canonical ABI.
///
/// # Safety
///
/// As the canonical ABI calls it.
#[unsafe(export_name = "cabi_realloc")]
unsafe extern "C" fn realloc(old: *mut u8, old_length: usize, align: usize, length: usize) -> *mut u8 {
    use std::alloc::{Layout, alloc, handle_alloc_error};
    // SAFETY: the alignment is a power of two, and an old block has the size and alignment that it was made with.
    unsafe {
        let layout = Layout::from_size_align_unchecked(length, align);
        let new = match (old_length, length) {
            (0, 0) => return align as *mut u8,
            (0, _) => alloc(layout),
            _ => std::alloc::realloc(old, Layout::from_size_align_unchecked(old_length, align), length),
        };
        if new.is_null() {
            handle_alloc_error(layout)
        }
        new
    }
}

include!("wasm/exports.rs");
