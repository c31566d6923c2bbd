//! Plugins from a path: private copies of files, and the hosts that run them.

mod hosts;
pub(crate) mod look;
pub(crate) mod rehearsal;
mod trial;

pub use hosts::CALL_TIMEOUT_MS;
pub(crate) use hosts::Runner;
pub(crate) use trial::Trial;

use gatewright_config::{ArtefactKind, PluginEntry, PluginSource};
use gatewright_host::{AllowedHosts, EgressPolicy, HostPattern, Sha256, Stage, Staged};
use gatewright_host_native::Instances;
use gatewright_host_process::{Address, Processes};
use gatewright_plugin::hosted::Hosted;
use gatewright_plugin::{Failure, Permission};
use hosts::Hosts;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
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
    hosts: Hosts,
    /// Copies that were made here: had, so that no other gateway of this app dir removes them.
    copies: Mutex<BTreeMap<PathBuf, Staged>>,
}

/// The folder of the copies.
struct Folder {
    path: PathBuf,
    /// Without an app dir the folder goes with the gateway.
    _temporary: Option<TempDir>,
}

/// What an entry's artefact is.
pub(crate) enum Found {
    /// A file, and the copy of it that was checked.
    File { copy: Staged, file: PathBuf },
    /// A process that runs elsewhere.
    Address(Address),
}

/// What a plugin may do, and where its requests may go.
pub(crate) struct Grants {
    pub(crate) permissions: BTreeSet<Permission>,
    /// What its manifest asks for.
    pub(crate) asked: BTreeSet<Permission>,
    pub(crate) egress: EgressPolicy,
}

/// The folder of the copies, in the app dir.
const FOLDER: &str = "plugins";

/// The folder of compiled code, in that of the copies.
const COMPILED: &str = "compiled";

/// A copy that nobody here made is another gateway's, or was left behind; after this time it is that.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

// === impl Artefacts ===

impl Artefacts {
    /// Copies go to this app dir; without one, to a temporary folder. `base` is what relative paths are relative to.
    pub(crate) fn new(app_dir: Option<PathBuf>, base: PathBuf, runner: Option<Runner>) -> Self {
        Self { base, app_dir, folder: OnceLock::new(), hosts: Hosts::new(runner), copies: Mutex::default() }
    }

    /// Finds an entry's artefact: a file is copied, and the hash of the copy checked.
    pub(crate) async fn find(&self, entry: &PluginEntry) -> Result<Found, Failure> {
        let Some(file) = file_of(entry, &self.base) else {
            let (PluginSource::Artefact(written) | PluginSource::Linked(written)) = entry.source();
            return Ok(Found::Address(written.parse().map_err(failure)?));
        };
        let expected = entry.sha256.as_deref().map(str::parse::<Sha256>).transpose().map_err(failure)?;
        let (stage, path) = (Stage::new(self.folder()?), file.clone());
        let staged = tokio::task::spawn_blocking(move || stage.put(&path, expected)).await;
        let copy = staged.map_err(failure)?.map_err(failure)?;
        self.copies.lock().unwrap_or_else(PoisonError::into_inner).insert(copy.path.clone(), copy.clone());
        Ok(Found::File { copy, file })
    }

    /// Loads what an entry's artefact is, in the host that its kind needs.
    pub(crate) async fn load(&self, entry: &PluginEntry, found: &Found) -> Result<Arc<dyn Hosted>, Failure> {
        let (staged, file) = match found {
            Found::File { copy, file } => (copy, file.clone()),
            Found::Address(address) => return self.hosts.remote(entry, address).await,
        };
        match entry.artefact() {
            Some(ArtefactKind::Wasm) => {
                // What is compiled in a folder that goes with the gateway is never read again.
                let compiled = match &self.app_dir {
                    Some(_) => Some(self.folder()?.join(COMPILED)),
                    None => None,
                };
                let component = hosts::component(staged, &file).await?;
                Ok(self.hosts.wasm(entry, component, compiled.as_deref()).await.map_err(failure)?)
            }
            Some(ArtefactKind::Native) => self.hosts.native(entry, staged, file).await,
            Some(ArtefactKind::Program | ArtefactKind::Remote) | None => {
                let (copy, written) = (staged.path.clone(), file.clone());
                let looked = tokio::task::spawn_blocking(move || {
                    look::look(ArtefactKind::Program, &written, &fs::read(&copy).map_err(|error| error.to_string())?)
                });
                looked.await.map_err(failure)?.map_err(failure)?;
                self.hosts.program(entry, staged, file).await
            }
        }
    }

