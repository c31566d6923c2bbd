//! The highest resident memory during a window.

use std::io;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};

use crate::process::Watched;

/// Often enough to see a plateau, too seldom to cost anything. A spike between two looks is missed.
const INTERVAL: Duration = Duration::from_millis(250);

/// A watch on a server's memory, from when it is set until it is asked.
#[derive(Debug)]
pub(crate) struct Resident {
    over: oneshot::Sender<()>,
    watch: JoinHandle<io::Result<u64>>,
}

impl Resident {
    pub(crate) fn watch(watched: Watched) -> Self {
        let (over, mut ended) = oneshot::channel();
        let watch = tokio::spawn(async move {
            let mut highest = watched.resident()?;
            while tokio::time::timeout(INTERVAL, &mut ended).await.is_err() {
                highest = highest.max(watched.resident()?);
            }
            Ok(highest.max(watched.resident()?))
        });
        Self { over, watch }
    }

    /// Ends the watch and gives its highest reading, in bytes.
    pub(crate) async fn highest(self) -> Result<u64, Unseen> {
        drop(self.over);
        Ok(self.watch.await??)
    }
}

/// The server's memory could not be read, most likely because it has ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unseen {
    #[error("reading memory: {0}")]
    Io(#[from] io::Error),
    #[error("reading memory: {0}")]
    Task(#[from] JoinError),
}
