//! Whom the system ends where the machine's memory comes to an end.

use std::io;

/// How much sooner than the gateway, of 1000.
const SOONER: i32 = 500;
const SOONEST: i32 = 1000;

/// Has the system end this process before the gateway, whatever score that has itself. Nothing is done where the system
/// has no such scores: it chooses by size.
///
/// The process must be another program already. Before that it is as closed to its own user as the gateway is, whose file
/// for this is root's then.
#[cfg(target_os = "linux")]
pub(super) fn go_first(process: u32) -> io::Result<()> {
    let own = std::fs::read_to_string("/proc/self/oom_score_adj");
    let Some(own) = own.ok().and_then(|own| own.trim().parse::<i32>().ok()) else { return Ok(()) };
    std::fs::write(format!("/proc/{process}/oom_score_adj"), own.saturating_add(SOONER).min(SOONEST).to_string())
}

/// Elsewhere there are no such scores.
#[cfg(not(target_os = "linux"))]
pub(super) fn go_first(_: u32) -> io::Result<()> {
    Ok(())
}
