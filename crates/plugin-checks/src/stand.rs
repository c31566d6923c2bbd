//! An instance of the plugin in a set of its own.

use crate::services::services;
use crate::subject::{Asked, NotLoaded, Subject};
use gatewright_pipeline::{Entry, Exchange, Instance, PluginSet, Settings};
use gatewright_plugin::hosted::point;
use gatewright_plugin::payload::Shutdown;
use gatewright_plugin::{Facts, Failure, Health, Hook, HookSet, Manifest};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// An instance that was started, alone in its set. It stands at some of its hooks, and at those of its life.
pub(crate) struct Stand {
    set: Arc<PluginSet>,
    instance: Arc<Instance>,
}

/// The hooks of a plugin's life.
pub(crate) const LIFE: HookSet = HookSet::of(&[Hook::OnStartup, Hook::OnShutdown, Hook::Health]);

// === impl Stand ===

impl Stand {
    /// Loads and starts an instance that stands at these hooks.
    pub(crate) async fn new(subject: &dyn Subject, asked: Asked, hooks: HookSet) -> Result<Self, NotLoaded> {
        let hosted = subject.load(asked.clone()).await?;
        let services = services(&asked.granted);
        let started = Instance::start(&asked.name, hosted, asked.config, services, None, None).await;
        let instance = started.map_err(|failure| match failure {
            Failure::Returned(message) => NotLoaded::Refused(format!("its on_startup failed: {message}")),
            failure => NotLoaded::Broke(format!("its on_startup {failure}")),
        })?;
        let hooks = LIFE.iter().fold(hooks, HookSet::with);
        let settings = Settings { hooks: Some(hooks), ..Settings::default() };
        let set = PluginSet::compile(1, vec![Entry { instance: instance.clone(), settings }]);
        let set = set.map_err(|error| NotLoaded::Broke(error.to_string()))?;
        Ok(Self { set: Arc::new(set), instance })
    }

    /// What it says of itself.
    pub(crate) fn manifest(&self) -> &Manifest {
        self.instance.manifest()
    }

    /// The hooks that it implements.
    pub(crate) fn hooks(&self) -> HookSet {
        self.instance.hooks()
    }

    /// A request on it.
    pub(crate) fn exchange(&self) -> Exchange {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let facts = Facts {
            request_id: format!("plugin-test-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
            endpoint: "/v1/chat/completions".to_owned(),
            user_id: "user".to_owned(),
            app_id: "app".to_owned(),
            api_key_id: "key".to_owned(),
            provider: "openai".to_owned(),
            model: "gpt-4".to_owned(),
            ..Facts::default()
        };
        Exchange::new(self.set.clone(), facts)
    }

    /// Asks it how it is.
    pub(crate) async fn health(&self) -> Health {
        self.instance.health().await
    }

    /// Lets it end.
    pub(crate) async fn end(self) -> Result<(), Failure> {
        let answers = self.exchange().each::<point::OnShutdown>(&mut Shutdown.clone()).await;
        answers.into_iter().try_for_each(|(_, answer)| answer)
    }
}
