//! Loading an artefact, in the host that its kind needs, for a command and not for a gateway.

use super::artefact::Artefact;
use super::program::Program;
use super::{Fault, folder};
use gatewright::artefact::{Rehearsed, rehearsed};
use gatewright::config::{ArtefactKind, printable};
use gatewright_abi::Introduction;
use gatewright_host::Stage;
use gatewright_host_native::Options as NativeOptions;
use gatewright_host_process::{Address, LoadError as ProcessError, Options as ProcessOptions, Processes};
use gatewright_host_wasm::{LoadError as WasmError, Options as WasmOptions, WasmHost};
use gatewright_plugin::hosted::Hosted;
use gatewright_plugin::services::{BoxFuture, Log, LogRecord};
use gatewright_plugin_checks::{Asked, NotLoaded, Subject};
use serde_json::Value as Json;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;

/// Loads one artefact, as often as it is wanted.
pub(super) struct Loader {
    artefact: Artefact,
    program: Program,
    wasm: Option<WasmHost>,
    processes: Option<Processes>,
    /// For copies and compiled code.
    folder: TempDir,
}

/// What a process writes goes to stderr.
struct Stderr;

/// The longest time of opening a library.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a failure begins with that is a panic.
const PANICKED: &str = "panicked: ";

// === impl Loader ===

impl Loader {
    pub(super) fn new(artefact: Artefact, program: Program) -> Result<Self, Fault> {
        let folder = folder("gatewright-plugin-")?;
        let wasm = match artefact.kind {
            ArtefactKind::Wasm => Some(WasmHost::new(Some(folder.path())).map_err(|error| error.to_string())?),
            _ => None,
        };
        let processes = match artefact.kind {
            ArtefactKind::Program | ArtefactKind::Remote => {
                Some(Processes::start().map_err(|error| error.to_string())?)
            }
            _ => None,
        };
        Ok(Self { artefact, program, wasm, processes, folder })
    }

    /// Ends its processes, and waits until they are gone.
    pub(super) async fn close(&self) {
        if let Some(processes) = &self.processes {
            processes.close().await;
        }
    }

    pub(super) fn artefact(&self) -> &Artefact {
        &self.artefact
    }

    /// What it says of itself.
    pub(super) async fn introduce(&self) -> Result<Introduction, Fault> {
        let said = match (&self.wasm, &self.processes) {
            (Some(wasm), _) => {
                let bytes = self.artefact.bytes.clone().unwrap_or_default();
                wasm.introduce(bytes).await.map_err(|error| error.to_string())
            }
            (_, Some(processes)) => {
                let mut options = ProcessOptions::new("inspect", Json::Null, Arc::new(Stderr));
                self.program.put(&mut options);
                processes.introduce(&self.address()?, options).await.map_err(|error| error.to_string())
            }
            (None, None) => return self.introduce_elsewhere().await,
        };
        said.map_err(|error| match error.starts_with('`') {
            // It names the file itself.
            true => error,
            false => format!("`{}`: {error}", self.artefact.name),
        })
    }

    /// Opens a library in a process of its own: loading runs its code, which may end the process or spoil it.
    async fn introduce_elsewhere(&self) -> Result<Introduction, Fault> {
        let file = self.artefact.path();
        let copy = Stage::new(self.folder.path()).put(&file, None).map_err(|error| error.to_string())?;
        let not_started = |error: std::io::Error| format!("cannot start a process: {error}");
        let mut command = Command::new(std::env::current_exe().map_err(not_started)?);
        command.args(["plugin", "host"]).arg(&copy.path);
        match rehearsed(command, PATIENCE).await {
            Rehearsed::Opened(said) => serde_json::from_str(&said).map_err(|error| error.to_string()),
            Rehearsed::Refused(why) => Err(format!("`{}` cannot be loaded: {why}", file.display())),
            Rehearsed::NotStarted(error) => Err(not_started(error)),
        }
    }

    fn address(&self) -> Result<Address, Fault> {
        self.artefact.name.parse().map_err(|error: gatewright_host_process::BadAddress| error.to_string())
    }

    async fn load_wasm(&self, wasm: &WasmHost, asked: Asked) -> Result<Arc<dyn Hosted>, NotLoaded> {
        let options = WasmOptions { granted: asked.granted, ..WasmOptions::default() };
        let bytes = self.artefact.bytes.clone().unwrap_or_default();
        wasm.load(bytes, &asked.config, options).await.map_err(|error| match error {
            WasmError::Config(_) | WasmError::NotGranted(_) => refused(error.to_string()),
            error => NotLoaded::Broke(error.to_string()),
        })
    }

    async fn load_process(&self, processes: &Processes, asked: Asked) -> Result<Arc<dyn Hosted>, NotLoaded> {
        let address = self.address().map_err(NotLoaded::Broke)?;
        let mut options = ProcessOptions::new(asked.name, asked.config, Arc::new(Stderr));
        self.program.put(&mut options);
        match processes.load(&address, options).await {
            Ok(process) => Ok(process),
            Err(error @ ProcessError::Config(_)) => Err(refused(error.to_string())),
            Err(error) => Err(NotLoaded::Broke(error.to_string())),
        }
    }

    async fn load_native(&self, asked: Asked) -> Result<Arc<dyn Hosted>, NotLoaded> {
        let (path, stage) = (self.artefact.path(), Stage::new(self.folder.path()));
        let load = move || {
            let Asked { name, config, .. } = &asked;
            let artefact = gatewright_host_native::Artefact { name, path: &path, sha256: None, config, stage: &stage };
            gatewright_host_native::load(&artefact, &NativeOptions::default())
        };
        let loaded = tokio::task::spawn_blocking(load).await.map_err(|error| NotLoaded::Broke(error.to_string()))?;
        match loaded {
            Ok(native) => Ok(native),
            Err(gatewright_host_native::LoadError::Create(message)) => Err(refused(message)),
            Err(error) => Err(NotLoaded::Broke(error.to_string())),
        }
    }
}

impl Subject for Loader {
    fn host(&self) -> &str {
        self.artefact.host()
    }

    fn load<'a>(&'a self, asked: Asked) -> BoxFuture<'a, Result<Arc<dyn Hosted>, NotLoaded>> {
        Box::pin(async move {
            match (&self.wasm, &self.processes) {
                (Some(wasm), _) => self.load_wasm(wasm, asked).await,
                (_, Some(processes)) => self.load_process(processes, asked).await,
                (None, None) => self.load_native(asked).await,
            }
        })
    }
}

impl Log for Stderr {
    fn log(&self, record: &LogRecord<'_>) {
        // Nobody else could be told.
        let _ = writeln!(std::io::stderr(), "plugin: {}", printable(record.message));
    }
}

/// What an instance's making was refused with: words, or a panic.
fn refused(message: String) -> NotLoaded {
    match message.contains(PANICKED) {
        true => NotLoaded::Broke(message),
        false => NotLoaded::Refused(message),
    }
}
