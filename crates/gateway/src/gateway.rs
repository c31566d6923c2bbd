//! A gateway that serves.

use crate::artefacts::{Artefacts, Grants};
use crate::concealed::Concealed;
use crate::error::Error;
use crate::linked::{Catalogue, WithArtefacts};
use crate::plugins::{Counting, Plugins, Starting, unusable, wanted};
use crate::providers::Providers;
use crate::written::Written;
use crate::{GatewayBuilder, snapshot};
use gatewright_config::{
    Catalog, Config, ConfigErrors, PluginEntry, PluginFacts, PluginSource, Report, Unusable, Warning, validate,
};
use gatewright_host::{Egress, LlmCalls, MemoryKv, Serving, guarded};
use gatewright_host_native::Generations;
use gatewright_pipeline::{Instance, PluginSet, Reaper, ReaperTask};
use gatewright_plugin::Permission;
use gatewright_plugin::services::{Kv, ServiceSet, Services};
use gatewright_server::{Readiness, Reserved, Server, ServerHandle, Shared, Snapshot};
use gatewright_store::Store;
use gatewright_telemetry::log::redact;
use gatewright_telemetry::{HostReport, Metrics, PluginReport, ReloadResult};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long the end waits until plugins are shut down.
const PLUGINS_END: Duration = Duration::from_secs(15);

/// How long it waits for native plugins to end: it cannot make them.
const LIBRARIES_END: Duration = Duration::from_secs(5);

/// A gateway. Make one with [`Gateway::builder`].
pub struct Gateway {
    catalogue: Catalogue,
    metrics: Arc<Metrics>,
    counting: Counting,
    egress: Egress,
    artefacts: Artefacts,
    /// What is kept; there if there is an app dir.
    store: Option<Store>,
    tasks: TaskTracker,
    reaper: Reaper,
    /// What the `llm` service of plugins asks; there once it serves.
    serving: Arc<OnceLock<Weak<Shared>>>,
    /// Whether the first config is refused if a plugin does not start.
    needs_all: bool,
    /// What no line about a plugin shows.
    concealed: Concealed,
    /// The host that is listened on, from the first config to the end.
    listens_on: Option<String>,
    /// What is in force.
    current: InForce,
}

/// What is in force.
#[derive(Default)]
struct InForce {
    config: Config,
    plugins: Plugins,
    providers: Providers,
}

/// What a config comes to.
struct Made {
    next: InForce,
    snapshot: Snapshot,
    /// What somebody should look at.
    warnings: Vec<Warning>,
}

/// What a config that is taken changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// Something: it is in force.
    Taken,
    /// Nothing: it says what the one in force says, and the plugins' files that can be loaded are those that are.
    Nothing,
}

/// A gateway that serves.
pub struct Started {
    gateway: Gateway,
    shared: Arc<Shared>,
    server: ServerHandle,
    reaping: JoinHandle<()>,
    /// The config that it started with.
    first: Config,
    /// Why the last config was not taken.
    refusal: Option<String>,
}

// === impl Gateway ===

impl Gateway {
    /// Begins a gateway.
    pub fn builder() -> GatewayBuilder {
        GatewayBuilder::new()
    }

    pub(crate) fn new(
        catalogue: Catalogue,
        metrics: Arc<Metrics>,
        store: Option<Store>,
        artefacts: Artefacts,
    ) -> (Self, ReaperTask) {
        let (reaper, reaping) = Reaper::new();
        let gateway = Self {
            catalogue,
            counting: Counting::new(metrics.clone()),
            metrics,
            egress: Egress::new(),
            artefacts,
            store,
            tasks: TaskTracker::new(),
            reaper,
            serving: Arc::default(),
            needs_all: false,
            concealed: Concealed::default(),
            listens_on: None,
            current: InForce::default(),
        };
        (gateway, reaping)
    }

    /// Has the first config refused if a plugin of it does not start.
    pub(crate) fn with_all_plugins(self) -> Self {
        Self { needs_all: true, ..self }
    }

