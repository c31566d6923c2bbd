//! The plugin's own code: its table, read once, and the calls into it.
#![expect(unsafe_code, reason = "calls through a foreign table of functions; each block says why it holds")]

use crate::alive::{Counted, Instances};
use crate::calls::Task;
use crate::table::HOST;
use gatewright_abi::native::{CallHandle, HookTable, PluginTable, Slice, Status};
use gatewright_plugin::{Hook, HookSet};
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// The longest manifest.
const MAX_MANIFEST_BYTES: usize = 64 << 10;

/// The bytes of the table of hooks in version 1.0, which none is shorter than: its size, and the slots up to `health`.
const HOOKS_OF_1_0: usize = 8 + size_of::<usize>() * (Hook::Health as usize + 1);

/// What a library exports, copied out of it.
#[derive(Clone, Debug)]
pub(crate) struct Exports {
    table: PluginTable,
    hooks: HookTable,
    manifest: Vec<u8>,
}

/// What a library exports cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadExports {
    #[error("its `gatewright_plugin_v1` answers nothing")]
    Nothing,
    #[error(
        "its table has {found} bytes, and that of version 1.0 has {least}: it was built against a header from before 1.0"
    )]
    TooSmall { found: usize, least: usize },
    #[error(
        "its table of hooks has {found} bytes, and that of version 1.0 has {least}: `.size = sizeof(gatewright_hooks_v1)` \
         is missing, or it was built against a header from before 1.0"
    )]
    NoRoomForHooks { found: usize, least: usize },
    #[error("its manifest is missing, or has more than {MAX_MANIFEST_BYTES} bytes")]
    Manifest,
}

/// The code of one instance.
pub(crate) struct Code {
    exports: Exports,
    config: Vec<u8>,
    /// The instance, once it was made: null where it made nothing.
    instance: OnceLock<Instance>,
    ended: AtomicBool,
    _counted: Counted,
}

struct Instance(*mut c_void);

// SAFETY: the header asks of instances that any thread may call them.
unsafe impl Send for Instance {}
// SAFETY: as above, several at once.
unsafe impl Sync for Instance {}
// SAFETY: a table's pointers are to memory of a library that is never unloaded, which the header asks not to change.
unsafe impl Send for Exports {}
// SAFETY: as above.
unsafe impl Sync for Exports {}

// === impl Exports ===

impl Exports {
    /// Reads the table that the entry function answered.
    ///
    /// # Safety
    ///
    /// `table` is null, or what the entry symbol of a library answered that is never unloaded.
    pub(crate) unsafe fn read(table: *const PluginTable) -> Result<Self, BadExports> {
        let least = size_of::<PluginTable>();
        // SAFETY: the library vouches for its table, by exporting the symbol.
        let table = unsafe { sized(table.cast(), least) }.ok_or(BadExports::Nothing)?;
        let found = table.0;
        if found < least {
            return Err(BadExports::TooSmall { found, least });
        }
        // SAFETY: all of it was copied, and any bytes are legal in it: integers, pointers and optional functions.
        let table: PluginTable = unsafe { table.1.assume_init() };
        // SAFETY: as for the table.
        let hooks = match unsafe { sized(table.hooks.cast(), size_of::<HookTable>()) } {
            None => HookTable::EMPTY,
            // A size that was forgotten would be a guard without hooks.
            Some((found, _)) if found < HOOKS_OF_1_0 => {
                return Err(BadExports::NoRoomForHooks { found, least: HOOKS_OF_1_0 });
            }
            // SAFETY: what the plugin's table does not have is zero, which is no hook.
            Some((_, hooks)) => unsafe { hooks.assume_init() },
        };
        let Slice { ptr, len } = table.manifest;
        if ptr.is_null() || len == 0 || len > MAX_MANIFEST_BYTES {
            return Err(BadExports::Manifest);
        }
        // SAFETY: the header asks the manifest to stay.
        let manifest = unsafe { std::slice::from_raw_parts(ptr, len) }.to_vec();
        Ok(Self { table, hooks, manifest })
    }

