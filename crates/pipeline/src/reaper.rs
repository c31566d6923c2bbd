//! Shuts instances down after their last user.

use crate::call::call_owned;
use crate::instance::bare_cx;
use crate::life::Life;
use futures_util::stream::{FuturesUnordered, StreamExt};
use gatewright_plugin::Hook;
use gatewright_plugin::hosted::{Hosted, point};
use gatewright_plugin::payload::Shutdown;
use gatewright_plugin::services::Services;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::mpsc;

/// The most that are shut down at once.
const AT_ONCE: usize = 64;

/// Where instances go whose last user is gone. Copies share one queue.
#[derive(Clone, Debug)]
pub struct Reaper {
    queue: mpsc::UnboundedSender<Retired>,
    /// The lives of plugins that are in use or in the queue, by where each is.
    lives: Arc<Mutex<HashMap<usize, Weak<Life>>>>,
}

/// An instance that is to be shut down.
pub(crate) struct Retired {
    pub(crate) name: Arc<str>,
    pub(crate) plugin: Arc<dyn Hosted>,
    pub(crate) services: Services,
    pub(crate) life: Arc<Life>,
}

/// The reaper's work; ends when every [`Reaper`] is gone and all that they retired is shut down.
#[must_use = "nothing is shut down until it runs"]
pub struct ReaperTask(mpsc::UnboundedReceiver<Retired>);

// === impl Reaper ===

impl Reaper {
    /// A reaper, and the task that somebody must run and await.
    pub fn new() -> (Self, ReaperTask) {
        // One message an instance, and instances are bounded by the config and its reloads.
        let (queue, retired) = mpsc::unbounded_channel();
        (Self { queue, lives: Arc::default() }, ReaperTask(retired))
    }

    pub(crate) fn retire(&self, retired: Retired) {
        // Nobody listens any more only when the process is about to end.
        let _ = self.queue.send(retired);
    }

    /// The life of a plugin, which all of its instances share.
    pub(crate) fn life_of(&self, plugin: &Arc<dyn Hosted>) -> Arc<Life> {
        // Whoever has the life has the plugin too: nobody else is there meanwhile.
        let place = Arc::as_ptr(plugin).cast::<()>().addr();
        // No code of ours panics while it holds the lock.
        let mut lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        lives.retain(|_, life| life.strong_count() > 0);
        let known = lives.get(&place).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let life = Arc::default();
            lives.insert(place, Arc::downgrade(&life));
            life
        })
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
        let Self { name, plugin, services, life } = self;
        let mut turn = life.turn().await;
        if !turn.ends(&life) {
            return;
        }
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
