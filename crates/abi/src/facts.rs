//! The host's facts, as a document.

use gatewright_plugin::{AgentFacts, Facts};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::time::{Duration, Instant};

/// The facts of a call, as a document.
#[derive(Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FactsDocument {
    pub(crate) request_id: String,
    pub(crate) endpoint: String,
    pub(crate) user_id: String,
    pub(crate) app_id: String,
    pub(crate) api_key_id: String,
    pub(crate) claims: Map<String, Json>,
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) fallback_index: u32,
    pub(crate) stream: bool,
    pub(crate) traceparent: Option<String>,
    /// What is left until the request must be done, in milliseconds.
    pub(crate) remaining_ms: Option<u64>,
    pub(crate) depth: u32,
    pub(crate) agent: Option<Box<AgentFacts>>,
}

// === impl FactsDocument ===

impl Default for FactsDocument {
    fn default() -> Self {
        Self::from(&Facts::default())
    }
}

impl From<&Facts> for FactsDocument {
    fn from(facts: &Facts) -> Self {
        let remaining = |left: Duration| u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        Self {
            request_id: facts.request_id.clone(),
            endpoint: facts.endpoint.clone(),
            user_id: facts.user_id.clone(),
            app_id: facts.app_id.clone(),
            api_key_id: facts.api_key_id.clone(),
            claims: facts.claims.clone(),
            provider: facts.provider.clone(),
            model: facts.model.clone(),
            fallback_index: facts.fallback_index,
            stream: facts.stream,
            traceparent: facts.traceparent.clone(),
            remaining_ms: facts.remaining().map(remaining),
            depth: facts.depth,
            agent: facts.agent.clone(),
        }
    }
}

impl From<FactsDocument> for Facts {
    fn from(document: FactsDocument) -> Self {
        // A component has no clock of the standard library's.
        let deadline = match cfg!(target_arch = "wasm32") {
            true => None,
            false => document.remaining_ms.and_then(|left| Instant::now().checked_add(Duration::from_millis(left))),
        };
        Self {
            request_id: document.request_id,
            endpoint: document.endpoint,
            user_id: document.user_id,
            app_id: document.app_id,
            api_key_id: document.api_key_id,
            claims: document.claims,
            provider: document.provider,
            model: document.model,
            fallback_index: document.fallback_index,
            stream: document.stream,
            traceparent: document.traceparent,
            deadline,
            depth: document.depth,
            agent: document.agent,
            ..Self::default()
        }
    }
}
