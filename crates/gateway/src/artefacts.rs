//! Plugins that are files: private copies, and the hosts that run them.

use gatewright_config::{ArtefactKind, DEFAULT_MEMORY_MB, InstanceMode, PluginEntry, PluginSource};
use gatewright_host::{AllowedHosts, EgressPolicy, HostPattern, Sha256, Stage, Staged};
use gatewright_host_wasm::{InstancePolicy, Options, WasmHost};
use gatewright_plugin::hosted::Hosted;
use gatewright_plugin::{Failure, Permission};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// Loads artefacts. Costs nothing until there is one.
pub(crate) struct Artefacts {
    /// What relative paths are relative to.
    base: PathBuf,
    app_dir: Option<PathBuf>,
    folder: OnceLock<Folder>,
    wasm: OnceLock<WasmHost>,
    /// Copies that were made here.
    copies: Mutex<BTreeSet<PathBuf>>,
}

/// The folder of the copies.
struct Folder {
    path: PathBuf,
    /// Without an app dir the folder goes with the gateway.
    _temporary: Option<TempDir>,
}

/// What a plugin may do, and where its requests may go.
pub(crate) struct Grants {
    pub(crate) permissions: BTreeSet<Permission>,
    pub(crate) egress: EgressPolicy,
}

/// How a component begins, and how a core module does.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// The folder of the copies, in the app dir.
const FOLDER: &str = "plugins";

/// The folder of compiled code, in that of the copies.
const COMPILED: &str = "compiled";

/// The largest component: compiling a larger one takes minutes.
const MAX_COMPONENT_BYTES: u64 = 64 << 20;

/// The longest time of compiling a component and making its first instance.
const LOAD_TIMEOUT: Duration = Duration::from_secs(60);

/// A copy that nobody here made is another gateway's, or was left behind; after this time it is that.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

// === impl Artefacts ===

impl Artefacts {
    /// Copies go to this app dir; without one, to a temporary folder. `base` is what relative paths are relative to.
    pub(crate) fn new(app_dir: Option<PathBuf>, base: PathBuf) -> Self {
        Self { base, app_dir, folder: OnceLock::new(), wasm: OnceLock::new(), copies: Mutex::default() }
    }

    /// Copies an entry's artefact, and checks its hash.
    pub(crate) async fn stage(&self, entry: &PluginEntry) -> Result<Staged, Failure> {
        let path = file_of(entry, &self.base).ok_or_else(|| Failure::new("it has no file"))?;
        let expected = entry.sha256.as_deref().map(str::parse::<Sha256>).transpose().map_err(failure)?;
        let stage = Stage::new(self.folder()?);
        let staged = tokio::task::spawn_blocking(move || stage.put(&path, expected)).await;
        let staged = staged.map_err(failure)?.map_err(failure)?;
        self.copies.lock().unwrap_or_else(PoisonError::into_inner).insert(staged.path.clone());
        Ok(staged)
    }

    /// Loads the copy of an entry's artefact, in the host that its kind needs.
    pub(crate) async fn load(&self, entry: &PluginEntry, staged: &Staged) -> Result<Arc<dyn Hosted>, Failure> {
        match entry.artefact() {
            Some(ArtefactKind::Wasm) => self.load_wasm(entry, staged).await,
            Some(kind) => Err(Failure::new(runs(kind).err().unwrap_or_default())),
            None => Err(Failure::new("it is linked in, and nothing to load")),
        }
    }

    async fn load_wasm(&self, entry: &PluginEntry, staged: &Staged) -> Result<Arc<dyn Hosted>, Failure> {
        if staged.bytes > MAX_COMPONENT_BYTES {
            return Err(Failure::new(format!("a component has at most {} MiB", MAX_COMPONENT_BYTES >> 20)));
        }
        let path = staged.path.clone();
        let read = tokio::task::spawn_blocking(move || fs::read(path)).await;
        let component = read.map_err(failure)?.map_err(failure)?;
        let memory = entry.memory_mb.unwrap_or(DEFAULT_MEMORY_MB) as usize;
        let options = Options {
            granted: entry.permissions.set(),
            instances: entry.instance.map(policy),
            memory_bytes: memory << 20,
            ..Options::default()
        };
        let (host, config) = (self.wasm()?, entry.config.get());
        match tokio::time::timeout(LOAD_TIMEOUT, host.load(component, &config, options)).await {
            Ok(loaded) => loaded.map_err(failure),
            Err(_) => Err(Failure::new(format!("it did not load within {} s", LOAD_TIMEOUT.as_secs()))),
        }
    }

    /// The host of components, made at the first of them.
    fn wasm(&self) -> Result<WasmHost, Failure> {
        if let Some(host) = self.wasm.get() {
            return Ok(host.clone());
        }
        // What is compiled in a folder that goes with the gateway is never read again.
        let compiled = match &self.app_dir {
            Some(_) => Some(self.folder()?.join(COMPILED)),
            None => None,
        };
        let host = WasmHost::new(compiled.as_deref()).map_err(failure)?;
        Ok(self.wasm.get_or_init(|| host).clone())
    }

