//! The threads of a worker.

use crate::standby::Standby;
use std::future::Future;
use std::thread;
use std::time::Instant;

/// The threads of a worker.
pub(crate) enum Threads {
    /// One, which is quickest.
    One(thread::JoinHandle<()>),
    /// One, and others that stand by for when a hook holds it.
    Sheltered(Standby, tokio::task::JoinHandle<()>),
}

// === impl Threads ===

impl Threads {
    /// Starts the threads of the worker of this number.
    pub(crate) fn start(
        number: usize,
        sheltered: bool,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<Self> {
        let name = format!("gatewright-{number}");
        if sheltered {
            let standby = Standby::start(name)?;
            let working = standby.handle().spawn(work);
            return Ok(Self::Sheltered(standby, working));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name(name).spawn(move || runtime.block_on(work)).map(Self::One)
    }

    pub(crate) fn are_sheltered(&self) -> bool {
        matches!(self, Self::Sheltered(..))
    }

    /// Looks whether the one that works is held, and lets another one take over. Answers whether it did.
    pub(crate) fn look(&self, now: Instant) -> bool {
        match self {
            Self::One(_) => false,
            Self::Sheltered(standby, _) => standby.look(now),
        }
    }

    /// Whether there is nothing left to do.
    pub(crate) fn are_done(&self) -> bool {
        match self {
            Self::One(thread) => thread.is_finished(),
            Self::Sheltered(_, working) => working.is_finished(),
        }
    }

    /// Waits until all is done. Answers whether it went well.
    pub(crate) fn join(self) -> bool {
        match self {
            Self::One(thread) => thread.join().is_ok(),
            Self::Sheltered(standby, working) => {
                let done = standby.handle().block_on(working);
                standby.end();
                done.is_ok()
            }
        }
    }
}