    pub(crate) fn manifest(&self) -> &[u8] {
        &self.manifest
    }

    /// The version that it was built for.
    pub(crate) fn minor(&self) -> u32 {
        self.table.minor
    }

    pub(crate) fn hooks(&self) -> HookSet {
        self.hooks.hooks()
    }

    pub(crate) fn immediate(&self) -> HookSet {
        HookSet::from_bits(self.table.immediate).intersection(self.hooks())
    }
}

/// Copies a table that begins with its size, as much of it as both sides have; the rest is zero. `None` if there is none.
///
/// # Safety
///
/// `table` is null, or points at a table that begins with its size.
unsafe fn sized<T>(table: *const u8, ours: usize) -> Option<(usize, MaybeUninit<T>)> {
    if table.is_null() {
        return None;
    }
    // SAFETY: every table begins with its size.
    let found = unsafe { table.cast::<u32>().read_unaligned() } as usize;
    let mut copy = MaybeUninit::<T>::zeroed();
    // SAFETY: the table has so many bytes, and so has the copy.
    unsafe {
        std::ptr::copy_nonoverlapping(table, copy.as_mut_ptr().cast::<u8>(), found.min(ours).min(size_of::<T>()))
    };
    Some((found, copy))
}

// === impl Code ===

impl Code {
    /// Counts the instance among these.
    pub(crate) fn new(exports: Exports, config: Vec<u8>, instances: &Instances) -> Self {
        let (instance, ended) = (OnceLock::new(), AtomicBool::new(false));
        Self { exports, config, instance, ended, _counted: Counted::among(instances) }
    }

    /// Does a task, on this thread, for as long as the plugin takes.
    pub(crate) fn run(&self, task: Task, call: CallHandle) -> i32 {
        match task {
            Task::Hook(hook) => self.hook(hook, call),
            Task::Create => self.create(call),
            Task::Pull(stream) => match self.exports.table.pull {
                // SAFETY: the instance is alive: it ends after its last call.
                Some(pull) => unsafe { pull(self.instance(), call, stream) },
                None => Status::Unsupported as i32,
            },
            Task::Close(stream) => {
                if let Some(close) = self.exports.table.close {
                    // SAFETY: as above.
                    unsafe { close(self.instance(), stream) };
                }
                Status::Ok as i32
            }
        }
    }

    /// Calls a hook.
    pub(crate) fn hook(&self, hook: Hook, call: CallHandle) -> i32 {
        match self.exports.hooks.slot(hook) {
            // SAFETY: the instance is alive: it ends after its last call.
            Some(slot) => unsafe { slot(self.instance(), call) },
            None => Status::Unsupported as i32,
        }
    }

    fn instance(&self) -> *mut c_void {
        self.instance.get().map_or(std::ptr::null_mut(), |instance| instance.0)
    }

    fn create(&self, call: CallHandle) -> i32 {
        let mut made = std::ptr::null_mut();
        let status = match self.exports.table.create {
            // SAFETY: the host's table is static, the config is there until this returns, and `made` is a place.
            Some(create) => unsafe { create(&raw const HOST, call, Slice::of(&self.config), &raw mut made) },
            None => Status::Ok as i32,
        };
        if status == Status::Ok as i32 {
            // There is one call that creates.
            let _ = self.instance.set(Instance(made));
        }
        status
    }

    /// Ends the instance, if it was made, once.
    pub(crate) fn destroy(&self) {
        if self.ended.swap(true, Ordering::AcqRel) {
            return;
        }
        if let (Some(instance), Some(destroy)) = (self.instance.get(), self.exports.table.destroy) {
            // SAFETY: the lane calls this after the last call returned.
            unsafe { destroy(instance.0) };
        }
    }
}
