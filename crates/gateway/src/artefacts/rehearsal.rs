//! A library, opened in a process that may be lost before it is opened here. Its constructors run before anybody can ask
//! anything of it: while they hang they hold the loader's lock, for which every new thread waits, and when they crash or
//! exit they take the process with them. So does the function that answers its table.
//!
//! Only the process's own word counts, and not how it ends, which may be the library's doing. It stands on a socket that
//! the process takes for itself before it opens the library: what that prints is not on it.

use super::hosts::Runner;
use gatewright_host_process::COOKIE_VARIABLE;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt};
use tokio::process::Command;

/// The variable that tells the runner of a rehearsal: its standard input is the socket.
const REHEARSAL: &str = "GATEWRIGHT_REHEARSAL";

/// How long constructors may take.
const LONGEST: Duration = Duration::from_secs(10);

/// The longest of what a runner says: the manifest is most of it.
const MOST_SAID: u64 = 1 << 20;

/// The longest word by which a runner is known.
const LONGEST_WORD: u64 = 64;

/// A rehearsal, in the process in which the library is opened.
#[derive(Debug)]
pub struct Rehearsal {
    socket: UnixStream,
    word: String,
}

/// What came of a rehearsal, if it was one.
#[derive(Debug)]
pub enum Rehearsed {
    /// What was said of the library.
    Opened(String),
    /// Why it must not be opened here.
    Refused(String),
    /// No process could be started.
    NotStarted(io::Error),
}

/// Opens a library elsewhere. An error says why it must not be opened here.
pub(super) async fn rehearse(runner: &Runner, library: &Path) -> Result<(), String> {
    let mut command = Command::new(&runner.program);
    command.args(&runner.arguments).arg(library);
    match rehearsed(command, LONGEST).await {
        Rehearsed::Opened(_) => Ok(()),
        Rehearsed::Refused(why) => Err(why),
        Rehearsed::NotStarted(error) => {
            tracing::warn!(%error, "a native library is opened without a rehearsal: no process could be started");
            Ok(())
        }
    }
}

/// Runs a command that opens a library, for so long at most.
pub async fn rehearsed(mut command: Command, longest: Duration) -> Rehearsed {
    let (here, there) = match UnixStream::pair() {
        Ok(pair) => pair,
        Err(error) => return Rehearsed::NotStarted(error),
    };
    command.env(REHEARSAL, "1").env_remove(COOKIE_VARIABLE);
    command.stdin(OwnedFd::from(there)).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let started = command.spawn();
    // It holds the other end, too.
    drop(command);
    let mut process = match started {
        Ok(process) => process,
        Err(error) => return Rehearsed::NotStarted(error),
    };
    let word = format!("{:016x}", RandomState::new().hash_one(process.id()));
    let mut opened = false;
    let said = async {
        let hear = async {
            let said = heard(here, &word).await;
            opened = matches!(said, Some(Ok(_)));
            said
        };
        tokio::join!(hear, process.wait())
    };
    match tokio::time::timeout(longest, said).await {
        Ok((said, Ok(status))) => judged(said, status),
        Ok((_, Err(error))) => Rehearsed::Refused(format!("nobody knows how opening it first ended: {error}")),
        Err(_) => {
            let what = if opened { "its destructors hang" } else { "its constructors or its entry hang" };
            Rehearsed::Refused(format!("it was not opened and closed within {} s: {what}", longest.as_secs()))
        }
    }
}

/// Gives the process its word, and hears what it says with it.
async fn heard(mut here: UnixStream, word: &str) -> Option<Result<String, String>> {
    // One that is gone already says nothing.
    let _ = writeln!(here, "{word}").and_then(|()| here.shutdown(Shutdown::Write));
    here.set_nonblocking(true).ok()?;
    let mut lines = tokio::io::BufReader::new(tokio::net::UnixStream::from_std(here).ok()?).take(MOST_SAID).lines();
    let first = lines.next_line().await.ok()??;
    let said = lines.next_line().await.ok()??;
    serde_json::from_str(&said).ok().filter(|_| first == word)
}

fn judged(said: Option<Result<String, String>>, status: ExitStatus) -> Rehearsed {
    let ended = match (status.signal(), status.code()) {
        (Some(signal), _) => format!("the process in which it was opened first by signal {signal}"),
        (None, code) => format!("the process in which it was opened first (code {})", code.unwrap_or_default()),
    };
    match said {
        Some(Err(why)) => Rehearsed::Refused(why),
        Some(Ok(said)) if status.success() => Rehearsed::Opened(said),
        Some(Ok(_)) => Rehearsed::Refused(format!("its destructors ended {ended}")),
        None => Rehearsed::Refused(format!("its constructors or its entry ended {ended}")),
    }
}

// === impl Rehearsal ===

impl Rehearsal {
    /// To be asked before the library is opened. `None` in a process that was started for something else.
    pub fn begun() -> io::Result<Option<Self>> {
        if std::env::var_os(REHEARSAL).is_none() {
            return Ok(None);
        }
        let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        let mut word = String::new();
        BufReader::new(&socket).take(LONGEST_WORD).read_line(&mut word)?;
        Ok(Some(Self { socket, word: word.trim_end().to_owned() }))
    }

    /// Says what there is to say of the library, or why it could not be opened.
    pub fn say(mut self, opened: &Result<String, String>) -> io::Result<()> {
        let said = serde_json::to_string(opened)?;
        writeln!(self.socket, "{}\n{said}", self.word)
    }
}

#[cfg(test)]
mod tests;
