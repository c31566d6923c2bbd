//! The hosts of artefacts, each made at the first artefact that needs it.

use super::failure;
use super::look::look;
use super::rehearsal::rehearse;
use gatewright_config::{
    ArtefactKind, DEFAULT_MEMORY_MB, DEFAULT_PROCESS_MEMORY_MB, InstanceMode, Isolation, PluginEntry, Unusable,
};
use gatewright_host::Staged;
use gatewright_host_native as native;
use gatewright_host_process::{Address, Options, Processes};
use gatewright_host_wasm::{self as wasm, InstancePolicy, LoadError, WasmHost};
use gatewright_plugin::Failure;
use gatewright_plugin::hosted::Hosted;
use gatewright_telemetry::PluginLog;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// The hosts.
#[derive(Default)]
pub(super) struct Hosts {
    wasm: OnceLock<WasmHost>,
    processes: OnceLock<Processes>,
    libraries: native::Instances,
    runner: Option<Runner>,
}

/// The program that runs a native library in a process of its own.
#[derive(Clone, Debug)]
pub(crate) struct Runner {
    /// The program.
    pub(crate) program: PathBuf,
    /// Its arguments, before the library.
    pub(crate) arguments: Vec<OsString>,
}

/// The variable that tells the runner how long calls may take.
pub const CALL_TIMEOUT_MS: &str = "GATEWRIGHT_CALL_TIMEOUT_MS";

/// The largest component: compiling a larger one takes minutes.
const MAX_COMPONENT_BYTES: u64 = 64 << 20;

/// How a script begins.
const SCRIPT: &[u8] = b"#!";

// === impl Hosts ===

impl Hosts {
    pub(super) fn new(runner: Option<Runner>) -> Self {
        Self { runner, ..Self::default() }
    }

    /// Loads a component. `compiled` is where compiled code is kept.
    pub(super) async fn wasm(
        &self,
        entry: &PluginEntry,
        component: Vec<u8>,
        compiled: Option<&Path>,
    ) -> Result<Arc<dyn Hosted>, Unusable> {
        let memory = entry.memory_mb.unwrap_or(DEFAULT_MEMORY_MB) as usize;
        let options = wasm::Options {
            granted: entry.permissions.set(),
            instances: entry.instance.map(policy),
            memory_bytes: memory << 20,
            timeout: entry.timeout(),
            ..wasm::Options::default()
        };
        let host = match self.wasm.get() {
            Some(host) => host.clone(),
            None => {
                let host = WasmHost::new(compiled).map_err(unusable)?;
                self.wasm.get_or_init(|| host).clone()
            }
        };
        let config = entry.config.get();
        host.load(component, &config, options).await.map_err(unusable)
    }

    /// Loads a native library: `file` is what the copy is of.
    pub(super) async fn native(
        &self,
        entry: &PluginEntry,
        staged: &Staged,
        file: PathBuf,
    ) -> Result<Arc<dyn Hosted>, Failure> {
        if entry.isolation == Some(Isolation::Process) {
            return self.isolated(entry, staged).await;
        }
        if let Some(runner) = &self.runner
            && !native::is_open(&staged.sha256)
        {
            rehearse(runner, &staged.path).await.map_err(|why| unloadable(&file, &why))?;
        }
        let options = native::Options {
            inline: entry.inline == Some(true),
            timeout: entry.timeout(),
            instances: self.libraries.clone(),
            ..native::Options::default()
        };
        let (name, config, staged) = (entry.name.clone(), entry.config.get(), staged.clone());
        let load = move || native::load_staged(&name, &file, &staged, &config, &options);
        // It waits for code of the plugin's.
        let loaded = tokio::task::spawn_blocking(load).await.map_err(failure)?;
        Ok(loaded.map_err(failure)?)
    }

    /// Runs a native library in a process of its own.
    async fn isolated(&self, entry: &PluginEntry, staged: &Staged) -> Result<Arc<dyn Hosted>, Failure> {
        let Some(Runner { program, arguments }) = self.runner.clone() else {
            let why = "`isolation` needs the program that runs libraries, and this gateway was not told of one";
            return Err(Failure::new(why));
        };
        let mut options = self.options(entry);
        options.arguments = arguments.into_iter().chain([staged.path.clone().into()]).collect();
        options.copy = Some(staged.clone());
        // Else the runner takes calls for hung that may take longer.
        let timeout = entry.timeout().map(|timeout| timeout.as_millis().to_string());
        options.environment.extend(timeout.map(|timeout| (CALL_TIMEOUT_MS.into(), timeout.into())));
        self.start(&Address::File(program), options).await
    }

