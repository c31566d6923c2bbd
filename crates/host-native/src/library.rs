//! Libraries: opened once each, never closed, and counted.
//!
//! Closing a library unmaps code that threads, thread-local destructors or a runtime of the plugin's own may still run:
//! so none is ever closed. What was replaced stays mapped, and how much of that there may be is limited.
#![expect(unsafe_code, reason = "loading foreign code; each block says why it holds")]

use crate::code::{BadExports, Exports};
use crate::inspect::{self, NotAPlugin};
use gatewright_abi::native::{EntryFn, SYMBOL};
use gatewright_host::{Sha256, Staged};
use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// So many libraries that nobody uses any more are worth a warning.
pub(crate) const WARN_AT: usize = 8;

/// So many are the most: the next new one is refused.
pub(crate) const MOST_RETIRED: usize = 32;

/// What plugins' allocator may keep of what they gave back.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MOST_KEPT: std::ffi::c_int = 4 << 20;

/// Every library that was ever opened.
static OPENED: LazyLock<Mutex<HashMap<Sha256, Opened>>> = LazyLock::new(Mutex::default);

struct Opened {
    /// What it exports, or why that cannot be understood: it is mapped either way.
    exports: Result<Exports, BadExports>,
    users: Weak<()>,
}

/// A library could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotOpened {
    #[error(transparent)]
    NotAPlugin(#[from] NotAPlugin),
    #[error("the system cannot load it: {0}")]
    System(String),
    #[error("it did not load within {1:?}: {0}")]
    Slow(&'static str, Duration),
    #[error("{0} ended the thread on which it was opened")]
    Ended(&'static str),
    #[error(transparent)]
    Exports(#[from] BadExports),
    #[error(
        "{MOST_RETIRED} native libraries were replaced since the gateway started, and none can be unloaded: restart the \
        gateway, or run the plugin with `isolation = \"process\"`"
    )]
    TooMany,
}

/// How many native libraries there are in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generations {
    /// Those with an instance.
    pub used: usize,
    /// Those without: replaced, and still mapped.
    pub retired: usize,
}

/// How many native libraries there are in the process.
pub fn generations() -> Generations {
    count(&opened())
}

/// Whether the library of this content is open: then it is not opened again.
pub fn is_open(library: &Sha256) -> bool {
    opened().contains_key(library)
}

fn opened() -> MutexGuard<'static, HashMap<Sha256, Opened>> {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count(opened: &HashMap<Sha256, Opened>) -> Generations {
    let used = opened.values().filter(|library| library.users.strong_count() > 0).count();
    Generations { used, retired: opened.len() - used }
}

/// Opens a library that was staged; one that is open already is not opened again. What it gives is held by those who
/// use it.
pub(crate) fn open(staged: &Staged, patience: Duration) -> Result<(Exports, Arc<()>), NotOpened> {
    let user = |library: &mut Opened| {
        let exports = library.exports.clone()?;
        let user = library.users.upgrade().unwrap_or_default();
        library.users = Arc::downgrade(&user);
        Ok((exports, user))
    };
    {
        let mut opened = opened();
        if let Some(library) = opened.get_mut(&staged.sha256) {
            return user(library);
        }
        if count(&opened).retired >= MOST_RETIRED {
            return Err(NotOpened::TooMany);
        }
    }
    let bytes = std::fs::read(&staged.path).map_err(|error| NotOpened::System(error.to_string()))?;
    inspect::inspect(&bytes)?;
    drop(bytes);
    keep_memory();
    let exports = load(&staged.path, patience)?;
    let mut opened = opened();
    let library = opened.entry(staged.sha256).or_insert(Opened { exports, users: Weak::new() });
    let used = user(library);
    let Generations { retired, .. } = count(&opened);
    drop(opened);
    if retired >= WARN_AT {
        tracing::warn!(
            retired,
            most = MOST_RETIRED,
            "native libraries that were replaced stay in memory until a restart"
        );
    }
    used
}

/// Libraries allocate with the C library, the gateway does not. By itself that gives memory back to the system as soon as
/// 128 KiB are free, so that a call that reads a long text takes its pages anew, which costs more than the call.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn keep_memory() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        for limit in [libc::M_TRIM_THRESHOLD, libc::M_MMAP_THRESHOLD] {
            // SAFETY: it sets a number, behind the allocator's own lock. Where it does not, all goes on more slowly.
            unsafe { libc::mallopt(limit, MOST_KEPT) };
        }
    });
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn keep_memory() {}

/// Loads on a thread of its own: constructors of the library may hang.
fn load(path: &Path, patience: Duration) -> Result<Result<Exports, BadExports>, NotOpened> {
    let (sender, receiver) = sync_channel(1);
    let path = path.to_owned();
    let constructed = Arc::new(AtomicBool::new(false));
    let load = {
        let constructed = constructed.clone();
        move || {
            // Nobody may wait any more.
            let _ = sender.send(load_here(&path, &constructed));
        }
    };
    let thread = std::thread::Builder::new().name("plugin-load".to_owned()).spawn(load);
    thread.map_err(|error| NotOpened::System(error.to_string()))?;
    match receiver.recv_timeout(patience) {
        Ok(loaded) => loaded,
        Err(gone) => {
            let constructed = constructed.load(Ordering::Acquire);
            Err(match (gone, constructed) {
                (RecvTimeoutError::Timeout, false) => NotOpened::Slow("its constructors hang", patience),
                (RecvTimeoutError::Timeout, true) => NotOpened::Slow("its entry hangs", patience),
                (RecvTimeoutError::Disconnected, false) => NotOpened::Ended("its constructors"),
                (RecvTimeoutError::Disconnected, true) => NotOpened::Ended("its entry"),
            })
        }
    }
}

/// What the system says: the error itself says which of its functions failed, and no more.
fn reason(error: &libloading::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

/// `constructed` is set once its constructors have run.
fn load_here(path: &Path, constructed: &AtomicBool) -> Result<Result<Exports, BadExports>, NotOpened> {
    let system = |error| NotOpened::System(reason(&error));
    #[cfg(unix)]
    // SAFETY: this runs code of the library's, which is trusted like the gateway itself; the copy cannot change.
    let library = unsafe {
        use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
        Library::open(Some(path), RTLD_NOW | RTLD_LOCAL).map(libloading::Library::from)
    };
    #[cfg(not(unix))]
    // SAFETY: as above.
    let library = unsafe { libloading::Library::new(path) };
    let library = library.map_err(system)?;
    constructed.store(true, Ordering::Release);
    // SAFETY: the symbol's name has its version, and with it its type.
    let entry: EntryFn = *unsafe { library.get::<EntryFn>(SYMBOL.as_bytes()) }.map_err(system)?;
    std::mem::forget(library);
    // SAFETY: the library is never closed; the function takes nothing, and answers its table.
    Ok(unsafe { Exports::read(entry()) })
}
