//! How a gateway is made.

use crate::artefacts::{self, Artefacts, Runner, Trial};
use crate::error::Error;
use crate::gateway::{Gateway, Started, check, warn};
use crate::linked::{Catalogue, WithArtefacts};
use crate::providers::Providers;
use crate::serve;
use gatewright_builtins::Privileges;
use gatewright_config::{Config, Environment, Found, PluginEntry, Report, Warning};
use gatewright_plugin::{FromConfig, Plugin};
use gatewright_store::Store;
use gatewright_telemetry::{LogHandle, Metrics};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Makes a gateway: plugins, then where the config comes from, then [`GatewayBuilder::serve`].
pub struct GatewayBuilder {
    catalogue: Catalogue,
    metrics: Arc<Metrics>,
    source: Source,
    adjust: Vec<Adjust>,
    log: Option<LogHandle>,
    app_dir: Option<PathBuf>,
    runner: Option<Runner>,
    needs_all: bool,
}

/// A change to every config that is read.
type Adjust = Box<dyn Fn(&mut Config) + Send + Sync>;

/// Where the config comes from.
#[derive(Clone)]
enum Source {
    /// From the environment alone.
    Environment,
    /// From a file, which is watched.
    File(PathBuf),
    /// From the program.
    Given(Box<Config>),
}

/// A config that was read.
pub struct Read {
    /// The config, as it is to be in force.
    pub config: Config,
    /// What somebody should look at.
    pub warnings: Vec<Warning>,
    /// The providers that are not in the file.
    pub found: Vec<Found>,
}

// === impl GatewayBuilder ===

impl GatewayBuilder {
    pub(crate) fn new() -> Self {
        let metrics = Arc::new(Metrics::new());
        let catalogue = Catalogue::of_builtins(&Privileges { metrics: metrics.clone() });
        let (source, adjust) = (Source::Environment, Vec::new());
        Self { catalogue, metrics, source, adjust, log: None, app_dir: None, runner: None, needs_all: false }
    }

    /// Links a plugin in. It is there unless the config has an entry of its name that turns it off.
    pub fn plugin(mut self, plugin: impl Plugin) -> Self {
        self.catalogue.add_instance(plugin);
        self
    }

    /// Links a kind of plugin in, for the config to ask for by its name.
    pub fn plugin_kind<P: FromConfig>(mut self) -> Self {
        self.catalogue.add_plugin::<P>();
        self
    }

