//! An instance: a plugin under the name it has in the config, from its start to its shutdown.

use crate::breaker::Breaker;
use crate::call::call_owned;
use crate::life::{InUse, Life};
use crate::probe::Probe;
use crate::reaper::{Reaper, Retired};
use gatewright_plugin::hosted::{Hosted, Standing, point};
use gatewright_plugin::payload::{HealthCheck, Startup};
use gatewright_plugin::services::Services;
use gatewright_plugin::{Cx, Facts, Failure, Health, Hook, HookSet, Manifest, State, panicking};
use std::sync::{Arc, Mutex, PoisonError};

/// A plugin in use. Plugin sets share it; when the last set that holds it is gone, it is shut down, once. A plugin that other
/// instances use too goes on for them.
pub struct Instance {
    name: Arc<str>,
    plugin: Result<Arc<dyn Hosted>, Absent>,
    services: Services,
    probe: Option<Arc<dyn Probe>>,
    /// One a hook: a hook that works must not hide one that keeps failing.
    breakers: Box<[Breaker; Hook::COUNT]>,
    /// Until it ends; `None` where nobody shuts it down.
    lives: Mutex<Option<Lives>>,
}

/// What an instance has while it lives.
struct Lives {
    in_use: InUse,
    /// Shuts it down.
    reaper: Reaper,
}

/// Why an instance cannot serve, and which hooks it would have: a guard that is not there still guards.
struct Absent {
    reason: String,
    manifest: Manifest,
    hooks: HookSet,
}

// === impl Instance ===

impl Instance {
    /// Starts a plugin: `on_startup`, within 30 s unless `timeout` says otherwise.
    pub async fn start(
        name: &str,
        plugin: Arc<dyn Hosted>,
        config: serde_json::Value,
        services: Services,
        probe: Option<Arc<dyn Probe>>,
        reaper: Option<Reaper>,
    ) -> Result<Arc<Self>, Failure> {
        panicking::watch();
        let life = reaper.as_ref().map(|reaper| reaper.life_of(&plugin));
        let mut turn = match &life {
            Some(life) => Some(life.turn().await),
            None => None,
        };
        // Of a start that fails, it goes before the turn does.
        let in_use = life.map(Life::enter);
        if plugin.hooks().contains(Hook::OnStartup) {
            let startup = Startup { name: name.to_owned(), config };
            let timeout = Hook::OnStartup.info().timeout;
            call_owned::<point::OnStartup>(&plugin, bare_cx(&services), startup, timeout).await.2?;
        }
        if let Some(turn) = &mut turn {
            turn.began();
        }
        let (name, plugin, breakers) = (name.into(), Ok(plugin), breakers());
        let lives = Mutex::new(in_use.zip(reaper).map(|(in_use, reaper)| Lives { in_use, reaper }));
        Ok(Arc::new(Self { name, plugin, services, probe, breakers, lives }))
    }

    /// An instance that did not load. Calls of its hooks fail for this reason, and their failure mode decides.
    pub fn absent(
        name: &str,
        manifest: Manifest,
        hooks: HookSet,
        reason: impl Into<String>,
        services: Services,
        probe: Option<Arc<dyn Probe>>,
    ) -> Arc<Self> {
        let absent = Absent { reason: reason.into(), manifest, hooks };
        let (name, plugin, breakers) = (name.into(), Err(absent), breakers());
        Arc::new(Self { name, plugin, services, probe, breakers, lives: Mutex::default() })
    }

    /// Its name in the config.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What the plugin says of itself.
    pub fn manifest(&self) -> &Manifest {
        match &self.plugin {
            Ok(plugin) => plugin.manifest(),
            Err(absent) => &absent.manifest,
        }
    }

    /// The hooks it implements.
    pub fn hooks(&self) -> HookSet {
        match &self.plugin {
            Ok(plugin) => plugin.hooks(),
            Err(absent) => absent.hooks,
        }
    }

    /// Why it cannot serve; `None` if it can.
    pub fn unavailable(&self) -> Option<String> {
        match &self.plugin {
            Err(absent) => Some(absent.reason.clone()),
            Ok(plugin) => plugin.standing().and_then(|standing| standing.away).or_else(|| {
                let open = self.open_breaker()?;
                Some(format!("it keeps failing in {}; its breaker is open", open.name()))
            }),
        }
    }

    /// The hooks that are not served now: all of one that is not there, else those that keep failing.
    pub fn out(&self) -> HookSet {
        match &self.plugin {
            Err(absent) => absent.hooks,
            Ok(plugin) if plugin.standing().is_some_and(|standing| standing.away.is_some()) => plugin.hooks(),
            Ok(_) => Hook::TABLE.iter().map(|row| row.hook).filter(|hook| self.breaker(*hook).is_open()).collect(),
        }
    }

    /// How its host is with it; `None` if nothing can come between them.
    pub fn standing(&self) -> Option<Standing> {
        self.plugin.as_ref().ok()?.standing()
    }

    /// A hook that is not called, since it keeps failing.
    fn open_breaker(&self) -> Option<Hook> {
        Hook::TABLE.iter().map(|row| row.hook).find(|hook| self.breaker(*hook).is_open())
    }

    /// Whether a hook kept failing and no call of it has succeeded since, also while the next one may try.
    pub fn keeps_failing(&self) -> bool {
        self.breakers.iter().any(Breaker::has_tripped)
    }

    /// Whether it did not load.
    pub fn is_absent(&self) -> bool {
        self.plugin.is_err()
    }

    /// Asks it how it is.
    pub async fn health(&self) -> Health {
        let plugin = match (&self.plugin, self.unavailable()) {
            (Ok(plugin), None) => plugin,
            (_, reason) => return Health::unhealthy(reason.unwrap_or_default()),
        };
        if !plugin.hooks().contains(Hook::Health) {
            return Health::ok();
        }
        let timeout = Hook::Health.info().timeout;
        let (_, _, asked) = call_owned::<point::Health>(plugin, bare_cx(&self.services), HealthCheck, timeout).await;
        asked.unwrap_or_else(|failure| Health::unhealthy(failure.to_string()))
    }

    pub(crate) fn plugin(&self) -> Result<&Arc<dyn Hosted>, Failure> {
        self.plugin.as_ref().map_err(|absent| Failure::Unavailable(absent.reason.clone()))
    }

    pub(crate) fn services(&self) -> &Services {
        &self.services
    }

    pub(crate) fn probe(&self) -> Option<&Arc<dyn Probe>> {
        self.probe.as_ref()
    }

    /// Has it shut down although somebody holds it yet: the gateway ends, and who holds it does not come back.
    pub fn end(&self) {
        // No code of ours panics while it holds the lock.
        let lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Lives { in_use, reaper }) = lives else { return };
        // Before the reaper hears of it, which may be at it at once.
        let life = in_use.leave();
        if let Ok(plugin) = &self.plugin
            && plugin.hooks().contains(Hook::OnShutdown)
        {
            let (name, plugin, services) = (self.name.clone(), plugin.clone(), self.services.clone());
            reaper.retire(Retired { name, plugin, services, life });
        }
    }

    pub(crate) fn breaker(&self, hook: Hook) -> &Breaker {
        &self.breakers[hook as usize]
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.end();
    }
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("name", &self.name).field("unavailable", &self.unavailable()).finish()
    }
}

fn breakers() -> Box<[Breaker; Hook::COUNT]> {
    Box::new(std::array::from_fn(|_| Breaker::default()))
}

/// A context outside of any request.
pub(crate) fn bare_cx(services: &Services) -> Cx {
    Cx::new(Arc::new(Facts::default()), State::default(), None, services.clone())
}
