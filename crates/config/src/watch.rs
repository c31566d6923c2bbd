//! Watching the config file, and the artefacts that it names.

use crate::MAX_FILE_BYTES;
use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::{BTreeMap, BTreeSet};
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
///
/// The same for [artefacts](ConfigWatcher::also), which are not read but looked at: their size, times and identity.
pub struct ConfigWatcher {
    file: PathBuf,
    /// Artefacts, as they were when a change was last told.
    artefacts: BTreeMap<PathBuf, Option<Stamp>>,
    stirred: Arc<Notify>,
    /// Told, and not looked at yet: what a dropped future leaves behind.
    stirring: bool,
    watcher: Option<RecommendedWatcher>,
    directories: BTreeSet<PathBuf>,
    fault: Option<String>,
    stamp: Option<Stamp>,
    content: Option<u64>,
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// The config.
    Config,
    /// An artefact, and not the config.
    Artefact,
}

/// What can be seen of a file without reading it: modified, changed, size, number.
type Stamp = (SystemTime, (i64, i64), u64, u64);

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
        let mut new = Self {
            file,
            artefacts: BTreeMap::new(),
            stirred,
            stirring: false,
            watcher,
            directories: BTreeSet::new(),
            fault,
            stamp: None,
            content: None,
        };
        new.watch();
        new.stamp = stamp(&new.file);
        new.content = new.content_now();
        new
    }

    /// Watches these artefacts from now on, and no others; they need not exist. Call it before they are loaded.
    pub fn also(&mut self, artefacts: impl IntoIterator<Item = PathBuf>) {
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        let wanted: BTreeSet<PathBuf> = artefacts.into_iter().map(absolute).collect();
        if wanted.iter().eq(self.artefacts.keys()) {
            return;
        }
        let mut had = std::mem::take(&mut self.artefacts);
        // What is known stays: a change that was not told yet still is one.
        self.artefacts = wanted.into_iter().map(|path| (path.clone(), had.remove(&path).flatten())).collect();
        self.watch();
        for (path, known) in &mut self.artefacts {
            if known.is_none() {
                *known = stamp(path);
            }
        }
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
    pub async fn changed(&mut self) -> Changed {
        loop {
            self.stirring |= self.told_or_different().await;
            if !self.stirring {
                continue;
            }
            self.rest().await;
            self.watch();
            self.stamp = stamp(&self.file);
            self.stirring = false;
            let artefacts = self.artefacts_now();
            let artefact = artefacts != self.artefacts;
            self.artefacts = artefacts;
            let content = self.content_now();
            if content != self.content {
                self.content = content;
                return Changed::Config;
            }
            if artefact {
                return Changed::Artefact;
            }
        }
    }

    async fn told_or_different(&self) -> bool {
        let pause = if self.fault.is_some() { POLL_ALONE } else { POLL };
        self.stirring
            || timeout(pause, self.stirred.notified()).await.is_ok()
            || stamp(&self.file) != self.stamp
            || self.artefacts_now() != self.artefacts
    }

    /// Waits until nothing stirs: an artefact may take its time to be written.
    async fn rest(&self) {
        let end = Instant::now() + IMPATIENCE;
        let mut before = self.artefacts_now();
        while Instant::now() < end {
            let told = timeout(DEBOUNCE, self.stirred.notified()).await.is_ok();
            let now = self.artefacts_now();
            if !told && now == before {
                return;
            }
            before = now;
        }
    }

    /// Watches the directories that decide what the file is. All anew, since a path may have come to mean another
    /// directory; what happens in between is seen by reading afterwards.
    fn watch(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        for directory in &self.directories {
            // It may be gone, and its watch with it.
            let _ = watcher.unwatch(directory);
        }
        self.directories = self.artefacts.keys().chain([&self.file]).flat_map(|file| directories(file)).collect();
        let watched: Vec<_> =
            self.directories.iter().map(|directory| watcher.watch(directory, RecursiveMode::NonRecursive)).collect();
        self.fault = match self.directories.is_empty() {
            true => Some("its directory does not exist".to_owned()),
            false => watched.into_iter().find_map(Result::err).map(|error| error.to_string()),
        };
    }

    fn artefacts_now(&self) -> BTreeMap<PathBuf, Option<Stamp>> {
        self.artefacts.keys().map(|path| (path.clone(), stamp(path))).collect()
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

fn stamp(file: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(file).ok()?;
    let (changed, number) = identity(&metadata);
    Some((metadata.modified().ok()?, changed, metadata.len(), number))
}

/// When the file's entry was changed, and its number: a file that was put in the place of another has others, though
/// its size and time may be the same.
#[cfg(unix)]
fn identity(metadata: &fs::Metadata) -> ((i64, i64), u64) {
    use std::os::unix::fs::MetadataExt;
    ((metadata.ctime(), metadata.ctime_nsec()), metadata.ino())
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> ((i64, i64), u64) {
    ((0, 0), 0)
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
