//! Why a stream ends before its end.

use crate::error::fault_error;
use gatewright_model::LlmError;
use gatewright_pipeline::Fault;

/// Why a stream ends before its end, which says who may still change that.
pub(crate) enum Failed {
    /// The attempt failed: its `post_llm` hooks see the error, and may recover it.
    Attempt(LlmError),
    /// A decision against the answer: its `post_llm` hooks see the error, and may not take it back.
    Request(LlmError),
    /// After the attempt was closed.
    Closed(LlmError),
}

// === impl Failed ===

impl Failed {
    /// The error, whoever may still change it.
    pub(crate) fn into_error(self) -> LlmError {
        match self {
            Self::Attempt(error) | Self::Request(error) | Self::Closed(error) => error,
        }
    }
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self::Request(fault_error(&fault))
    }
}
