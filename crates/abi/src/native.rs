//! The C ABI of native plugins: the tables, the slices and the numbers, as Rust has them.
//!
//! What they mean, who owns what and which thread may call what stands in `include/gatewright_plugin.h`, which is made
//! from [`header`]. Tables are only ever appended to, and begin with their size, by which either side knows what the
//! other has.

mod header;

pub use header::header;

use gatewright_plugin::{Hook, HookSet, with_hook_table};
use std::ffi::c_void;

/// The symbol that an artefact exports: a function without arguments that answers its [`PluginTable`].
pub const SYMBOL: &str = "gatewright_plugin_v1";

/// What such symbols begin with, whatever their version.
pub const SYMBOL_PREFIX: &str = "gatewright_plugin_v";

/// The major version: another one has another symbol.
pub const MAJOR: u32 = 1;

/// The minor version: for messages; what there is, sizes say.
pub const MINOR: u32 = 0;

/// [`HostTable::remaining_ms`] where there is no deadline.
pub const NO_DEADLINE: u64 = u64::MAX;

/// Bytes that somebody else owns.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Slice {
    /// The first; may be null where `len` is 0.
    pub ptr: *const u8,
    /// How many.
    pub len: usize,
}

/// A call, while it lasts. A number and no pointer: one that is over is known to be.
pub type CallHandle = u64;

/// How something went. Append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    /// Well.
    Ok = 0,
    /// It failed.
    Error = 1,
    /// It panicked, and was caught.
    Panic = 2,
    /// Another thread waits for an answer in the same call.
    Busy = 3,
    /// Not in this hook, or not in this call.
    Unsupported = 4,
    /// An argument is not legal.
    Invalid = 5,
    /// The call's time is up.
    Deadline = 6,
    /// A permission is missing.
    Denied = 7,
    /// Over a limit.
    TooLarge = 8,
    /// The call is over.
    Stale = 9,
    /// There is nothing there.
    Missing = 10,
}

/// A hook.
pub type HookFn = unsafe extern "C" fn(plugin: *mut c_void, call: CallHandle) -> i32;

/// The function behind [`SYMBOL`].
pub type EntryFn = unsafe extern "C" fn() -> *const PluginTable;

/// What an artefact exports. A member that is null is not implemented.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct PluginTable {
    /// The size of this table as the artefact has it.
    pub size: u32,
    /// The minor version that it was built for.
    pub minor: u32,
    /// What the plugin says of itself, as JSON.
    pub manifest: Slice,
    /// The hooks.
    pub hooks: *const HookTable,
    /// Bits of the hooks that answer at once and never wait.
    pub immediate: u64,
    /// Makes an instance.
    pub create: Option<
        unsafe extern "C" fn(host: *const HostTable, call: CallHandle, config: Slice, plugin: *mut *mut c_void) -> i32,
    >,
    /// Ends an instance.
    pub destroy: Option<unsafe extern "C" fn(plugin: *mut c_void)>,
    /// Gives the next chunks of a stream that the plugin answered with.
    pub pull: Option<unsafe extern "C" fn(plugin: *mut c_void, call: CallHandle, stream: u64) -> i32>,
    /// Gives such a stream up.
    pub close: Option<unsafe extern "C" fn(plugin: *mut c_void, stream: u64)>,
}

