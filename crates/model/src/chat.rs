//! The body of a conversation request, in no dialect.

use crate::{Extra, Messages, Raw};
use std::sync::Arc;

/// A conversation and what is asked of the model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chat {
    /// The conversation, system messages included.
    pub messages: Messages,
    /// Tools the model may ask for.
    pub tools: Arc<Vec<Tool>>,
    /// Whether and which tool it must use.
    pub tool_choice: Option<ToolChoice>,
    /// Sampling and limits.
    pub params: Params,
    /// Top-level members that the model has no field for.
    pub extra: Extra,
}

/// Sampling and limits. `None` leaves it to the provider.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params {
    /// Most tokens to generate.
    pub max_tokens: Option<u64>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Sampling among the k likeliest.
    pub top_k: Option<u64>,
    /// Texts that end the generation.
    pub stop: Vec<String>,
    /// For repeatable sampling.
    pub seed: Option<i64>,
    /// Penalty on frequent tokens.
    pub frequency_penalty: Option<f64>,
    /// Penalty on tokens present.
    pub presence_penalty: Option<f64>,
    /// How many choices; absent means one.
    pub n: Option<u64>,
    /// Shape of the answer.
    pub response_format: Option<ResponseFormat>,
    /// How much to think first.
    pub reasoning: Option<Reasoning>,
    /// Whether several tools may be asked for at once.
    pub parallel_tool_calls: Option<bool>,
    /// The end user's id, as the provider is told.
    pub user: Option<String>,
}

/// Shape of the answer.
#[derive(Clone, Debug, PartialEq)]
pub enum ResponseFormat {
    /// Free text.
    Text,
    /// Any JSON object ("JSON mode").
    JsonObject,
    /// JSON after a schema: an object `{name, schema, strict?, description?}`, as OpenAI writes it, in every dialect.
    JsonSchema(Raw),
}

/// How much the model is to think first.
#[derive(Clone, Debug, PartialEq)]
pub enum Reasoning {
    /// In words: `minimal`, `low`, `medium`, `high`, ...
    Effort(String),
    /// In tokens.
    Budget(u64),
    /// Not at all.
    Off,
}

/// A tool the model may ask for.
#[derive(Clone, Debug, PartialEq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
