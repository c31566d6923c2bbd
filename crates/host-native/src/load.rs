//! Loading: staged, looked at, opened, and an instance made.

use crate::alive::Instances;
use crate::calls::{LaneCall, Task};
use crate::code::{Code, Exports};
use crate::lane::{Lane, Width};
use crate::library::{self, NotOpened};
use crate::native::{Native, Parts, of_life};
use gatewright_abi::Introduction;
use gatewright_abi::native::{MAJOR, MINOR};
use gatewright_host::{Sha256, Stage, StageError, Staged};
use gatewright_plugin::{Failure, Hook, Manifest};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A plugin to load.
#[derive(Clone, Debug)]
pub struct Artefact<'a> {
    /// The instance's name in the config.
    pub name: &'a str,
    /// The library.
    pub path: &'a Path,
    /// What it must be.
    pub sha256: Option<Sha256>,
    /// The instance's `config`.
    pub config: &'a Json,
    /// Where copies go.
    pub stage: &'a Stage,
}

/// How a native plugin is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether hooks that answer at once are called on the gateway's own threads. For plugins that are trusted not to
    /// hang: see `docs/abi-native.md`.
    pub inline: bool,
    /// How many calls may be in place at once; the others go to the lane. At least 1.
    pub inline_at_once: usize,
    /// The most threads of its lane.
    pub threads: usize,
    /// The most calls that wait for one of them.
    pub queue: usize,
    /// How many calls that took too long and have not come back put it into quarantine.
    pub strikes: usize,
    /// The longest time of a call, if the config sets one: a call that is given up earlier is no strike.
    pub timeout: Option<Duration>,
    /// The longest time of loading, and of making an instance.
    pub start_timeout: Duration,
    /// What the instance is one of, for who waits for their end.
    pub instances: Instances,
}

/// A native plugin could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no copy of it.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// It is no plugin that can be loaded.
    #[error("`{}` cannot be loaded: {why}", .path.display())]
    Library {
        /// The library.
        path: PathBuf,
        /// In a sentence.
        why: String,
    },
    /// What it says of itself cannot be understood.
    #[error("`{}` cannot be loaded: its manifest is not as it must be: {error}", .path.display())]
    Manifest {
        /// The library.
        path: PathBuf,
        /// Where it is wrong.
        error: serde_json::Error,
    },
    /// It did not make an instance.
    #[error("it did not start: {0}")]
    Create(String),
    /// It took too long.
    #[error("it did not start within {0:?}")]
    Slow(Duration),
}

// === impl LoadError ===

impl LoadError {
    /// The same without the file's name, for who knows it under another.
    pub fn why(&self) -> String {
        let (Self::Library { path, .. } | Self::Manifest { path, .. }) = self else { return self.to_string() };
        let said = self.to_string();
        let name = format!("`{}` cannot be loaded: ", path.display());
        said.strip_prefix(&name).map_or_else(|| said.clone(), str::to_owned)
    }
}

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Self {
            inline: false,
            inline_at_once: 1,
            threads: 64,
            queue: 256,
            strikes: 2,
            timeout: None,
            start_timeout: Duration::from_secs(30),
            instances: Instances::default(),
        }
    }
}

/// Loads a plugin and makes an instance of it. Waits for the disk and the plugin: at most about as long as the options
/// say, twice.
pub fn load(artefact: &Artefact<'_>, options: &Options) -> Result<Arc<Native>, LoadError> {
    let staged = artefact.stage.put(artefact.path, artefact.sha256)?;
    load_staged(artefact.name, artefact.path, &staged, artefact.config, options)
}

/// The same of a copy that is there already; `path` is what it is a copy of.
pub fn load_staged(
    name: &str,
    path: &Path,
    staged: &Staged,
    config: &Json,
    options: &Options,
) -> Result<Arc<Native>, LoadError> {
    let (exports, manifest, user) = open(path, staged, options.start_timeout)?;
    if exports.minor() > MINOR {
        let minor = exports.minor();
        tracing::info!(plugin = name, minor, "a native plugin was built for a newer minor version of the ABI");
    }
    let (hooks, immediate) = (exports.hooks(), exports.immediate());
    let name: Arc<str> = name.into();
    let width = Width { threads: options.threads.max(1), queue: options.queue.max(1), strikes: options.strikes.max(1) };
    let code = Code::new(exports, config.to_string().into_bytes(), &options.instances);
    let lane = Arc::new(Lane::new(name.clone(), width, code));
    let native = Arc::new(Native::new(Parts { name, manifest, hooks, immediate, lane, user }, options));
    create(&native, config, options)?;
    Ok(native)
}

/// What the plugin in a copy says of itself; `path` is what it is a copy of. It is opened for it, which runs code of it, and
/// makes no instance. Waits for the disk, and for its constructors as long as is said.
pub fn introduce_staged(path: &Path, staged: &Staged, patience: Duration) -> Result<Introduction, LoadError> {
    let (exports, manifest, _) = open(path, staged, patience)?;
    let contract = (MAJOR, exports.minor());
    Ok(Introduction { contract, ..Introduction::new(manifest, exports.hooks(), exports.immediate()) })
}

fn open(path: &Path, staged: &Staged, patience: Duration) -> Result<(Exports, Manifest, Arc<()>), LoadError> {
    let refused = |error: NotOpened| LoadError::Library { path: path.to_owned(), why: error.to_string() };
    let (exports, user) = library::open(staged, patience).map_err(refused)?;
    let manifest = serde_json::from_slice(exports.manifest())
        .map_err(|error| LoadError::Manifest { path: path.to_owned(), error })?;
    Ok((exports, manifest, user))
}

fn create(native: &Native, config: &Json, options: &Options) -> Result<(), LoadError> {
    let limit = options.start_timeout;
    let (source, name) = (of_life(native.name(), config), native.name().clone());
    let call = Arc::new(LaneCall::new(Task::Create, Hook::OnStartup, limit, false, source, name));
    let failed = |failure: &str| LoadError::Create(failure.to_owned());
    native.lane().push(call.clone()).map_err(|_| failed("its lane takes no calls"))?;
    let Some(status) = call.wait(Instant::now() + limit) else {
        native.lane().give_up(&call);
        return Err(LoadError::Slow(limit));
    };
    // Words of a failure count, whatever it returned.
    match call.desk().settle(status) {
        Ok(_) => Ok(()),
        Err(Failure::Returned(why)) => Err(LoadError::Create(why)),
        Err(failure) => Err(failed(&failure.to_string())),
    }
}