    /// Starts to serve by a config, unless it is told to stop before it does.
    pub(crate) async fn start(
        mut self,
        config: Config,
        reaping: ReaperTask,
        stop: &CancellationToken,
    ) -> Result<Started, Error> {
        // Before a plugin starts: where another gateway serves, none has to.
        let reserved = Reserved::new(address(&config.server.host, config.server.port)?)?;
        self.listens_on = Some(config.server.host.clone());
        let reaping = tokio::spawn(reaping.run());
        let first = config.clone();
        let served = tokio::select! {
            biased;
            // What is being loaded or started may take its time, and is not waited for.
            () = stop.cancelled() => Err(Error::Stopped),
            served = self.serve_at(reserved, config) => served,
        };
        let error = match served {
            Ok((shared, server)) => {
                return Ok(Started { gateway: self, shared, server, reaping, first, refusal: None });
            }
            Err(error) => error,
        };
        // A plugin may take its time to end, and who waits for the reason may not.
        match error {
            Error::Stopped => tracing::info!("the gateway is stopped before it serves"),
            _ => tracing::error!(%error, "the gateway cannot start"),
        }
        self.end(reaping).await;
        Err(error)
    }

    async fn serve_at(&mut self, reserved: Reserved, config: Config) -> Result<(Arc<Shared>, ServerHandle), Error> {
        let workers = config.server.workers.unwrap_or_default() as usize;
        let made = self.take(config).await?;
        warn(&made.warnings);
        let shared = Shared::new(self.put(made.next, made.snapshot), self.tasks.clone());
        // Set once, since a gateway starts once.
        let _ = self.serving.set(Arc::downgrade(&shared));
        let serve = || Ok(Server::at(reserved, shared.clone(), workers)?.start()?);
        match serve() {
            Ok(server) => {
                let watched = self.serving.clone();
                self.metrics.watch_hosts(move || report(watched.get().and_then(Weak::upgrade)));
                Ok((shared, server))
            }
            Err(error) => {
                self.let_go();
                Err(error)
            }
        }
    }

    /// Leaves the last of what is in force to its set, which ends instances last to first.
    fn let_go(&mut self) {
        self.current = InForce::default();
    }

    /// Shuts down the plugins that are in use by nobody else, and closes what they have.
    async fn end(self, reaping: JoinHandle<()>) {
        let (store, processes, libraries) =
            (self.store.clone(), self.artefacts.processes(), self.artefacts.libraries());
        // With the last set goes the last user of every instance.
        drop(self);
        if tokio::time::timeout(PLUGINS_END, reaping).await.is_err() {
            tracing::warn!(
                "not all plugins were shut down: an `on_shutdown` takes too long, or a hook has not come back"
            );
        }
        if let Some(processes) = processes {
            // They are asked to end, and killed after 5 s.
            let _ = tokio::time::timeout(Duration::from_secs(8), processes.close()).await;
        }
        let ended = tokio::task::spawn_blocking(move || libraries.have_ended(LIBRARIES_END));
        if matches!(ended.await, Ok(false)) {
            tracing::warn!("native plugins have not ended, and are left as they are");
        }
        if let Some(store) = store {
            // What is in the write-ahead log by then is kept anyway.
            let _ = tokio::time::timeout(Duration::from_secs(5), store.close()).await;
        }
    }

    /// Makes what serves from a config.
    async fn take(&mut self, config: Config) -> Result<Made, Error> {
        // Those in force too: if this config is refused, its plugins go on, and if not, they have something to say yet.
        self.concealed.add(self.current.config.plugins.iter().chain(&config.plugins));
        let made = self.make(config).await;
        // What it was switched to holds if the config does.
        let in_force = made.as_ref().map_or(&self.current.config, |made| &made.next.config);
        self.counting.switch(is_on(in_force, "telemetry"));
        let plugins = made.as_ref().map_or(&self.current.plugins, |made| &made.next.plugins);
        self.artefacts.sweep(&plugins.artefacts());
        made
    }

