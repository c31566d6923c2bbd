//! Failures: a plugin that did not do its job.

use gatewright_model::{DecodeError, LlmError};
use serde::{Deserialize, Serialize};

/// What a failure of a plugin means for the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FailureMode {
    /// Logged; the request goes on as if the call had not been made.
    #[serde(rename = "fail_open", alias = "open")]
    Open,
    /// The request ends with 503 `plugin_unavailable`.
    #[serde(rename = "fail_closed", alias = "closed")]
    Closed,
}

/// A plugin did not do its job. What that means is the [`FailureMode`]'s, not the plugin's, decision: to reject a
/// request is an outcome of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Failure {
    /// The plugin said so.
    #[error("{0}")]
    Returned(String),
    /// It panicked or trapped.
    #[error("panicked: {0}")]
    Panicked(String),
    /// It took longer than it may.
    #[error("timed out")]
    TimedOut,
    /// Its answer is not one that this hook allows.
    #[error("answered what the hook does not allow: {0}")]
    Malformed(String),
    /// Its answer is too large, or what it would have to be given.
    #[error("too large: {0}")]
    Oversized(String),
    /// It did not load, is quarantined, restarting or gone.
    #[error("not available: {0}")]
    Unavailable(String),
}

// === impl FailureMode ===

impl FailureMode {
    /// The word in configs, metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "fail_open",
            Self::Closed => "fail_closed",
        }
    }
}

// === impl Failure ===

impl Failure {
    /// A failure that says so.
    pub fn new(message: impl Into<String>) -> Self {
        Self::Returned(message.into())
    }

    /// The word in metrics, logs and block reasons; holds nothing of the plugin's own text.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Returned(_) => "error",
            Self::Panicked(_) => "panic",
            Self::TimedOut => "timeout",
            Self::Malformed(_) => "malformed",
            Self::Oversized(_) => "oversized",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Returned(message)
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Self {
        Self::Returned(message.to_owned())
    }
}

macro_rules! returned_from {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Returned(error.to_string())
            }
        }
    )*};
}
returned_from!(DecodeError, LlmError, serde_json::Error, crate::StateFull, crate::services::ServiceError);

#[cfg(test)]
mod tests;
