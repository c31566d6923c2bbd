//! A library, opened in a process that may be lost before it is opened here. Its constructors run before anybody can ask
//! anything of it: while they hang they hold the loader's lock, for which every new thread waits, and when they crash they
//! take the process with them.

use super::hosts::Runner;
use gatewright_host_process::COOKIE_VARIABLE;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// How long constructors may take.
const LONGEST: Duration = Duration::from_secs(10);

/// Opens a library elsewhere. An error says that it must not be opened here; whatever else is wrong with it, who opens it
/// here says better.
pub(super) async fn rehearse(runner: &Runner, library: &Path) -> Result<(), String> {
    let mut command = Command::new(&runner.program);
    // Without a cookie the runner opens it, says that it is not run by hand, and ends.
    command.args(&runner.arguments).arg(library).env_remove(COOKIE_VARIABLE);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(LONGEST, command.status()).await {
        Ok(Ok(status)) => match status.signal() {
            Some(signal) => Err(format!("the process in which it was opened first ended by signal {signal}")),
            None => Ok(()),
        },
        Ok(Err(error)) => {
            tracing::warn!(%error, "a native library is opened without a rehearsal: no process could be started");
            Ok(())
        }
        Err(_) => Err(format!("it did not load within {} s: its constructors hang", LONGEST.as_secs())),
    }
}