    /// Remembers what is in force from now on.
    fn put(&mut self, next: InForce, snapshot: Snapshot) -> Snapshot {
        self.current = next;
        self.metrics.plugin_set(self.current.plugins.generation());
        self.metrics.loaded_plugins(self.current.plugins.loaded());
        snapshot
    }

    async fn make(&mut self, config: Config) -> Result<Made, Error> {
        let loads = |entry: &PluginEntry| entry.enabled && entry.artefact().is_some();
        if config.plugins.iter().any(loads)
            && let Err(errors) = self.check(&config, &self.catalogue)
        {
            return Err(self.refuse(&config, errors).await);
        }
        let arrivals = self.current.plugins.look(&config, &self.artefacts).await;
        let facts = |entry: &PluginEntry| self.current.plugins.facts(entry, &arrivals);
        let known = |entry: &PluginEntry| Ok(Some(facts(entry)));
        let checked = self.check(&config, &WithArtefacts { catalogue: &self.catalogue, artefact: &known });
        let report = checked.map_err(|mut errors| {
            errors.report.errors.extend(unusable(&config, &arrivals));
            errors
        })?;
        let telemetry = is_on(&config, "telemetry");
        let metrics = telemetry.then_some(&*self.metrics);
        let providers = Providers::of(&config, &self.current.providers)?;
        self.open_store(&config, &facts).await?;
        let services = |entry: &PluginEntry, grants: Grants| self.services(entry, grants);
        if telemetry {
            // What is started for it is counted from the beginning.
            self.counting.switch(true);
        }
        let starting = Starting {
            catalogue: &self.catalogue,
            services: &services,
            counting: &self.counting,
            reaper: &self.reaper,
            needs_all: self.needs_all,
        };
        let next = self.current.plugins.next(&config, arrivals, &starting).await;
        let (plugins, set) = next.map_err(|refused| self.current.plugins.go_on(refused))?;
        let snapshot = Snapshot {
            plugins: Arc::new(set),
            engine: snapshot::engine(&config, &providers, metrics),
            keys: snapshot::keys(&config),
            pricing: snapshot::pricing(&config),
            limits: snapshot::limits(&config),
            metrics: telemetry.then(|| self.metrics.clone()),
        };
        Ok(Made { next: InForce { config, plugins, providers }, snapshot, warnings: report.warnings })
    }

    /// Checks a config, also as what it is until a restart: another host waits for that, and all else does not.
    fn check(&self, config: &Config, catalogue: &dyn Catalog) -> Result<Report, ConfigErrors> {
        let report = check(config, catalogue)?;
        let Some(host) = self.listens_on.as_ref().filter(|host| **host != config.server.host) else {
            return Ok(report);
        };
        let mut meanwhile = config.clone();
        meanwhile.server.host.clone_from(host);
        match check(&meanwhile, catalogue) {
            Ok(_) => Ok(report),
            Err(mut errors) => {
                let meanwhile = format!("; until it is restarted, the gateway listens on `{host}`");
                errors.report.errors.iter_mut().for_each(|problem| problem.message.push_str(&meanwhile));
                Err(errors)
            }
        }
    }

    /// All that is wrong with a config that is refused anyway: nothing is loaded for it, but artefacts are looked at.
    async fn refuse(&self, config: &Config, errors: ConfigErrors) -> Error {
        let unusable = self.artefacts.inspect(&config.plugins).await;
        let looked = |entry: &PluginEntry| match unusable.get(&entry.name) {
            Some(why) => Err(Unusable::Path(why.clone())),
            None => Ok(None),
        };
        let all = check(config, &WithArtefacts { catalogue: &self.catalogue, artefact: &looked });
        all.err().unwrap_or(errors).into()
    }

