//! What the host knows of the request. Plugins read it and cannot overwrite it.

use crate::KeptFor;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The host's facts of one request, as far as they are known at the hook.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The request's id: the client's `x-request-id`, or one made here.
    pub request_id: String,
    /// The endpoint's path (`/v1/chat/completions`).
    pub endpoint: String,
    /// The authenticated user; empty before authentication or without one.
    pub user_id: String,
    /// The application that the credential belongs to.
    pub app_id: String,
    /// The name of the client key.
    pub api_key_id: String,
    /// What the credential claims.
    pub claims: serde_json::Map<String, serde_json::Value>,
    /// The provider of this attempt; before routing, empty.
    pub provider: String,
    /// The model of this attempt; before routing, as asked for.
    pub model: String,
    /// 0 for the primary attempt, then 1, 2, ... for fallbacks.
    pub fallback_index: u32,
    /// Whether the client asked for a stream.
    pub stream: bool,
    /// The W3C `traceparent` of the request, if it has one.
    pub traceparent: Option<String>,
    /// When the request must be done.
    pub deadline: Option<Instant>,
    /// How many `llm` calls of plugins lie above this request.
    pub depth: u32,
    /// Of an agent's run, if this belongs to one.
    pub agent: Option<Box<AgentFacts>>,
    /// Host: the plugins that make this request, the outermost first. None of them is called in it.
    pub asking: Vec<Arc<str>>,
    /// Host: what hosts keep until the request is over.
    pub kept: KeptFor,
}

/// The host's facts of an agent's run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentFacts {
    /// The run's id.
    pub invocation_id: String,
    /// The agent.
    pub agent: String,
    /// The path of agents that leads to it.
    pub branch: String,
    /// The session.
    pub session_id: String,
    /// The tool call at hand.
    pub tool_call_id: String,
    /// What the caller gave to the run.
    pub runtime_state: serde_json::Map<String, serde_json::Value>,
}

impl Facts {
    /// Time left until the request must be done; `None` if it has no deadline.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }
}
