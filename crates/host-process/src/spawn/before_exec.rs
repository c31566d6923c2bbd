//! What a process does before it is another program.

use tokio::process::Command;

/// Ties a process to the thread that starts it: the system kills it when the thread ends, whatever ends it. Bounds its
/// memory.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "what runs between fork and exec must be chosen with care")]
pub(super) fn prepare(command: &mut Command, memory_bytes: Option<u64>) {
    use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
    let parent = getpid();
    let before_exec = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // Who ended before that was not seen.
        if getppid() != Some(parent) {
            return Err(rustix::io::Errno::SRCH.into());
        }
        memory_bytes.map_or(Ok(()), bound)
    };
    // SAFETY: between fork and exec of a program with threads only what is async-signal-safe may be done. The closure
    // makes system calls alone (prctl, getppid, prlimit), which are; it takes no lock and no memory
    // (an `Errno` becomes an `io::Error` without any), does not panic, and what it captures was made before.
    unsafe {
        command.pre_exec(before_exec);
    }
}

/// Memory that is its own and that it may write to, touched or not; what a runtime only reserves does not count. A smaller
/// bound that is there already stays.
#[cfg(target_os = "linux")]
fn bound(bytes: u64) -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let most = getrlimit(Resource::Data).maximum.map_or(bytes, |before| before.min(bytes));
    setrlimit(Resource::Data, Rlimit { current: Some(most), maximum: Some(most) })?;
    Ok(())
}

/// Elsewhere there is no such tie and no such bound: the gateway ends its processes when it ends, unless it is killed.
#[cfg(not(target_os = "linux"))]
pub(super) fn prepare(_: &mut Command, _: Option<u64>) {}