    /// Opens the store if a plugin says that it needs it, so that trouble with it shows now. For others it is opened when
    /// they first use it.
    async fn open_store(&self, config: &Config, facts: &dyn Fn(&PluginEntry) -> PluginFacts) -> Result<(), Error> {
        let Some(store) = &self.store else { return Ok(()) };
        let needs_it = wanted(config, &self.catalogue).into_iter().any(|(_, entry)| match entry.source() {
            PluginSource::Linked(kind) => {
                let linked = self.catalogue.get(kind);
                linked.is_some_and(|linked| linked.facts.manifest.permissions.contains(&Permission::Kv))
            }
            PluginSource::Artefact(_) => {
                Grants::of(&entry, &facts(&entry).manifest.permissions).permissions.contains(&Permission::Kv)
            }
        });
        match needs_it {
            true => Ok(store.open().await?),
            false => Ok(()),
        }
    }

    /// The space of an instance.
    fn kv(&self, name: &str) -> Arc<dyn Kv> {
        match &self.store {
            Some(store) => Arc::new(store.kv(name)),
            None => Arc::new(MemoryKv::default()),
        }
    }

    /// The services of an instance.
    fn services(&self, entry: &PluginEntry, grants: Grants) -> Services {
        let (name, written) = (&*entry.name, Arc::new(Written::new(&entry.name, self.metrics.clone())));
        let (shared, tasks) = (self.serving.clone(), self.tasks.clone());
        let serving = Arc::new(move || {
            let snapshot = shared.get()?.upgrade()?.snapshot();
            Some(Serving {
                plugins: snapshot.plugins.clone(),
                engine: snapshot.engine.clone(),
                pricing: snapshot.pricing.clone(),
                tasks: tasks.clone(),
            })
        });
        let set = ServiceSet {
            log: written.clone(),
            metrics: self.metrics.plugin_metrics(name),
            records: written,
            kv: self.kv(name),
            http: Arc::new(self.egress.plugin(grants.egress)),
            llm: Arc::new(LlmCalls::new(name, serving)),
        };
        guarded(set, &grants.permissions, &grants.asked)
    }
}

// === impl InForce ===

impl InForce {
    /// Whether the other one says and holds the same.
    fn is(&self, other: &Self) -> bool {
        self.config == other.config && self.plugins.are(&other.plugins)
    }
}

// === impl Started ===

impl Started {
    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The plugins in force.
    pub fn plugins(&self) -> Arc<PluginSet> {
        self.shared.snapshot().plugins.clone()
    }

    /// Requests under way.
    pub fn active_requests(&self) -> usize {
        self.shared.active_requests()
    }

    /// The config in force.
    pub fn config(&self) -> &Config {
        &self.gateway.current.config
    }

    /// Whether requests can be served, and what somebody should know: as `/readyz` says it.
    pub fn readiness(&self) -> Readiness {
        self.shared.readiness()
    }

    /// Puts another config in force. An error leaves everything as it was. Requests under way finish on the old one.
    pub async fn reload(&mut self, config: Config) -> Result<Reload, Error> {
        self.reload_read(config, Vec::new()).await
    }

    /// The same for a config that was read with these warnings.
    pub(crate) async fn reload_read(&mut self, config: Config, warnings: Vec<Warning>) -> Result<Reload, Error> {
        let made = match self.gateway.take(config).await {
            Ok(made) => made,
            Err(error) => {
                self.refused(&error);
                return Err(error);
            }
        };
        self.refusal = None;
        let is_whole = made.next.plugins.are_whole();
        let reload = match made.next.is(&self.gateway.current) {
            true => {
                self.gateway.current.plugins.look_like(made.next.plugins);
                Reload::Nothing
            }
            false => {
                self.put(made, warnings);
                Reload::Taken
            }
        };
        match (reload, is_whole) {
            (_, false) => self.gateway.metrics.config_reload(ReloadResult::Partial),
            (Reload::Taken, true) => self.gateway.metrics.config_reload(ReloadResult::Success),
            (Reload::Nothing, true) => {}
        }
        self.show_plugins();
        Ok(reload)
    }

