//! A process that was started.

use crate::lines::{LastWords, drain};
use gatewright_plugin::services::{Level, Log};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::Child;
use tokio::task::JoinSet;

/// A process, with its group and its output.
pub(crate) struct Running {
    child: Child,
    pid: Option<Pid>,
    drains: JoinSet<()>,
    last_words: LastWords,
    ended: Option<String>,
}

/// How long what a process wrote before it ended is waited for.
const LAST_WORDS: Duration = Duration::from_millis(100);

// === impl Running ===

impl Running {
    pub(crate) fn new(mut child: Child, log: &Arc<dyn Log>) -> Self {
        let (mut drains, last_words) = (JoinSet::new(), LastWords::default());
        if let Some(stdout) = child.stdout.take() {
            drains.spawn(drain(stdout, log.clone(), Level::Debug, None));
        }
        if let Some(stderr) = child.stderr.take() {
            drains.spawn(drain(stderr, log.clone(), Level::Info, Some(last_words.clone())));
        }
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        Self { child, pid, drains, last_words, ended: None }
    }

    pub(crate) fn id(&self) -> u32 {
        self.pid.map_or(0, |pid| pid.as_raw_nonzero().get().unsigned_abs())
    }

    /// Waits until it ends; says how it did. What is left of its group ends with it.
    pub(crate) async fn ended(&mut self) -> String {
        if let Some(how) = &self.ended {
            return how.clone();
        }
        let how = words(self.child.wait().await);
        // The group's number is not given out again while anybody of it lives; if nobody does, nobody is hit.
        self.signal(Signal::KILL);
        self.pid = None;
        self.ended = Some(how.clone());
        how
    }

    /// The last line that it wrote to stderr, once it ended.
    pub(crate) async fn last_words(&mut self) -> String {
        let drained = async { while self.drains.join_next().await.is_some() {} };
        // Somebody who is not of its group may hold its output open.
        let _ = tokio::time::timeout(LAST_WORDS, drained).await;
        self.last_words.said()
    }

    /// Asks it to end, and after a while does not ask any more.
    pub(crate) async fn end(&mut self, patience: Duration) {
        if self.ended.is_none() {
            self.signal(Signal::TERM);
            if tokio::time::timeout(patience, self.ended()).await.is_ok() {
                return;
            }
            tracing::warn!(pid = self.id(), "a plugin's process does not end when asked; it is killed");
        }
        self.kill().await;
    }

    /// Ends it.
    pub(crate) async fn kill(&mut self) {
        if self.ended.is_none() {
            self.signal(Signal::KILL);
            self.ended().await;
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid {
            // It may be gone already.
            let _ = kill_process_group(pid, signal);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only when the thread ends by force: whoever owns it ends it, and waits.
        self.signal(Signal::KILL);
    }
}

fn words(status: io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("ended with code {code}"),
            (None, Some(signal)) => format!("was ended by signal {signal}"),
            (None, None) => "ended".to_owned(),
        },
        Err(error) => format!("is lost: {error}"),
    }
}
