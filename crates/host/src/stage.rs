//! Private copies of artefacts, named by what is in them.
//!
//! What a plugin's `path` points at may be overwritten, truncated or replaced at any time, and code that is loaded from
//! it would crash or be another than was checked. So that nothing is ever loaded from there: an artefact is copied into
//! a folder of the gateway's own, the copy is hashed, and the copy is what is loaded.

use sha2::{Digest as _, Sha256 as Hasher};
use std::fmt;
use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempPath;

/// The largest artefact.
pub const MAX_ARTEFACT_BYTES: u64 = 512 << 20;

/// Endings that a copy keeps; others go.
const ENDINGS: [&str; 4] = ["so", "dylib", "dll", "wasm"];

/// How the name of a copy begins until it is whole.
const UNFINISHED: &str = ".new-";

/// How many random characters the name ends with: gateways that share a folder may have the same number as a process.
const RANDOM: usize = 16;

/// A folder of copies.
#[derive(Clone, Debug)]
pub struct Stage {
    folder: PathBuf,
}

/// A copy that was checked. Nobody removes it while anybody has this, in whatever process.
#[derive(Clone, Debug)]
pub struct Staged {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it.
    pub sha256: Sha256,
    /// How large it is.
    pub bytes: u64,
    held: Arc<Held>,
}

/// The file of a copy, locked as in use.
#[derive(Debug)]
struct Held {
    file: File,
    path: PathBuf,
    /// Whether it goes with the last who has it.
    unwanted: AtomicBool,
}

/// The SHA-256 of an artefact.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256([u8; 32]);

/// Not a SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 has 64 hexadecimal digits")]
pub struct NotAHash;

/// An artefact could not be staged.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// There is none.
    #[error("there is no file `{}`", .0.display())]
    Missing(PathBuf),
    /// It is a folder, a device or a socket.
    #[error("`{}` is not a file", .0.display())]
    NotAFile(PathBuf),
    /// It is too large.
    #[error("`{}` has more than {} MiB, and an artefact has at most that", .0.display(), MAX_ARTEFACT_BYTES >> 20)]
    TooLarge(PathBuf),
    /// Somebody wrote to it meanwhile.
    #[error("`{}` was changed while it was read: put new versions there by a rename, not by writing into it", .0.display())]
    Changed(PathBuf),
    /// It is not what the config says.
    #[error("`{}` has the SHA-256 {found}, and the config says {expected}: one of the two is not what was meant", .path.display())]
    Mismatch {
        /// The artefact.
        path: PathBuf,
        /// What it has.
        found: Sha256,
        /// What the config says.
        expected: Sha256,
    },
    /// The system refused.
    #[error("cannot {what} `{}`: {error}", .path.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

// === impl Stage ===

impl Stage {
    /// Copies in this folder, which is made if it is not there.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Copies an artefact, and answers the copy once its hash is known to be right. An artefact that is there already
    /// is not copied again, but hashed again. Waits for the disk.
    pub fn put(&self, path: &Path, expected: Option<Sha256>) -> Result<Staged, StageError> {
        let mut source = open(path)?;
        let before = metadata(&source, path)?;
        if !before.is_file() {
            return Err(StageError::NotAFile(path.to_owned()));
        }
        if before.len() > MAX_ARTEFACT_BYTES {
            return Err(StageError::TooLarge(path.to_owned()));
        }
        let reading = |error| StageError::Io { what: "read", path: path.to_owned(), error };
        let sha256 = Sha256::of(&mut source).map_err(reading)?;
        if let Some(expected) = expected.filter(|expected| *expected != sha256) {
            unchanged(&source, path, &before)?;
            return Err(StageError::Mismatch { path: path.to_owned(), found: sha256, expected });
        }
        let ending = path.extension().and_then(|ending| ending.to_str()).filter(|ending| ENDINGS.contains(ending));
        let name = ending.map_or_else(|| sha256.to_string(), |ending| format!("{sha256}.{ending}"));
        let place = self.folder.join(name);
        let bytes = before.len();
        // Before what is there is looked at: from then on nobody else may write to it.
        self.make_folder()?;
        if let Some(held) = held(&place, sha256) {
            return Ok(Staged { path: place, sha256, bytes, held });
        }
        source.rewind().map_err(reading)?;
        let (copy, copied, length) = self.copy(&mut source, path)?;
        unchanged(&source, path, &before)?;
        if copied != sha256 || length != bytes {
            return Err(StageError::Changed(path.to_owned()));
        }
        copy.persist(&place).map_err(|kept| StageError::Io {
            what: "put in place",
            path: place.clone(),
            error: kept.error,
        })?;
        if let Ok(folder) = File::open(&self.folder) {
            // Some file systems cannot do this; what is lost in a crash is copied again.
            let _ = folder.sync_all();
        }
        match held(&place, sha256) {
            Some(held) => Ok(Staged { path: place, sha256, bytes, held }),
            None => Err(StageError::Changed(place)),
        }
    }

