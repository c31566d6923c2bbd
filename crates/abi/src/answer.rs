//! The answer of a call: one document.

use crate::document::{self, NotADocument};
use gatewright_plugin::{Failure, Value, Writes};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The answer of a call.
#[derive(Serialize, Deserialize)]
#[serde(bound(deserialize = "O: Deserialize<'de>, E: Deserialize<'de>"))]
pub(crate) struct Answer<O, E> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<Failure>,
    #[serde(default = "nothing", skip_serializing_if = "Option::is_none", deserialize_with = "there")]
    pub(crate) outcome: Option<O>,
    #[serde(default = "nothing", skip_serializing_if = "Option::is_none", deserialize_with = "there")]
    pub(crate) edits: Option<E>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) state: Vec<(Box<str>, Option<Value>)>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "there")]
    pub(crate) scratch: Option<Arc<Json>>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) metadata: Map<String, Json>,
}

/// Its members.
const MEMBERS: [&str; 6] = ["failure", "outcome", "edits", "state", "scratch", "metadata"];

fn nothing<T>() -> Option<T> {
    None
}

/// A member that is there is there, also when it is null.
fn there<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

// === impl Answer ===

impl<O, E> Answer<O, E> {
    pub(crate) fn failed(failure: Failure) -> Self {
        let (state, metadata) = (Vec::new(), Map::new());
        Self { failure: Some(failure), outcome: None, edits: None, state, scratch: None, metadata }
    }

    pub(crate) fn of(outcome: Option<O>, edits: Option<E>, writes: Writes) -> Self {
        let Writes { state, scratch, metadata } = writes;
        Self { failure: None, outcome, edits, state, scratch, metadata }
    }
}

impl<O: DeserializeOwned, E: DeserializeOwned> Answer<O, E> {
    /// From a document. One that has members and none of an answer's is no answer: it was to say something.
    pub(crate) fn read(document: &[u8]) -> Result<Self, NotADocument> {
        let answer: Self = document::read(document)?;
        if answer.says_nothing() {
            let members: BTreeMap<String, IgnoredAny> = document::read(document)?;
            let known = members.is_empty() || members.keys().any(|name| MEMBERS.contains(&name.as_str()));
            known.then_some(()).ok_or_else(|| {
                NotADocument::new(format!(
                    "none of its members is one of an answer's, which are {}",
                    MEMBERS.join(", ")
                ))
            })?;
        }
        Ok(answer)
    }

    fn says_nothing(&self) -> bool {
        let Self { failure, outcome, edits, state, scratch, metadata } = self;
        let said = failure.is_some() || outcome.is_some() || edits.is_some() || scratch.is_some();
        !said && state.is_empty() && metadata.is_empty()
    }
}

#[cfg(test)]
mod tests;
