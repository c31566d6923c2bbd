//! How outcomes cross.

use super::Unfit;
use super::response::ResponseDocument;
use gatewright_model::{HttpResponse, LlmError, Response};
use gatewright_plugin::payload::{Asset, ChunkStream, ToolAnswer};
use gatewright_plugin::{
    AccessFlow, AfterAgent, AgentFlow, AuthDecision, ChunkFlow, Health, HttpFlow, HttpResponseFlow, ModelFlow,
    ObjectFlow, PostLlm, PreLlm, Recovery, ToolFlow, Verdict,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Keeps a stream on the guest's side, or opens it on the host's, by its number.
pub(crate) enum Opens<'a> {
    /// Guest: takes a stream and gives its number.
    Keep(&'a mut dyn FnMut(ChunkStream) -> u64),
    /// Host: the stream of a number.
    Open(&'a mut dyn FnMut(u64) -> ChunkStream),
}

/// An outcome that crosses.
pub(crate) trait OutcomeCarry: Sized {
    /// As a document.
    type Document: Serialize + DeserializeOwned;

    /// The outcome of a hook that has nothing to say; `None` where a hook must say something.
    fn quiet() -> Option<Self>;

    /// Whether this is that.
    fn is_quiet(&self) -> bool;

    /// Guest: to a document.
    fn leave(self, streams: Opens<'_>) -> Self::Document;

    /// Host: from a document.
    fn arrive(document: Self::Document, streams: Opens<'_>) -> Result<Self, Unfit>;
}

macro_rules! as_it_is {
    ($($outcome:ty: $is_quiet:pat => $quiet:expr;)*) => {
        $(impl OutcomeCarry for $outcome {
            type Document = Self;

            fn quiet() -> Option<Self> {
                $quiet
            }

            fn is_quiet(&self) -> bool {
                matches!(self, $is_quiet)
            }

            fn leave(self, _: Opens<'_>) -> Self {
                self
            }

            fn arrive(document: Self, _: Opens<'_>) -> Result<Self, Unfit> {
                Ok(document)
            }
        })*
    };
}
as_it_is! {
    (): () => Some(());
    HttpFlow: Self::Continue => Some(Self::Continue);
    HttpResponseFlow: Self::Continue => Some(Self::Continue);
    ChunkFlow: Self::Continue => Some(Self::Continue);
    AccessFlow: Self::Continue => Some(Self::Continue);
    AuthDecision: Self::Pass => Some(Self::Pass);
    Verdict: Self::Allow => Some(Self::Allow);
    PostLlm: Self::Continue => Some(Self::Continue);
    AgentFlow: Self::Continue => Some(Self::Continue);
    AfterAgent: Self::Continue => Some(Self::Continue);
    ToolFlow: Self::Continue => Some(Self::Continue);
    Recovery<ToolAnswer>: Self::Pass => Some(Self::Pass);
    ObjectFlow: Self::Continue => Some(Self::Continue);
    Json: Self::Null => Some(Self::Null);
}

/// Of `pre_llm`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PreLlmDocument {
    Continue,
    Respond(Box<ResponseDocument>),
    /// The stream of this number, which the host pulls.
    Stream(u64),
    Fail(LlmError),
}

/// Of `before_model`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ModelDocument {
    Continue,
    Respond(Box<ResponseDocument>),
}

/// Of `on_model_error`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RecoveryDocument {
    Pass,
    Recover(Box<ResponseDocument>),
}

// === impl OutcomeCarry ===

macro_rules! always_said {
    ($($outcome:ty),*) => {
        $(impl OutcomeCarry for $outcome {
            type Document = Self;

            fn quiet() -> Option<Self> {
                None
            }

            fn is_quiet(&self) -> bool {
                false
            }

            fn leave(self, _: Opens<'_>) -> Self {
                self
            }

            fn arrive(document: Self, _: Opens<'_>) -> Result<Self, Unfit> {
                Ok(document)
            }
        })*
    };
}
always_said!(HttpResponse, Health, Option<Asset>);

impl OutcomeCarry for PreLlm {
    type Document = PreLlmDocument;

    fn quiet() -> Option<Self> {
        Some(Self::Continue)
    }

    fn is_quiet(&self) -> bool {
        matches!(self, Self::Continue)
    }

    fn leave(self, streams: Opens<'_>) -> PreLlmDocument {
        match (self, streams) {
            (Self::Continue, _) | (Self::Stream(_), Opens::Open(_)) => PreLlmDocument::Continue,
            (Self::Respond(response), _) => PreLlmDocument::Respond(Box::new(ResponseDocument::of(&response))),
            (Self::Stream(stream), Opens::Keep(keep)) => PreLlmDocument::Stream(keep(stream)),
            (Self::Fail(error), _) => PreLlmDocument::Fail(*error),
        }
    }

    fn arrive(document: PreLlmDocument, streams: Opens<'_>) -> Result<Self, Unfit> {
        Ok(match (document, streams) {
            (PreLlmDocument::Continue, _) => Self::Continue,
            (PreLlmDocument::Respond(response), _) => Self::respond(response.made()?),
            (PreLlmDocument::Stream(number), Opens::Open(open)) => Self::Stream(open(number)),
            (PreLlmDocument::Stream(_), Opens::Keep(_)) => return Err(Unfit::new("a stream where none can be")),
            (PreLlmDocument::Fail(error), _) => Self::fail(error),
        })
    }
}

impl OutcomeCarry for ModelFlow {
    type Document = ModelDocument;

    fn quiet() -> Option<Self> {
        Some(Self::Continue)
    }

    fn is_quiet(&self) -> bool {
        matches!(self, Self::Continue)
    }

    fn leave(self, _: Opens<'_>) -> ModelDocument {
        match self {
            Self::Continue => ModelDocument::Continue,
            Self::Respond(response) => ModelDocument::Respond(Box::new(ResponseDocument::of(&response))),
        }
    }

    fn arrive(document: ModelDocument, _: Opens<'_>) -> Result<Self, Unfit> {
        Ok(match document {
            ModelDocument::Continue => Self::Continue,
            ModelDocument::Respond(response) => Self::Respond(Box::new(response.made()?)),
        })
    }
}

impl OutcomeCarry for Recovery<Response> {
    type Document = RecoveryDocument;

    fn quiet() -> Option<Self> {
        Some(Self::Pass)
    }

    fn is_quiet(&self) -> bool {
        matches!(self, Self::Pass)
    }

    fn leave(self, _: Opens<'_>) -> RecoveryDocument {
        match self {
            Self::Pass => RecoveryDocument::Pass,
            Self::Recover(response) => RecoveryDocument::Recover(Box::new(ResponseDocument::of(&response))),
        }
    }

    fn arrive(document: RecoveryDocument, _: Opens<'_>) -> Result<Self, Unfit> {
        Ok(match document {
            RecoveryDocument::Pass => Self::Pass,
            RecoveryDocument::Recover(response) => Self::Recover(Box::new(response.made()?)),
        })
    }
}
