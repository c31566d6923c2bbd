//! Running chains of plugins as the gateway does, without a gateway.

use crate::services::MockServices;
use gatewright_pipeline::{Entry, Exchange, Fault, Instance, Judge, PluginSet, Settings, TooMany};
use gatewright_plugin::hosted::{HookPoint, Hosted, link};
use gatewright_plugin::payload::PluginMetadata;
use gatewright_plugin::{Facts, Failure, Plugin, State, Verdict};
use serde_json::Value as Json;
use std::sync::Arc;

/// Plugins in the order of their registration, and the chains that the gateway would make of them (seed 003:
/// `Manager`). Hooks that are `async` need a tokio runtime with time.
#[derive(Debug)]
pub struct ChainRunner {
    entries: Vec<Entry>,
    set: Arc<PluginSet>,
    services: MockServices,
}

/// One request through a runner's plugins: its hooks share state, scratchpads and metadata.
#[derive(Debug)]
pub struct ChainRequest(Exchange);

/// What one plugin answered.
#[derive(Debug)]
pub struct HookResult<O> {
    /// The plugin.
    pub plugin: String,
    /// Its outcome, or its failure.
    pub outcome: Result<O, Failure>,
}

/// What all guardrails together came to.
#[derive(Clone, Debug, PartialEq)]
pub struct GuardrailResult {
    /// Whether nobody blocks, and nobody that must not be missed failed.
    pub allowed: bool,
    /// Who blocks, or failed.
    pub blocked_by: Option<String>,
    /// Why, as the client is told; empty if it is allowed.
    pub block_reason: String,
    /// What the plugins that ran attached.
    pub metadata: Vec<PluginMetadata>,
}

/// A plugin was not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The name is taken.
    #[error("a plugin `{0}` is registered already")]
    AlreadyRegistered(String),
    /// Its `on_startup` failed.
    #[error("plugin `{name}` did not start: {failure}")]
    NotStarted {
        /// The plugin.
        name: String,
        /// What happened.
        failure: Failure,
    },
    /// There are as many as a set can hold.
    #[error(transparent)]
    TooMany(#[from] TooMany),
}

// === impl ChainRunner ===

impl ChainRunner {
    /// Without plugins.
    pub fn new() -> Self {
        Self { entries: Vec::new(), set: Arc::new(PluginSet::empty()), services: MockServices::default() }
    }

    /// Starts a plugin under its manifest's name, with an empty config and no settings.
    pub async fn register(&mut self, plugin: impl Plugin) -> Result<(), RegisterError> {
        let hosted = link(plugin);
        let name = hosted.manifest().name.clone();
        self.register_hosted(&name, hosted, Json::Null, Settings::default()).await
    }

    /// Starts a plugin under this name, with this config and these settings, as the gateway's config would.
    pub async fn register_as(
        &mut self,
        name: &str,
        plugin: impl Plugin,
        config: Json,
        settings: Settings,
    ) -> Result<(), RegisterError> {
        self.register_hosted(name, link(plugin), config, settings).await
    }

    /// The same for a plugin that some host holds.
    pub async fn register_hosted(
        &mut self,
        name: &str,
        hosted: Arc<dyn Hosted>,
        config: Json,
        settings: Settings,
    ) -> Result<(), RegisterError> {
        if self.entries.iter().any(|entry| **entry.instance.name() == *name) {
            return Err(RegisterError::AlreadyRegistered(name.to_owned()));
        }
        let instance = Instance::start(name, hosted, config, self.services.services(), None, None)
            .await
            .map_err(|failure| RegisterError::NotStarted { name: name.to_owned(), failure })?;
        let mut entries = self.entries.clone();
        entries.push(Entry { instance, settings });
        self.set = Arc::new(PluginSet::compile(self.set.generation() + 1, entries.clone())?);
        self.entries = entries;
        Ok(())
    }

    /// Takes a plugin out; answers whether it was there. Requests that began before keep it.
    pub fn unregister(&mut self, name: &str) -> bool {
        let mut entries = self.entries.clone();
        entries.retain(|entry| **entry.instance.name() != *name);
        if entries.len() == self.entries.len() {
            return false;
        }
        match PluginSet::compile(self.set.generation() + 1, entries.clone()) {
            Ok(set) => {
                self.set = Arc::new(set);
                self.entries = entries;
                true
            }
            // Fewer than were compiled before are never too many.
            Err(TooMany { .. }) => false,
        }
    }