    fn folder(&self) -> Result<PathBuf, Failure> {
        if let Some(folder) = self.folder.get() {
            return Ok(folder.path.clone());
        }
        let folder = match &self.app_dir {
            Some(app_dir) => {
                Folder { path: std::path::absolute(app_dir.join(FOLDER)).map_err(failure)?, _temporary: None }
            }
            None => {
                let made = tempfile::Builder::new().prefix("gatewright-plugins-").tempdir().map_err(failure)?;
                Folder { path: made.path().to_owned(), _temporary: Some(made) }
            }
        };
        Ok(self.folder.get_or_init(|| folder).path.clone())
    }

    /// Removes the copies that are of no more use: those that were made here and are not among these, and those that
    /// were left behind by others. A component is in memory once it was loaded.
    pub(crate) fn sweep(&self, in_use: &BTreeSet<Sha256>) {
        let Some(folder) = self.folder.get() else { return };
        let kept: BTreeSet<PathBuf> = in_use.iter().map(|sha256| folder.path.join(format!("{sha256}.wasm"))).collect();
        let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
        let made_here = std::mem::replace(&mut *copies, kept.clone());
        drop(copies);
        let now = SystemTime::now();
        let left_behind = |path: &Path| {
            let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
            modified.is_ok_and(|modified| now.duration_since(modified).is_ok_and(|age| age > LEFT_BEHIND))
        };
        for entry in fs::read_dir(&folder.path).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_copy = path.extension().is_some_and(|ending| ending == "wasm");
            if is_copy && !kept.contains(&path) && (made_here.contains(&path) || left_behind(&path)) {
                let _ = fs::remove_file(&path);
            }
        }
    }
}

// === impl Grants ===

impl Grants {
    /// Everything: what is linked in is as trusted as the gateway itself.
    pub(crate) fn all() -> Self {
        Self { permissions: Permission::ALL.into(), egress: EgressPolicy::Trusted }
    }

    /// What an entry grants, of what its plugin asks for.
    pub(crate) fn of(entry: &PluginEntry, asked: &BTreeSet<Permission>) -> Self {
        let permissions = entry.permissions.set().intersection(asked).copied().collect();
        // What is no host was refused with the config.
        let hosts: AllowedHosts =
            entry.permissions.hosts().filter_map(|host| host.parse::<HostPattern>().ok()).collect();
        Self { permissions, egress: EgressPolicy::Allowed(hosts) }
    }
}

/// The file of an entry's artefact.
pub(crate) fn file_of(entry: &PluginEntry, base: &Path) -> Option<PathBuf> {
    match entry.source() {
        PluginSource::Artefact(path) if ArtefactKind::of(path).is_file() => Some(base.join(path)),
        PluginSource::Artefact(_) | PluginSource::Linked(_) => None,
    }
}

/// Whether this gateway runs artefacts of a kind; otherwise a sentence that says so.
pub(crate) fn runs(kind: ArtefactKind) -> Result<(), String> {
    match kind {
        ArtefactKind::Wasm => Ok(()),
        kind => Err(format!(
            "this looks like {}, and this gateway does not run those yet: give it a WASM component, whose path ends in `.wasm`",
            kind.as_str()
        )),
    }
}

/// What a look at the file of an entry's artefact shows, without loading it.
pub(crate) fn inspect(entry: &PluginEntry, base: &Path) -> Result<(), String> {
    let Some(path) = file_of(entry, base) else { return Ok(()) };
    let shown = path.display();
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => format!("there is no file `{shown}`"),
        _ => format!("cannot read `{shown}`: {error}"),
    };
    // A pipe would keep waiting for who writes to it.
    if !fs::metadata(&path).map_err(unreadable)?.is_file() {
        return Err(format!("`{shown}` is not a file"));
    }
    let (mut file, mut head) = (File::open(&path).map_err(unreadable)?, Vec::new());
    file.by_ref().take(COMPONENT.len() as u64).read_to_end(&mut head).map_err(unreadable)?;
    match head.as_slice() {
        COMPONENT => {}
        CORE_MODULE => {
            return Err(format!(
                "`{shown}` is a core WASM module and no component: build it with `gatewright plugin build`"
            ));
        }
        _ => return Err(format!("`{shown}` is no WASM component")),
    }
    let Some(expected) = entry.sha256.as_deref().and_then(|sha256| sha256.parse::<Sha256>().ok()) else {
        return Ok(());
    };
    let found = Sha256::of(head.as_slice().chain(file)).map_err(unreadable)?;
    match found == expected {
        true => Ok(()),
        false => Err(format!("`{shown}` has the SHA-256 {found}, and the entry says {expected}")),
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

fn failure(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

#[cfg(test)]
mod tests;