    /// Whether an entry's file is not there.
    pub(crate) fn is_gone(&self, entry: &PluginEntry) -> bool {
        file_of(entry, &self.base).is_some_and(|file| !file.exists())
    }

    /// What is wrong with files, as far as that shows without loading them, by the names of their instances.
    pub(crate) async fn inspect(&self, entries: &[PluginEntry]) -> BTreeMap<String, String> {
        let (entries, base) = (entries.to_vec(), self.base.clone());
        let look = move || {
            let enabled = entries.iter().filter(|entry| entry.enabled);
            enabled.filter_map(|entry| Some((entry.name.clone(), look::inspect(entry, &base).err()?))).collect()
        };
        tokio::task::spawn_blocking(look).await.unwrap_or_default()
    }

    /// The instances of native libraries: to be waited for at the end.
    pub(crate) fn libraries(&self) -> Instances {
        self.hosts.libraries().clone()
    }

    /// What runs the processes of plugins, if there are any: to be closed at the end.
    pub(crate) fn processes(&self) -> Option<Processes> {
        self.hosts.processes()
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
    /// were left behind by others, whole or not.
    pub(crate) fn sweep(&self, in_use: &BTreeSet<Sha256>) {
        let Some(folder) = self.folder.get() else { return };
        let now = SystemTime::now();
        let left_behind = |path: &Path| {
            let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
            modified.is_ok_and(|modified| now.duration_since(modified).is_ok_and(|age| age > LEFT_BEHIND))
        };
        let gone: Vec<Staged> = {
            let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
            copies.extract_if(.., |_, copy| !in_use.contains(&copy.sha256)).map(|(_, copy)| copy).collect()
        };
        // What still runs from one may have to be started again.
        gone.into_iter().for_each(Staged::remove_when_unused);
        for entry in fs::read_dir(&folder.path).into_iter().flatten().flatten() {
            let path = entry.path();
            let content = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse::<Sha256>().ok());
            let is_unused = content.map_or(Stage::is_unfinished(&path), |content| !in_use.contains(&content));
            if is_unused && left_behind(&path) {
                Staged::remove_unless_held(&path);
            }
        }
    }
}

// === impl Found ===

impl Found {
    /// What is in it, if that can be known.
    pub(crate) fn sha256(&self) -> Option<Sha256> {
        match self {
            Self::File { copy, .. } => Some(copy.sha256),
            Self::Address(_) => None,
        }
    }
}

// === impl Grants ===

impl Grants {
    /// Everything: what is linked in is as trusted as the gateway itself.
    pub(crate) fn all() -> Self {
        Self { permissions: Permission::ALL.into(), asked: Permission::ALL.into(), egress: EgressPolicy::Trusted }
    }

    /// What an entry grants, of what its plugin asks for.
    pub(crate) fn of(entry: &PluginEntry, asked: &BTreeSet<Permission>) -> Self {
        let permissions = entry.permissions.set().intersection(asked).copied().collect();
        // What is no host was refused with the config.
        let hosts: AllowedHosts =
            entry.permissions.hosts().filter_map(|host| host.parse::<HostPattern>().ok()).collect();
        Self { permissions, asked: asked.clone(), egress: EgressPolicy::Allowed(hosts) }
    }
}

/// The file of an entry's artefact.
pub(crate) fn file_of(entry: &PluginEntry, base: &Path) -> Option<PathBuf> {
    match entry.source() {
        PluginSource::Artefact(path) if ArtefactKind::of(path).is_file() => Some(base.join(path)),
        PluginSource::Artefact(_) | PluginSource::Linked(_) => None,
    }
}

fn failure(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

#[cfg(test)]
mod tests;
