//! What a process does before it is another program.

use tokio::process::Command;

/// Ties a process to the thread that starts it: the system kills it when the thread ends, whatever ends it. Bounds its
/// memory, and where the machine's comes to an end, the system ends it before the gateway.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "what runs between fork and exec must be chosen with care")]
pub(super) fn prepare(command: &mut Command, memory_bytes: Option<u64>) {
    use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
    let (parent, score) = (getpid(), score().to_string());
    let before_exec = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // Who ended before that was not seen.
        if getppid() != Some(parent) {
            return Err(rustix::io::Errno::SRCH.into());
        }
        // Where the system has no such file it chooses by size.
        let _ = go_first(&score);
        memory_bytes.map_or(Ok(()), bound)
    };
    // SAFETY: between fork and exec of a program with threads only what is async-signal-safe may be done. The closure
    // makes system calls alone (prctl, getppid, openat, write, close, prlimit), which are; it takes no lock and no memory
    // (an `Errno` becomes an `io::Error` without any), does not panic, and what it captures was made before.
    unsafe {
        command.pre_exec(before_exec);
    }
}

/// Where the system is told how soon it ends a process that is short of memory, from -1000 to 1000.
#[cfg(target_os = "linux")]
const SCORE: &std::ffi::CStr = c"/proc/self/oom_score_adj";

/// The score of a process that goes before the gateway, whatever that has itself.
#[cfg(target_os = "linux")]
fn score() -> i32 {
    let own = SCORE.to_str().ok().and_then(|path| std::fs::read_to_string(path).ok());
    let own = own.and_then(|own| own.trim().parse::<i32>().ok()).unwrap_or_default();
    own.saturating_add(500).min(1000)
}

#[cfg(target_os = "linux")]
fn go_first(score: &str) -> rustix::io::Result<()> {
    use rustix::fs::{Mode, OFlags, open};
    let file = open(SCORE, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(file, score.as_bytes()).map(drop)
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
