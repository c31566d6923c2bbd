//! The body of a conversation request, in no dialect.

use crate::{Extra, Messages, Raw};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A conversation and what is asked of the model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Chat {
    /// The conversation, system messages included.
    pub messages: Messages,
    /// Tools the model may ask for.
    pub tools: Arc<Vec<Tool>>,
    /// Whether and which tool it must use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<ToolChoice>,
    /// Sampling and limits.
    pub params: Params,
    /// Top-level members that the model has no field for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra: Extra,
}

/// Sampling and limits. `None` leaves it to the provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Params {
    /// Most tokens to generate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// Sampling temperature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// Sampling among the k likeliest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u64>,
    /// Texts that end the generation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// For repeatable sampling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Penalty on frequent tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f64>,
    /// Penalty on tokens present.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f64>,
    /// How many choices; absent means one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// Shape of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_format: Option<ResponseFormat>,
    /// How much to think first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<Reasoning>,
    /// Whether several tools may be asked for at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel_tool_calls: Option<bool>,
    /// The end user's id, as the provider is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// Shape of the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseFormat {
    /// Free text.
    Text,
    /// Any JSON object ("JSON mode").
    JsonObject,
    /// JSON after a schema: an object `{name, schema, strict?, description?}`, as OpenAI writes it, in every dialect.
    JsonSchema(Raw),
}

/// How much the model is to think first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reasoning {
    /// In words: `minimal`, `low`, `medium`, `high`, ...
    Effort(String),
    /// In tokens.
    Budget(u64),
    /// Not at all.
    Off,
}

/// A tool the model may ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tool {
    /// A function of the application's.
    Function {
        /// Its name.
        name: String,
        /// What it does, for the model.
        description: Option<String>,
        /// JSON Schema of its arguments.
        schema: Option<Raw>,
        /// Whether arguments must follow the schema strictly.
        strict: Option<bool>,
        /// Members that the model has no field for.
        extra: Extra,
    },
    /// A tool of the provider's own, whole.
    Other(Raw),
}

/// Whether and which tool the model must use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// As it likes.
    Auto,
    /// None.
    None,
    /// At least one.
    Required,
    /// This one.
    Tool(String),
    /// Something of the dialect's own, whole.
    Other(Raw),
}
