//! What a process does before it is another program.

use tokio::process::Command;

/// Ties a process to the thread that starts it: the system kills it when the thread ends, whatever ends it.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "what runs between fork and exec must be chosen with care")]
pub(super) fn tie(command: &mut Command) {
    use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
    let parent = getpid();
    let before_exec = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // Who ended before that was not seen.
        match getppid() == Some(parent) {
            true => Ok(()),
            false => Err(rustix::io::Errno::SRCH.into()),
        }
    };
    // SAFETY: between fork and exec of a program with threads only what is async-signal-safe may be done. The closure
    // makes two system calls, prctl and getppid, which are; it takes no lock and no memory (an `Errno` becomes an
    // `io::Error` without any), does not panic, and what it captures is a number.
    unsafe {
        command.pre_exec(before_exec);
    }
}

/// Elsewhere there is no such tie: the gateway ends its processes when it ends, unless it is killed.
#[cfg(not(target_os = "linux"))]
pub(super) fn tie(_: &mut Command) {}
