//! Watching the config file.

use crate::MAX_FILE_BYTES;
use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// Tells when the content of a file changes, however that comes about: written in place, replaced by a rename, or
/// behind a symbolic link, in the file's path or of the file itself (Kubernetes swaps `..data`).
///
/// It owns what it needs and starts no task: nothing is watched once it is dropped. The directories are watched, not
/// the file, since a file that is replaced takes its watches along. Every [`POLL`] the file is looked at all the same,
/// for file systems that tell nothing.
pub struct ConfigWatcher {
    file: PathBuf,
    stirred: Arc<Notify>,
    /// Told, and not looked at yet: what a dropped future leaves behind.
    stirring: bool,
    watcher: Option<RecommendedWatcher>,
    directories: BTreeSet<PathBuf>,
    fault: Option<String>,
    stamp: Option<(SystemTime, u64)>,
    content: Option<u64>,
}

/// How long a file must be left alone until a change is told.
pub const DEBOUNCE: Duration = Duration::from_millis(100);

/// The longest time for which a change is held back because its directory does not come to rest.
const IMPATIENCE: Duration = Duration::from_secs(1);

/// How often the file is looked at without being told.
pub const POLL: Duration = Duration::from_secs(5);

/// The same where nothing will be told.
const POLL_ALONE: Duration = Duration::from_secs(1);

/// How many links are followed.
const MAX_LINKS: usize = 40;

// === impl ConfigWatcher ===

impl ConfigWatcher {
    /// Watches a file, which need not exist. Changes after this call are told: make the watcher first, then load.
    pub fn new(file: &Path) -> Self {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let stirred = Arc::new(Notify::new());
        let told = stirred.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| is_reading(&event.kind)) {
                return;
            }
            told.notify_one();
        });
        let (watcher, fault) = match watcher {
            Ok(watcher) => (Some(watcher), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let directories = BTreeSet::new();
        let mut new = Self { file, stirred, stirring: false, watcher, directories, fault, stamp: None, content: None };
        new.watch();
        new.stamp = new.stamp_now();
        new.content = new.content_now();
        new
    }

    /// The file, as an absolute path.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Why the system does not tell of changes, so that they are only seen by looking each second; `None` if it does.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Waits until the content is another than it was at the last call, or at [`ConfigWatcher::new`]; a file that is
    /// gone is a change too. Several changes within [`DEBOUNCE`] are one. Dropping the future loses nothing.
    pub async fn changed(&mut self) {
        loop {
            self.stirring |= self.told_or_different().await;
            if !self.stirring {
                continue;
            }
            self.rest().await;
            self.watch();
            self.stamp = self.stamp_now();
            self.stirring = false;
            let content = self.content_now();
            if content != self.content {
                self.content = content;
                return;
            }
        }
    }

    async fn told_or_different(&self) -> bool {
        let pause = if self.fault.is_some() { POLL_ALONE } else { POLL };
        self.stirring || timeout(pause, self.stirred.notified()).await.is_ok() || self.stamp_now() != self.stamp
    }

    /// Waits until nothing stirs.
    async fn rest(&self) {
        let end = Instant::now() + IMPATIENCE;
        while Instant::now() < end && timeout(DEBOUNCE, self.stirred.notified()).await.is_ok() {}
    }

    /// Watches the directories that decide what the file is. All anew, since a path may have come to mean another
    /// directory; what happens in between is seen by reading afterwards.
    fn watch(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        for directory in &self.directories {
            // It may be gone, and its watch with it.
            let _ = watcher.unwatch(directory);
        }
        self.directories = directories(&self.file);
        let watched: Vec<_> =
            self.directories.iter().map(|directory| watcher.watch(directory, RecursiveMode::NonRecursive)).collect();
        self.fault = match self.directories.is_empty() {
            true => Some("its directory does not exist".to_owned()),
            false => watched.into_iter().find_map(Result::err).map(|error| error.to_string()),
        };
    }

    fn stamp_now(&self) -> Option<(SystemTime, u64)> {
        let metadata = fs::metadata(&self.file).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    }

    fn content_now(&self) -> Option<u64> {
        let mut text = Vec::new();
        File::open(&self.file).ok()?.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut text).ok()?;
        let mut hasher = DefaultHasher::new();
        hasher.write(&text);
        Some(hasher.finish())
    }
}

impl std::fmt::Debug for ConfigWatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConfigWatcher").field("file", &self.file).field("fault", &self.fault).finish_non_exhaustive()
    }
}

/// Whether an event comes of reading, as this watcher does it itself.
fn is_reading(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if *access != AccessKind::Close(AccessMode::Write))
}

/// The directories in which an entry can change what the file is: its own, that of each link on the way to it, and
/// that of what the links point to.
fn directories(file: &Path) -> BTreeSet<PathBuf> {
    let mut directories = BTreeSet::new();
    let mut current = file.to_owned();
    for _ in 0..MAX_LINKS {
        directories.extend(current.parent().map(Path::to_owned));
        for above in current.ancestors().skip(1).filter(|above| above.is_symlink()) {
            directories.extend(above.parent().map(Path::to_owned));
        }
        match (fs::read_link(&current), current.parent()) {
            (Ok(target), Some(parent)) => current = parent.join(target),
            _ => break,
        }
    }
    directories.retain(|directory| directory.is_dir());
    directories
}

#[cfg(test)]
mod tests;
