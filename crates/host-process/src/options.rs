//! How a process is run.

use gatewright_abi::View;
use gatewright_host::Staged;
use gatewright_plugin::services::Log;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How a plugin's process is run.
#[derive(Clone)]
pub struct Options {
    /// The instance's name in the config.
    pub name: String,
    /// The instance's config.
    pub config: Json,
    /// The arguments of an executable.
    pub arguments: Vec<OsString>,
    /// All of the environment of an executable, but for what the gateway tells it of itself (`GATEWRIGHT_*`).
    pub environment: BTreeMap<OsString, OsString>,
    /// The most memory of an executable, in bytes, where the system is Linux; `None` for as much as there is.
    pub memory_bytes: Option<u64>,
    /// Whether a session is used if the process serves one, as it is by default; else every call is a request.
    pub sessions: bool,
    /// The longest time of a call; unset: its manifest's, else the hook's own. After it a call that was given up counts as
    /// unheeded.
    pub timeout: Option<Duration>,
    /// What it may see of calls; `None` for what its manifest asks for.
    pub view: Option<View>,
    /// The copy that is run, or that what is run needs: had for as long as it may have to be started again.
    pub copy: Option<Staged>,
    /// What the copy is of, if that is run while the same is in it, since it may need what lies beside it.
    pub original: Option<PathBuf>,
    /// Where the lines go that it writes to stderr, and, as `debug`, to stdout.
    pub log: Arc<dyn Log>,
    /// How long things may take.
    pub patience: Patience,
}

/// How long things may take.
#[derive(Clone, Debug, PartialEq)]
pub struct Patience {
    /// From the start of the process to its readiness for calls. Default 10 s.
    pub start: Duration,
    /// From being asked to end (SIGTERM) to being killed (SIGKILL). Default 5 s.
    pub end: Duration,
    /// From when the cancel of a call leaves to the call's end; beyond it, and beyond the time that the call may take, it is
    /// unheeded. Default 1 s.
    pub heed: Duration,
    /// The process is killed when so many calls are unheeded. Default 3.
    pub unheeded: usize,
    /// The process is killed when a cancel waits to leave and nothing else has left for so long, since the process does
    /// not read. Default 10 s.
    pub unread: Duration,
    /// It is asked so often whether it is well; after two questions without an answer it is killed. Default 5 s.
    pub health: Duration,
    /// The shortest time until a process that ended is started again; it doubles each time. Default 100 ms.
    pub restart_least: Duration,
    /// The longest such time. Default 30 s.
    pub restart_most: Duration,
    /// A process that was up for so long starts with the shortest time again. Default 60 s.
    pub steady: Duration,
}

// === impl Options ===

impl Options {
    /// The defaults.
    pub fn new(name: impl Into<String>, config: Json, log: Arc<dyn Log>) -> Self {
        Self {
            name: name.into(),
            config,
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            memory_bytes: None,
            sessions: true,
            timeout: None,
            view: None,
            copy: None,
            original: None,
            log,
            patience: Patience::default(),
        }
    }
}

// === impl Patience ===

impl Default for Patience {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(10),
            end: Duration::from_secs(5),
            heed: Duration::from_secs(1),
            unheeded: 3,
            unread: Duration::from_secs(10),
            health: Duration::from_secs(5),
            restart_least: Duration::from_millis(100),
            restart_most: Duration::from_secs(30),
            steady: Duration::from_secs(60),
        }
    }
}
