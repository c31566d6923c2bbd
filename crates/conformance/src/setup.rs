//! A plugin set for a case.

use crate::case::CaseFailure;
use crate::host::Host;
use crate::journal::Journal;
use crate::plugins::TestPlugin;
use crate::sample::Sample;
use gatewright_pipeline::{Decision, Entry, Exchange, Fault, Instance, PluginSet, Reaper, Settings};
use gatewright_plugin::hosted::point;
use gatewright_plugin::{Facts, Failure, Hook, HookSet, Verdict};
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// Puts instances together, in the order of their registration.
pub(crate) struct Setup<'h> {
    host: &'h dyn Host,
    pub(crate) journal: Journal,
    entries: Vec<Entry>,
    reaper: Option<Reaper>,
    generation: u64,
}

/// The `config` of a scripted plugin with steps at some hooks.
pub(crate) fn script(hooks: Json) -> Json {
    json!({ "hooks": hooks })
}

/// The settings of an instance that stands at these hooks alone.
pub(crate) fn at(hooks: &[Hook]) -> Settings {
    Settings { hooks: Some(HookSet::of(hooks)), ..Settings::default() }
}

/// The settings of an instance that stands at the hooks of its script alone.
pub(crate) fn at_hooks_of(hooks: &Json) -> Settings {
    let names = hooks.as_object().into_iter().flat_map(|hooks| hooks.keys());
    let hooks = names.filter_map(|name| Hook::named(name.split(':').next().unwrap_or_default()));
    Settings { hooks: Some(hooks.collect()), ..Settings::default() }
}

/// The facts of a request of this id.
pub(crate) fn facts(request_id: &str) -> Facts {
    Facts { request_id: request_id.to_owned(), ..Facts::default() }
}

/// Takes a request through `check_input`, the hook of cases that are not about a hook.
pub(crate) async fn check_input(exchange: &mut Exchange) -> Result<Option<Decision<Verdict>>, Fault> {
    exchange.run::<point::CheckInput>(&mut point::CheckInput::payload()).await
}

// === impl Setup ===

impl<'h> Setup<'h> {
    /// Nobody yet.
    pub(crate) fn new(host: &'h dyn Host) -> Self {
        Self { host, journal: Journal::default(), entries: Vec::new(), reaper: None, generation: 1 }
    }

    /// How many times as long calls may take.
    pub(crate) fn patience(&self) -> u32 {
        self.host.patience()
    }

    /// From here on instances are shut down by this reaper.
    pub(crate) fn reaped_by(&mut self, reaper: Reaper) {
        self.reaper = Some(reaper);
    }

    /// Loads and starts an instance, and puts it into the set.
    pub(crate) async fn add(
        &mut self,
        name: &str,
        plugin: &'static TestPlugin,
        config: Json,
        settings: Settings,
    ) -> Result<Arc<Instance>, CaseFailure> {
        let instance = self.start(name, plugin, config).await?;
        self.entries.push(Entry { instance: instance.clone(), settings });
        Ok(instance)
    }

    /// The same for a scripted plugin that stands at the hooks of its script alone.
    pub(crate) async fn scripted(
        &mut self,
        name: &str,
        plugin: &'static TestPlugin,
        hooks: Json,
    ) -> Result<Arc<Instance>, CaseFailure> {
        let settings = at_hooks_of(&hooks);
        self.add(name, plugin, script(hooks), settings).await
    }

    /// Loads and starts an instance. Its `on_startup` is not left in the journal.
    pub(crate) async fn start(
        &mut self,
        name: &str,
        plugin: &'static TestPlugin,
        config: Json,
    ) -> Result<Arc<Instance>, Failure> {
        let hosted = self.host.load(plugin, config.clone()).await?;
        let services = self.journal.services(name);
        let instance = Instance::start(name, hosted, config, services, None, self.reaper.clone()).await?;
        self.journal.forget(name, Hook::OnStartup.name());
        Ok(instance)
    }

    /// Puts an instance into the set.
    pub(crate) fn put(&mut self, instance: Arc<Instance>, settings: Settings) {
        self.entries.push(Entry { instance, settings });
    }

    /// From here on, calls have the time that they have by default.
    pub(crate) fn relax(&mut self) {
        self.entries.iter_mut().for_each(|entry| entry.settings.timeout = None);
    }

    /// Takes an instance out.
    pub(crate) fn take_out(&mut self, name: &str) {
        self.entries.retain(|entry| &**entry.instance.name() != name);
    }

    /// Compiles the set; each time it is of another generation.
    pub(crate) fn set(&mut self) -> Result<Arc<PluginSet>, CaseFailure> {
        let set = PluginSet::compile(self.generation, self.entries.clone())?;
        self.generation += 1;
        Ok(Arc::new(set))
    }

    /// A request of this id on the set.
    pub(crate) fn exchange(&mut self, request_id: &str) -> Result<Exchange, CaseFailure> {
        Ok(Exchange::new(self.set()?, facts(request_id)))
    }
}