/// The host's functions.
macro_rules! host_table {
    ($($name:ident: fn($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        /// What the host offers. Each function is documented in the header.
        #[derive(Clone, Copy, Debug)]
        #[repr(C)]
        #[expect(missing_docs, reason = "the header documents each")]
        pub struct HostTable {
            pub size: u32,
            pub minor: u32,
            $(pub $name: unsafe extern "C" fn($($argument: $type),*) -> $result,)*
        }
    };
}

host_table! {
    head: fn(call: CallHandle, out: *mut Slice) -> i32;
    part: fn(call: CallHandle, part: u32, out: *mut Slice) -> i32;
    answer: fn(call: CallHandle, document: Slice) -> i32;
    ask: fn(call: CallHandle, function: u32, argument: Slice, out: *mut Slice) -> i32;
    error: fn(call: CallHandle, out: *mut Slice) -> i32;
    fail: fn(call: CallHandle, message: Slice) -> i32;
    cancelled: fn(call: CallHandle) -> i32;
    remaining_ms: fn(call: CallHandle) -> u64;
    log: fn(call: CallHandle, level: u32, message: Slice) -> i32;
    get_text: fn(call: CallHandle, path: Slice, out: *mut Slice) -> i32;
    get_int: fn(call: CallHandle, path: Slice, out: *mut i64) -> i32;
    get_bool: fn(call: CallHandle, path: Slice, out: *mut i32) -> i32;
    count: fn(call: CallHandle, path: Slice, out: *mut u64) -> i32;
    set_text: fn(call: CallHandle, path: Slice, text: Slice) -> i32;
    set_int: fn(call: CallHandle, path: Slice, value: i64) -> i32;
    block: fn(call: CallHandle, status: u32, reason: Slice, code: Slice) -> i32;
    respond_text: fn(call: CallHandle, status: u32, text: Slice) -> i32;
    drop_chunk: fn(call: CallHandle) -> i32;
    identify: fn(call: CallHandle, app: Slice, user: Slice, key: Slice) -> i32;
    state_get: fn(call: CallHandle, key: Slice, out: *mut Slice) -> i32;
    state_set: fn(call: CallHandle, key: Slice, text: Slice) -> i32;
    metadata_set: fn(call: CallHandle, key: Slice, text: Slice) -> i32;
    kv_get: fn(call: CallHandle, key: Slice, out: *mut Slice) -> i32;
    kv_set: fn(call: CallHandle, key: Slice, value: Slice, ttl_ms: u64) -> i32;
    kv_increment: fn(call: CallHandle, key: Slice, by: i64, out: *mut i64) -> i32;
}

macro_rules! hook_table {
    ($(($number:literal, $variant:ident, $name:ident, [$($alias:literal),*], $layer:ident, $kind:ident,
        $direction:ident, $mode:ident, $seconds:literal, $payload:ty, $pass:ident, $outcome:ty))*) => {
        /// The hooks of an artefact, each at the place of its number.
        #[derive(Clone, Copy, Debug)]
        #[repr(C)]
        #[expect(missing_docs, reason = "the members are the hooks")]
        pub struct HookTable {
            pub size: u32,
            pub reserved: u32,
            $(pub $name: Option<HookFn>,)*
        }

        impl HookTable {
            /// A table without hooks.
            pub const EMPTY: Self = Self { size: size_of::<Self>() as u32, reserved: 0, $($name: None,)* };

            /// The slot of a hook.
            pub fn slot(&self, hook: Hook) -> Option<HookFn> {
                match hook { $(Hook::$variant => self.$name,)* }
            }

            /// The hooks whose slots are filled.
            pub fn hooks(&self) -> HookSet {
                HookSet::ALL.iter().filter(|hook| self.slot(*hook).is_some()).collect()
            }
        }
    };
}
with_hook_table!(hook_table);

// === impl Slice ===

impl Slice {
    /// No bytes.
    pub const EMPTY: Self = Self { ptr: std::ptr::null(), len: 0 };

    /// These bytes, for as long as they are there.
    pub const fn of(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr(), len: bytes.len() }
    }
}

// === impl Status ===

impl Status {
    /// Every status, by number.
    pub const ALL: [Self; 11] = [
        Self::Ok,
        Self::Error,
        Self::Panic,
        Self::Busy,
        Self::Unsupported,
        Self::Invalid,
        Self::Deadline,
        Self::Denied,
        Self::TooLarge,
        Self::Stale,
        Self::Missing,
    ];

    /// The status of this number.
    pub fn numbered(number: i32) -> Option<Self> {
        usize::try_from(number).ok().and_then(|number| Self::ALL.get(number)).copied()
    }
}
