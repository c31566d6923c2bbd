//! Shuts instances down after their last user.

use crate::call::call_owned;
use crate::instance::bare_cx;
use futures_util::stream::{FuturesUnordered, StreamExt};
use gatewright_plugin::Hook;
use gatewright_plugin::hosted::{Hosted, point};
use gatewright_plugin::payload::Shutdown;
use gatewright_plugin::services::Services;
use std::sync::Arc;
use tokio::sync::mpsc;

/// The most that are shut down at once.
const AT_ONCE: usize = 64;

/// Where instances go whose last user is gone. Copies share one queue.
#[derive(Clone, Debug)]
pub struct Reaper(mpsc::UnboundedSender<Retired>);

/// An instance that is to be shut down.
pub(crate) struct Retired {
    pub(crate) name: Arc<str>,
    pub(crate) plugin: Arc<dyn Hosted>,
    pub(crate) services: Services,
}

/// The reaper's work; ends when every [`Reaper`] is gone and all that they retired is shut down.
#[must_use = "nothing is shut down until it runs"]
pub struct ReaperTask(mpsc::UnboundedReceiver<Retired>);

// === impl Reaper ===

impl Reaper {
    /// A reaper, and the task that somebody must run and await.
    pub fn new() -> (Self, ReaperTask) {
        // One message an instance, and instances are bounded by the config and its reloads.
        let (retire, retired) = mpsc::unbounded_channel();
        (Self(retire), ReaperTask(retired))
    }

    pub(crate) fn retire(&self, retired: Retired) {
        // Nobody listens any more only when the process is about to end.
        let _ = self.0.send(retired);
    }
}

// === impl ReaperTask ===

impl ReaperTask {
    /// Shuts down what is retired, 10 s each at most, some at once: nobody waits for another that hangs.
    pub async fn run(mut self) {
        let mut ending = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                Some(()) = ending.next(), if !ending.is_empty() => {}
                retired = self.0.recv(), if ending.len() < AT_ONCE => match retired {
                    Some(retired) => ending.push(retired.shut_down()),
                    None => break,
                },
            }
        }
        while ending.next().await.is_some() {}
    }
}

// === impl Retired ===

impl Retired {
    async fn shut_down(self) {
        let Self { name, plugin, services } = self;
        let timeout = Hook::OnShutdown.info().timeout;
        match call_owned::<point::OnShutdown>(&plugin, bare_cx(&services), Shutdown, timeout).await.2 {
            Ok(()) => tracing::debug!(plugin = %name, "plugin shut down"),
            Err(failure) => tracing::warn!(plugin = %name, error = %failure, "plugin failed to shut down"),
        }
    }
}

impl std::fmt::Debug for Retired {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Retired").field(&self.name).finish()
    }
}