    /// Starts a program: `file` is what the copy is of.
    pub(super) async fn program(
        &self,
        entry: &PluginEntry,
        staged: &Staged,
        file: PathBuf,
    ) -> Result<Arc<dyn Hosted>, Failure> {
        let mut options = self.options(entry);
        options.arguments = entry.arguments.iter().map(OsString::from).collect();
        // A script may need what lies beside it; one whose content the config says is run from its copy all the same.
        options.copy = Some(staged.clone());
        options.original = Some(file).filter(|_| entry.sha256.is_none() && is_script(&staged.path));
        self.start(&Address::File(staged.path.clone()), options).await
    }

    /// Reaches a process that runs elsewhere.
    pub(super) async fn remote(&self, entry: &PluginEntry, address: &Address) -> Result<Arc<dyn Hosted>, Failure> {
        self.start(address, self.options(entry)).await
    }

    fn options(&self, entry: &PluginEntry) -> Options {
        let log = Arc::new(PluginLog::new(&entry.name));
        let mut options = Options::new(entry.name.clone(), entry.config.get(), log);
        let variables = entry.environment.iter().map(|(name, value)| (name.into(), value.expose().into()));
        let memory = entry.memory_mb.unwrap_or(DEFAULT_PROCESS_MEMORY_MB);
        options.memory_bytes = Some(u64::from(memory) << 20);
        options.environment = variables.collect::<BTreeMap<OsString, OsString>>();
        options.timeout = entry.timeout();
        options
    }

    async fn start(&self, address: &Address, options: Options) -> Result<Arc<dyn Hosted>, Failure> {
        let processes = match self.processes.get() {
            Some(processes) => processes,
            None => {
                let processes = Processes::start().map_err(failure)?;
                self.processes.get_or_init(|| processes)
            }
        };
        Ok(processes.load(address, options).await.map_err(failure)?)
    }

    /// The instances of libraries.
    pub(super) fn libraries(&self) -> &native::Instances {
        &self.libraries
    }

    /// The thread of processes, if there is one.
    pub(super) fn processes(&self) -> Option<Processes> {
        self.processes.get().cloned()
    }
}

/// What is in the copy of a component: `file` is what the copy is of.
pub(super) async fn component(staged: &Staged, file: &Path) -> Result<Vec<u8>, Failure> {
    fits(staged.bytes).map_err(Failure::new)?;
    let path = staged.path.clone();
    let read = tokio::task::spawn_blocking(move || fs::read(path)).await;
    let component = read.map_err(failure)?.map_err(failure)?;
    look(ArtefactKind::Wasm, file, &component).map_err(Failure::new)?;
    Ok(component)
}

/// Whether a component of so many bytes is compiled.
pub(super) fn fits(bytes: u64) -> Result<(), String> {
    match bytes > MAX_COMPONENT_BYTES {
        true => Err(format!("a component has at most {} MiB", MAX_COMPONENT_BYTES >> 20)),
        false => Ok(()),
    }
}

fn unloadable(file: &Path, why: &str) -> Failure {
    Failure::new(format!("`{}` cannot be loaded: {why}", file.display()))
}

fn unusable(error: LoadError) -> Unusable {
    match error {
        LoadError::Config(wrong) => Unusable::Config(wrong),
        error => Unusable::Path(error.to_string()),
    }
}

fn policy(mode: InstanceMode) -> InstancePolicy {
    match mode {
        InstanceMode::Pooled => InstancePolicy::Pooled,
        InstanceMode::Single => InstancePolicy::Single,
        InstanceMode::PerRequest => InstancePolicy::PerRequest,
        InstanceMode::PerCall => InstancePolicy::PerCall,
    }
}

fn is_script(file: &Path) -> bool {
    let mut head = Vec::new();
    let read = File::open(file).and_then(|file| file.take(SCRIPT.len() as u64).read_to_end(&mut head));
    read.is_ok() && head == SCRIPT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_memory_is_what_the_docs_say() {
        assert_eq!(u64::from(DEFAULT_MEMORY_MB) << 20, wasm::Options::default().memory_bytes as u64);
    }

    #[test]
    fn a_process_has_the_memory_of_its_entry() {
        let mut entry = PluginEntry::new("it");
        assert_eq!(Hosts::default().options(&entry).memory_bytes, Some(4 << 30));
        entry.memory_mb = Some(512);
        assert_eq!(Hosts::default().options(&entry).memory_bytes, Some(512 << 20));
    }

    #[test]
    fn a_process_has_the_time_of_its_entry() {
        let mut entry = PluginEntry::new("it");
        assert_eq!(Hosts::default().options(&entry).timeout, None);
        entry.timeout_seconds = Some(serde_json::from_str("20").unwrap());
        assert_eq!(Hosts::default().options(&entry).timeout, entry.timeout());
        assert!(entry.timeout().is_some());
    }
}