    /// The names, in the order of registration.
    pub fn registered_plugins(&self) -> Vec<&str> {
        self.entries.iter().map(|entry| &**entry.instance.name()).collect()
    }

    /// The services that all plugins share, to script them and to see what they were asked.
    pub fn mocks(&self) -> &MockServices {
        &self.services
    }

    /// The chains as they are now.
    pub fn plugin_set(&self) -> &Arc<PluginSet> {
        &self.set
    }

    /// Begins a request of these facts.
    pub fn request(&self, facts: Facts) -> ChainRequest {
        ChainRequest(Exchange::new(self.set.clone(), facts))
    }

    /// Calls a hook of each plugin that has it, in a request of its own: see [`ChainRequest::execute_hook`].
    pub async fn execute_hook<H: Judge>(&self, payload: &mut H::Payload) -> Vec<HookResult<H::Outcome>> {
        self.request(Facts::default()).execute_hook::<H>(payload).await
    }

    /// Asks the guardrails, in a request of its own: see [`ChainRequest::execute_guardrail_hook`].
    pub async fn execute_guardrail_hook<H>(&self, payload: &mut H::Payload) -> GuardrailResult
    where
        H: Judge + HookPoint<Outcome = Verdict>,
    {
        self.request(Facts::default()).execute_guardrail_hook::<H>(payload).await
    }
}

impl Default for ChainRunner {
    fn default() -> Self {
        Self::new()
    }
}

// === impl ChainRequest ===

impl ChainRequest {
    /// Calls a hook of each plugin that has it, in the order of the chain, and gives each one's answer. Nothing ends
    /// the chain, and failures are answers too. Edits of calls that succeed are kept in the payload.
    pub async fn execute_hook<H: Judge>(&mut self, payload: &mut H::Payload) -> Vec<HookResult<H::Outcome>> {
        let answers = self.0.each::<H>(payload).await;
        answers.into_iter().map(|(plugin, outcome)| HookResult { plugin: plugin.to_string(), outcome }).collect()
    }

    /// Asks the guardrails as the gateway does: the first that blocks ends the chain, and so does the failure of one
    /// that is `fail_closed`.
    pub async fn execute_guardrail_hook<H>(&mut self, payload: &mut H::Payload) -> GuardrailResult
    where
        H: Judge + HookPoint<Outcome = Verdict>,
    {
        let before = self.0.metadata().len();
        let ran = self.0.run::<H>(payload).await;
        let metadata = self.0.metadata()[before..].to_vec();
        match ran {
            Ok(Some(decision)) => match decision.outcome {
                Verdict::Block(no) if no.reason.is_empty() => {
                    GuardrailResult::blocked(&decision.plugin, "Blocked by plugin".to_owned(), metadata)
                }
                Verdict::Block(no) => GuardrailResult::blocked(&decision.plugin, no.reason, metadata),
                Verdict::Allow => GuardrailResult::allowed(metadata),
            },
            Ok(None) => GuardrailResult::allowed(metadata),
            Err(fault) => GuardrailResult::of_fault(&fault, metadata),
        }
    }

    /// The shared state.
    pub fn state(&self) -> &State {
        self.0.state()
    }

    /// What plugins attached so far.
    pub fn metadata(&self) -> &[PluginMetadata] {
        self.0.metadata()
    }

    /// The plugins' side of the request, for whatever else a test wants to run.
    pub fn exchange(&mut self) -> &mut Exchange {
        &mut self.0
    }
}

// === impl GuardrailResult ===

impl GuardrailResult {
    fn allowed(metadata: Vec<PluginMetadata>) -> Self {
        Self { allowed: true, blocked_by: None, block_reason: String::new(), metadata }
    }

    fn blocked(plugin: &str, block_reason: String, metadata: Vec<PluginMetadata>) -> Self {
        Self { allowed: false, blocked_by: Some(plugin.to_owned()), block_reason, metadata }
    }

    fn of_fault(fault: &Fault, metadata: Vec<PluginMetadata>) -> Self {
        Self::blocked(&fault.plugin, fault.to_error().message, metadata)
    }
}

#[cfg(test)]
mod tests;