    /// Takes the config from a file, and takes it anew when the file changes or on SIGHUP.
    pub fn config_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.source = Source::File(file.into());
        self
    }

    /// Takes the config as it is given.
    pub fn config(mut self, config: Config) -> Self {
        self.source = Source::Given(Box::new(config));
        self
    }

    /// Changes every config that is read, as flags do.
    pub fn adjust(mut self, change: impl Fn(&mut Config) + Send + Sync + 'static) -> Self {
        self.adjust.push(Box::new(change));
        self
    }

    /// The log, whose level follows the config and whose losses are counted.
    pub fn log(mut self, log: LogHandle) -> Self {
        self.metrics.watch_log(&log);
        self.log = Some(log);
        self
    }

    /// The folder for what the gateway keeps, which must be there. Without one, what plugins put into `kv` lasts as long
    /// as their instance, and what is loaded from a path is kept in a temporary folder.
    pub fn app_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.app_dir = Some(folder.into());
        self
    }

    /// The program that runs a native library in a process of its own, for `isolation`: it is given these arguments and
    /// then the library's path, and is to serve it as `gatewright plugin host` does, and to say what came of a
    /// [`Rehearsal`](crate::artefact::Rehearsal). Without one, a plugin with `isolation` does not load, and other libraries
    /// are opened without a rehearsal.
    pub fn runner(mut self, program: impl Into<PathBuf>, arguments: impl IntoIterator<Item = OsString>) -> Self {
        self.runner = Some(Runner { program: program.into(), arguments: arguments.into_iter().collect() });
        self
    }

    /// Does not start unless all plugins of the config do. Otherwise one that does not start is left out, or stands there
    /// and refuses its requests, and is tried again.
    pub fn all_plugins(mut self) -> Self {
        self.needs_all = true;
        self
    }

    /// The plugins that are linked in.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Reads the config and checks it against the plugins.
    pub fn read(&self) -> Result<Read, Error> {
        if let Some(name) = self.catalogue.ambiguous() {
            return Err(Error::Ambiguous(name.to_owned()));
        }
        let environment = Environment::of_process();
        let (mut config, warnings, found) = match &self.source {
            Source::Environment => {
                let loaded = Config::from_environment(&environment);
                (loaded.config, loaded.warnings, loaded.found)
            }
            Source::File(file) => {
                let loaded = Config::load(file, &environment)?;
                (loaded.config, loaded.warnings, loaded.found)
            }
            Source::Given(config) => ((**config).clone(), Vec::new(), Vec::new()),
        };
        self.adjust.iter().for_each(|change| change(&mut config));
        Ok(Read { config, warnings, found })
    }

    /// Checks the config without starting anything; of artefacts, whether the right file is there, and of components
    /// also whether they start with their config.
    pub fn check(&self) -> Result<(Read, Report), Error> {
        self.check_all().map_err(|error| error.in_file(self.file()))
    }

    fn check_all(&self) -> Result<(Read, Report), Error> {
        let read = self.read()?;
        let trial = Trial::new(self.base());
        let examine = |entry: &PluginEntry| trial.examine(entry);
        let report = check(&read.config, &WithArtefacts { catalogue: &self.catalogue, artefact: &examine })?;
        // Certificates, for one, are read by nobody else.
        Providers::of(&read.config, &Providers::default())?;
        Ok((read, report))
    }

    /// The files of the artefacts of a config.
    pub(crate) fn artefact_files(&self, config: &Config) -> Vec<PathBuf> {
        let base = self.base();
        let enabled = config.plugins.iter().filter(|entry| entry.enabled);
        enabled.filter_map(|entry| artefacts::file_of(entry, &base)).collect()
    }

    /// What relative paths of artefacts are relative to: the folder of the config file, else the working directory.
    fn base(&self) -> PathBuf {
        let folder = self.file().and_then(|file| file.parent()).map(PathBuf::from).unwrap_or_default();
        std::path::absolute(folder.join(".")).unwrap_or(folder)
    }

    /// The file that the config comes from.
    pub(crate) fn file(&self) -> Option<&PathBuf> {
        match &self.source {
            Source::File(file) => Some(file),
            Source::Environment | Source::Given(_) => None,
        }
    }

    pub(crate) fn log_handle(&self) -> Option<&LogHandle> {
        self.log.as_ref()
    }

    /// Starts within a runtime of the caller's.
    pub async fn start(&self) -> Result<Started, Error> {
        let read = self.read()?;
        warn(&read.warnings);
        self.start_with(read.config, &CancellationToken::new()).await
    }

    /// Starts with a config that was read, unless it is told to stop.
    pub(crate) async fn start_with(&self, config: Config, stop: &CancellationToken) -> Result<Started, Error> {
        let store = self.app_dir.as_deref().map(Store::in_dir);
        let artefacts = Artefacts::new(self.app_dir.clone(), self.base(), self.runner.clone());
        let (gateway, reaping) = Gateway::new(self.catalogue.clone(), self.metrics.clone(), store, artefacts);
        let gateway = if self.needs_all { gateway.with_all_plugins() } else { gateway };
        gateway.start(config, reaping, stop).await.map_err(|error| error.in_file(self.file()))
    }

    /// Serves until SIGTERM or Ctrl-C, in a runtime of its own. What somebody should look at in the config is logged.
    pub fn serve(self) -> Result<(), Error> {
        serve::run(self, |_, read| warn(&read.warnings))
    }

    /// The same, and tells `ready` when it serves, also of what somebody should look at in the config.
    pub fn serve_and(self, ready: impl FnOnce(&Started, &Read)) -> Result<(), Error> {
        serve::run(self, ready)
    }
}