    /// Has requests served by what a config came to that was read with these warnings.
    fn put(&mut self, made: Made, warnings: Vec<Warning>) {
        let mut all = Report { errors: Vec::new(), warnings };
        all.absorb(Report { errors: Vec::new(), warnings: made.warnings });
        warn(&all.warnings);
        let waiting = self.first.restart_needed(&made.next.config);
        if !waiting.is_empty() {
            tracing::warn!(keys = waiting.join(", "), "these keys wait for a restart");
        }
        let snapshot = self.gateway.put(made.next, made.snapshot);
        self.shared.replace(snapshot);
    }

    /// Counts and shows a config that was not taken, also one that could not even be read.
    pub(crate) fn refused(&mut self, error: &Error) {
        self.gateway.metrics.config_reload(ReloadResult::Failure);
        self.refusal = Some(refusal(error));
        self.show_plugins();
    }

    /// Whether the last config was not taken.
    pub(crate) fn was_refused(&self) -> bool {
        self.refusal.is_some()
    }

    /// Shows what is loaded of plugins, what somebody should know of them, and why the last config was not taken.
    fn show_plugins(&self) {
        let plugins = &self.gateway.current.plugins;
        self.gateway.metrics.loaded_plugins(plugins.loaded());
        self.shared.note(plugins.notes().chain(self.refusal.clone()).collect());
    }

    /// Stops accepting, gives requests under way this long to finish, and shuts plugins down. Answers whether all
    /// requests finished.
    pub async fn drain(self, longest: Duration) -> bool {
        let Self { mut gateway, shared, server, reaping, .. } = self;
        let drained = server.drain(longest).await;
        if !drained {
            // A hook that holds its thread holds the whole set with its request.
            shared.snapshot().plugins.members().iter().rev().for_each(|member| member.instance.end());
        }
        gateway.let_go();
        drop(shared);
        gateway.end(reaping).await;
        drained
    }
}

/// Logs what somebody should look at in a config.
pub(crate) fn warn(warnings: &[Warning]) {
    for warning in warnings {
        tracing::warn!(path = %warning.path, "{}", warning.message);
    }
}

/// Why a config was not taken, in a line that needs no key to be read.
fn refusal(error: &Error) -> String {
    let why = match error {
        Error::Config(errors) => errors.report.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        error => error.to_string(),
    };
    format!("config: it was not taken: {} (the last good config goes on)", redact(&why))
}

/// How the plugins in force are.
fn report(serving: Option<Arc<Shared>>) -> HostReport {
    let Generations { used, retired } = gatewright_host_native::generations();
    let libraries = (used + retired > 0).then_some((used, retired));
    let Some(serving) = serving else { return HostReport { plugins: Vec::new(), libraries } };
    let snapshot = serving.snapshot();
    let one = |instance: &Instance| PluginReport {
        name: instance.name().clone(),
        keeps_failing: instance.keeps_failing(),
        standing: instance.standing(),
    };
    let plugins = snapshot.plugins.members().iter().map(|member| one(&member.instance)).collect();
    HostReport { plugins, libraries }
}

/// Checks a config against the plugins that are there; the report holds what somebody should look at.
pub(crate) fn check(config: &Config, catalogue: &dyn Catalog) -> Result<Report, ConfigErrors> {
    let report = validate(config, catalogue);
    match report.is_usable() {
        true => Ok(report),
        false => Err(ConfigErrors { file: None, report }),
    }
}

/// Whether a plugin that is on by default was left on.
fn is_on(config: &Config, name: &str) -> bool {
    config.plugins.iter().find(|entry| entry.name == name).is_none_or(|entry| entry.enabled)
}

fn address(host: &str, port: u16) -> Result<SocketAddr, Error> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let found = (bare, port).to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    found.ok_or_else(|| Error::Address(host.to_owned()))
}

#[cfg(test)]
mod tests;
