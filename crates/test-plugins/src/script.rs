//! What a test plugin is told to do: its `config`.

use gatewright_plugin::model::{ErrorKind, LlmError};
use gatewright_plugin::{Hook, Identity, Rejection, Suspension};
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// The `config` of a scripted plugin: `{"hooks": {"pre_llm": [{"edit": "!"}, {"decide": {"respond": "hi"}}]}}`.
///
/// A hook without steps does nothing but record its call. Steps of a hook may be kept for one phase of it:
/// `post_llm:chunk`, `post_llm:end`, `post_llm:response`, `post_llm:error`, `on_stream_chunk:final`,
/// `check_output:final`; they come after those for all phases.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    /// The steps of each hook, in order.
    pub hooks: BTreeMap<String, Vec<Step>>,
    /// If not empty: steps are done in requests of this id alone.
    pub only: String,
    /// If not empty: of calls in requests whose id begins so, only that they came is recorded, and the scratchpad. All
    /// that they saw would take most of the time of a case that sends many.
    pub brief: String,
}

/// One thing that a hook does.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Appends this to every text of the payload.
    Edit(String),
    /// Replaces the first text by the second, wherever it stands.
    Replace(String, String),
    /// The same, but not in a text that has left already.
    ReplaceHeld(String, String),
    /// Makes the payload's first text this many bytes long.
    Grow(usize),
    /// Leaves behind what the hook does not allow.
    Spoil,
    /// Sends the attempt elsewhere.
    Target {
        /// The provider.
        provider: String,
        /// The model.
        model: String,
    },
    /// Makes the result a response of this text.
    Recover(String),
    /// Makes the result an error.
    Invalidate(ErrorSpec),
    /// Sets a key of the shared state.
    Set(String, Json),
    /// Takes a key out of the shared state.
    Unset(String),
    /// Puts a value into the plugin's scratchpad.
    Scratch(Json),
    /// Puts a text of this many bytes into the plugin's scratchpad.
    ScratchBytes(usize),
    /// Attaches to the request's log.
    Metadata(String, Json),
    /// Attaches a text of this many bytes.
    MetadataBytes(usize),
    /// Holds the thread for so many milliseconds.
    Sleep(u64),
    /// Waits for a gate: a key of the `kv` service that is answered when the case says so.
    Wait(String),
    /// Panics.
    Panic(String),
    /// Returns a failure.
    Fail(String),
    /// Blocks if any text of the payload holds this.
    BlockOn(String),
    /// Makes the result an error if any text of the payload holds this.
    InvalidateOn(String, ErrorSpec),
    /// Takes the chunk out if any text of it holds this.
    DropOn(String),
    /// Decides.
    Decide(Decision),
    /// Decides if this key of the state is not set, and sets it.
    DecideOnce(Decision, String),
}

/// What a hook decides. One that the hook does not have is a failure.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Decision {
    /// Rejects, blocks, refuses, vetoes or ends the stream.
    Block(Rejection),
    /// Answers with this text.
    Respond(String),
    /// Answers with an HTTP response of this status.
    RespondStatus(u16),
    /// Answers with a stream of these texts.
    Stream(Vec<String>),
    /// Answers with a stream of these texts that just stops.
    StreamBare(Vec<String>),
    /// Answers with a stream that panics after these texts.
    StreamPanic(Vec<String>),
    /// Answers with a stream that hangs after these texts.
    StreamHang(Vec<String>),
    /// Fails the attempt.
    Error(ErrorSpec),
    /// Takes the chunk out.
    Drop,
    /// Says who it is.
    Identify(Identity),
    /// Appends a message.
    Append(String),
    /// Waits for a person.
    Suspend(Suspension),
    /// Takes an error back.
    Recover(String),
    /// Is not well.
    Unhealthy(String),
}

/// An error that a script makes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorSpec {
    /// Its kind.
    pub kind: ErrorKind,
    /// Its message.
    pub message: String,
    /// Whether fallbacks may be tried.
    #[serde(default)]
    pub allow_fallbacks: Option<bool>,
    /// Its HTTP status.
    #[serde(default)]
    pub status: Option<u16>,
}

// === impl Script ===

impl Script {
    /// Whether only that a call came is recorded.
    pub(super) fn is_brief(&self, request_id: &str) -> bool {
        !self.brief.is_empty() && request_id.starts_with(&self.brief)
    }

    /// The steps of a hook in this phase of it.
    pub(super) fn steps(&self, hook: Hook, phase: &str, request_id: &str) -> impl Iterator<Item = &Step> {
        let here = self.only.is_empty() || self.only == request_id;
        let always = self.hooks.get(hook.name()).filter(|_| here);
        let in_phase = self.hooks.get(&format!("{}:{phase}", hook.name())).filter(|_| here);
        always.into_iter().chain(in_phase).flatten()
    }
}

// === impl ErrorSpec ===

impl From<&ErrorSpec> for LlmError {
    fn from(spec: &ErrorSpec) -> Self {
        let error = Self::new(spec.kind, spec.message.clone());
        Self { allow_fallbacks: spec.allow_fallbacks, status: spec.status, ..error }
    }
}