    /// Whether a file in such a folder is a copy that is being made, or that nobody came to finish.
    pub fn is_unfinished(file: &Path) -> bool {
        file.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(UNFINISHED))
    }

    fn make_folder(&self) -> Result<(), StageError> {
        let failed = |what| move |error| StageError::Io { what, path: self.folder.clone(), error };
        fs::create_dir_all(&self.folder).map_err(failed("make the folder"))?;
        let mode = fs::metadata(&self.folder).map_err(failed("read the folder"))?.mode();
        if mode & 0o777 == 0o700 {
            return Ok(());
        }
        match fs::set_permissions(&self.folder, Permissions::from_mode(0o700)) {
            // Of a folder that was made ready, on a disk that cannot be written to.
            Err(_) if mode & 0o022 == 0 => Ok(()),
            restricted => restricted.map_err(failed("close to other users the folder")),
        }
    }

    /// A copy under a name that nobody else has, wherever they run, taken away again unless it is kept.
    fn copy(&self, source: &mut File, path: &Path) -> Result<(TempPath, Sha256, u64), StageError> {
        let made = tempfile::Builder::new().prefix(UNFINISHED).rand_bytes(RANDOM).tempfile_in(&self.folder);
        let mut copy = made.map_err(|error| StageError::Io { what: "write into", path: self.folder.clone(), error })?;
        let place = copy.path().to_owned();
        let failed = |error| StageError::Io { what: "write", path: place.clone(), error };
        let (mut hasher, mut bytes, mut buffer) = (Hasher::new(), 0, vec![0; 256 << 10]);
        loop {
            let read = match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => &buffer[..read],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(StageError::Io { what: "read", path: path.to_owned(), error }),
            };
            bytes += read.len() as u64;
            if bytes > MAX_ARTEFACT_BYTES {
                return Err(StageError::TooLarge(path.to_owned()));
            }
            hasher.update(read);
            copy.as_file_mut().write_all(read).map_err(failed)?;
        }
        copy.as_file().set_permissions(Permissions::from_mode(0o500)).map_err(failed)?;
        copy.as_file().sync_all().map_err(failed)?;
        // What is being written to cannot be run.
        Ok((copy.into_temp_path(), Sha256(hasher.finalize().into()), bytes))
    }
}

fn open(path: &Path) -> Result<File, StageError> {
    // A pipe would keep waiting for who writes to it.
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(StageError::NotAFile(path.to_owned()));
    }
    File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StageError::Missing(path.to_owned()),
        _ => StageError::Io { what: "open", path: path.to_owned(), error },
    })
}

fn metadata(file: &File, path: &Path) -> Result<fs::Metadata, StageError> {
    file.metadata().map_err(|error| StageError::Io { what: "read", path: path.to_owned(), error })
}

/// Nobody wrote to it since.
fn unchanged(file: &File, path: &Path, before: &fs::Metadata) -> Result<(), StageError> {
    let now = metadata(file, path)?;
    match now.len() == before.len() && now.modified().ok() == before.modified().ok() {
        true => Ok(()),
        false => Err(StageError::Changed(path.to_owned())),
    }
}

// === impl Staged ===

impl Staged {
    /// A file as it lies there, for who knows that nobody writes to it.
    pub fn as_it_lies(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let (sha256, bytes) = (Sha256::of(&file)?, file.metadata()?.len());
        Ok(Self { path: path.to_owned(), sha256, bytes, held: Held::new(file, path) })
    }

    /// Has it removed once nobody has it any more.
    pub fn remove_when_unused(self) {
        self.held.unwanted.store(true, Ordering::Release);
    }

    /// Removes a copy, unless somebody has it: this process or another.
    pub fn remove_unless_held(path: &Path) {
        if let Ok(file) = File::open(path) {
            remove_unless_held(&file, path);
        }
    }
}

/// Who wants to have it meanwhile waits for the lock, and finds that it is gone.
fn remove_unless_held(file: &File, path: &Path) {
    // Not every file system has locks: there nobody else has it.
    if !matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
        if is_at(file, path) {
            // It goes with the folder at the latest.
            let _ = fs::remove_file(path);
        }
        let _ = file.unlock();
    }
}

/// Whether this is the file here, and no link leads there.
fn is_at(file: &File, path: &Path) -> bool {
    let there = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file);
    let (Some(there), Ok(own)) = (there, file.metadata()) else { return false };
    (there.dev(), there.ino()) == (own.dev(), own.ino())
}

// === impl Held ===

impl Held {
    fn new(file: File, path: &Path) -> Arc<Self> {
        Arc::new(Self { file, path: path.to_owned(), unwanted: AtomicBool::new(false) })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if *self.unwanted.get_mut() {
            remove_unless_held(&self.file, &self.path);
        }
    }
}

/// The file here, if it is one, no link, with this in it: held, so that nobody removes it.
fn held(place: &Path, sha256: Sha256) -> Option<Arc<Held>> {
    // A pipe would keep waiting for who writes to it.
    fs::symlink_metadata(place).ok().filter(fs::Metadata::is_file)?;
    let file = File::open(place).ok()?;
    // It is locked otherwise for no longer than it takes to remove it.
    let _ = file.lock_shared();
    (is_at(&file, place) && Sha256::of(&file).ok()? == sha256).then(|| Held::new(file, place))
}

// === impl Sha256 ===

impl Sha256 {
    /// Of what is read to its end.
    pub fn of(mut source: impl Read) -> io::Result<Self> {
        let (mut hasher, mut buffer) = (Hasher::new(), vec![0; 64 << 10]);
        loop {
            match source.read(&mut buffer) {
                Ok(0) => return Ok(Self(hasher.finalize().into())),
                Ok(read) => hasher.update(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sha256 {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(NotAHash);
        }
        let digit = |at: usize| (digits[at] as char).to_digit(16).ok_or(NotAHash);
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = (digit(2 * at)? * 16 + digit(2 * at + 1)?) as u8;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests;
