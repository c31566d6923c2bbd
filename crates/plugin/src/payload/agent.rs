//! What agent hooks are given, besides the model's own types.

use crate::Draft;
use crate::model::{LlmError, Message, Request};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::sync::Arc;

/// Of `before_agent`: a run that is about to begin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentCall {
    /// The agent.
    pub agent: String,
    /// What it is given.
    pub input: Vec<Message>,
}

/// Of `after_agent`: a run that ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentResult {
    /// The agent.
    pub agent: String,
    /// What it answered.
    pub output: Vec<Message>,
    /// The error, if it ended with one.
    pub error: Option<LlmError>,
}

/// Of `before_tool`: a tool call of an agent or over MCP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The call's id.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments.
    pub arguments: Json,
}

/// What a tool answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolAnswer {
    /// The answer.
    pub content: Json,
    /// Whether the tool failed.
    pub is_error: bool,
}

/// Of `after_tool`: the call as it was made, and its answer.
#[derive(Clone, Debug)]
pub struct ToolOutcome {
    /// The call.
    pub call: Arc<ToolCall>,
    /// The answer, to edit.
    pub answer: Draft<ToolAnswer>,
}

/// Of `on_model_error`: a model step that failed.
#[derive(Clone, Debug)]
pub struct ModelError {
    /// What was asked.
    pub request: Arc<Request>,
    /// What went wrong.
    pub error: Arc<LlmError>,
}

/// Of `on_tool_error`: a tool call that failed.
#[derive(Clone, Debug)]
pub struct ToolError {
    /// The call.
    pub call: Arc<ToolCall>,
    /// What went wrong.
    pub message: String,
}

/// Of `on_event`: an event of a run, before it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentEvent {
    /// The event's id.
    pub id: String,
    /// Who it is from: an agent, or `user`.
    pub author: String,
    /// What kind: `message`, `tool.call`, `tool.response`, `error`, ...
    pub kind: String,
    /// What it says.
    pub content: Json,
    /// Whether it is a piece of one that follows whole.
    pub partial: bool,
    /// For programs and people.
    pub tags: Vec<String>,
}
