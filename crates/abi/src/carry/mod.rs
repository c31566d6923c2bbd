//! How the payload of each hook crosses: what of it is in the head, which parts are fetched, and how edits come back.

mod contents;
mod http;
mod outcome;
mod plain;
mod request;
mod response;
mod texts;

pub use contents::Contents;
pub(crate) use outcome::{Opens, OutcomeCarry};
pub(crate) use response::ResponseDocument;

use crate::document::NotADocument;
use crate::far::Far;
use crate::part::{NotGiven, Part, View};
use gatewright_model::{DecodeError, HttpRequest, HttpResponse, Output, PlacedText, Request, Response};
use gatewright_plugin::hosted::Payload;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// What came back does not fit the hook or what the hook was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(String);

/// A payload that crosses.
pub(crate) trait Carry: Payload {
    /// What is proposed as an edit.
    type Edits: Serialize + DeserializeOwned;

    /// Host: what the callee gets at once.
    fn head(&self, view: &View) -> Vec<u8>;

    /// Host: what it may fetch.
    fn parts(&self) -> Parts {
        Parts::default()
    }

    /// Guest: the payload, whose parts are fetched when somebody looks.
    fn arrive(head: &[u8], far: &Arc<dyn Far>) -> Result<Self, NotADocument>;

    /// Guest: what was edited.
    fn edits(&self) -> Option<Self::Edits> {
        None
    }

    /// Guest: hands over what the other side takes beside the answer, and takes it out of the edits.
    fn hand_over(_: &mut Self::Edits, _: &dyn Far) {}

    /// Host: the edits with texts that came beside the answer.
    fn taken(_: Option<Self::Edits>, _: Vec<PlacedText>) -> Result<Self::Edits, Unfit> {
        Err(Unfit::new("it replaces texts where it may not"))
    }

    /// Host: takes edits as a proposal.
    fn apply(&mut self, edits: Self::Edits, view: &View) -> Result<(), Unfit>;
}

/// Host: what parts are fetched from, shared with the payload.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    pub(crate) request: Option<Arc<Request>>,
    pub(crate) response: Option<ResponsePart>,
    pub(crate) http_request: Option<Arc<HttpRequest>>,
    pub(crate) http_response: Option<Arc<HttpResponse>>,
}

/// Host: a response among the parts.
#[derive(Clone, Debug)]
pub(crate) enum ResponsePart {
    Whole(Arc<Response>),
    OfResult(Arc<gatewright_plugin::payload::LlmResult>),
}

/// Of a hook that edits nothing.
#[derive(Debug, serde::Serialize)]
pub(crate) enum NoEdits {}

impl<'de> serde::Deserialize<'de> for NoEdits {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("this hook edits nothing"))
    }
}

// === impl Parts ===

impl Parts {
    /// What a part holds.
    pub(crate) fn get(&self, part: Part, view: &View) -> Result<Contents, NotGiven> {
        let missing = || NotGiven::Nothing(part);
        let unreadable = |error: DecodeError| NotGiven::Unreadable(error.to_string());
        if !view.reads() {
            return Err(NotGiven::NotAskedFor);
        }
        match part {
            Part::Chat => Contents::conversation(self.request.as_ref().ok_or_else(missing)?).map_err(unreadable),
            Part::Texts => Contents::texts(self.request.as_ref().ok_or_else(missing)?).map_err(unreadable),
            Part::Output => {
                let output = Contents::output(self.response.as_ref().ok_or_else(missing)?);
                output.map_err(unreadable)?.ok_or_else(missing)
            }
            Part::RequestBody => Ok(self.http_request.as_ref().ok_or_else(missing)?.body.bytes().clone().into()),
            Part::ResponseBody => Ok(self.http_response.as_ref().ok_or_else(missing)?.body.bytes().clone().into()),
            Part::Facts | Part::State | Part::Scratch => Err(missing()),
        }
    }
}

// === impl ResponsePart ===

impl ResponsePart {
    /// The output, if there is a response at all.
    fn output(&self) -> Result<Option<&Output>, DecodeError> {
        let response = match self {
            Self::Whole(response) => Some(&**response),
            Self::OfResult(result) => result.response(),
        };
        response.map(Response::output).transpose()
    }
}

// === impl Unfit ===

impl Unfit {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl From<DecodeError> for Unfit {
    fn from(error: DecodeError) -> Self {
        Self(error.to_string())
    }
}

impl From<NotADocument> for Unfit {
    fn from(error: NotADocument) -> Self {
        Self(error.to_string())
    }
}

#[cfg(test)]
mod tests;
