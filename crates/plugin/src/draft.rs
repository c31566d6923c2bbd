//! Edits are proposals.

use crate::payload::LlmResult;
use gatewright_model::{DecodeError, Request, Response, TextOf};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A payload that a hook may edit. Reading is free; the first edit takes a copy, and the host keeps it only when the
/// call succeeds in time. A hook that fails, or comes back late, has edited nothing but its own copy.
#[derive(Clone, Debug)]
pub struct Draft<P> {
    base: Arc<P>,
    new: Option<Box<P>>,
}

// === impl Draft ===

impl<P: Clone> Draft<P> {
    /// A draft over this payload.
    pub fn new(base: Arc<P>) -> Self {
        Self { base, new: None }
    }

    /// The payload, to edit.
    pub fn edit(&mut self) -> &mut P {
        self.new.get_or_insert_with(|| Box::new((*self.base).clone()))
    }

    /// Puts another payload in its place.
    pub fn replace(&mut self, payload: P) {
        self.new = Some(Box::new(payload));
    }

    /// Whether there is an edit that is not yet kept.
    pub fn is_edited(&self) -> bool {
        self.new.is_some()
    }

    /// Tries an edit, and leaves the draft as it was where nothing changed.
    fn edited_if<R>(&mut self, edit: impl FnOnce(&mut P) -> R, changed: impl FnOnce(&R) -> bool) -> R {
        let edited = self.is_edited();
        let result = edit(self.edit());
        if !edited && !changed(&result) {
            self.undo();
        }
        result
    }

    /// Host: keeps the edit, so that the next hook reads it. Answers whether there was one.
    pub fn commit(&mut self) -> bool {
        match self.new.take() {
            Some(new) => {
                self.base = Arc::from(new);
                true
            }
            None => false,
        }
    }

    /// Host: gives the edit up.
    pub fn undo(&mut self) {
        self.new = None;
    }

    /// Host: what is kept so far.
    pub fn base(&self) -> &Arc<P> {
        &self.base
    }

    /// Host: the payload with what is kept and what is not.
    pub fn into_inner(mut self) -> P {
        self.commit();
        Arc::try_unwrap(self.base).unwrap_or_else(|shared| (*shared).clone())
    }
}

impl Draft<Request> {
    /// Replaces texts as [`Request::map_texts`] does. It is edited only if one changes.
    pub fn map_texts(&mut self, edit: impl FnMut(TextOf, &str) -> Option<String>) -> Result<bool, DecodeError> {
        self.edited_if(|request| request.map_texts(edit), |changed| matches!(changed, Ok(true)))
    }
}

impl Draft<LlmResult> {
    /// Replaces texts as [`LlmResult::map_texts`] does. It is edited only if one changes: of a
    /// [`StreamEnd`](LlmResult::StreamEnd), whose texts have left, that is a failure.
    pub fn map_texts(&mut self, edit: impl FnMut(&str) -> Option<String>) -> bool {
        self.edited_if(|result| result.map_texts(edit), |changed| *changed)
    }
}

impl Draft<Response> {
    /// Replaces texts as [`Response::map_texts`] does. It is edited only if one changes.
    pub fn map_texts(&mut self, edit: impl FnMut(&str) -> Option<String>) -> bool {
        self.edited_if(|response| response.map_texts(edit), |changed| *changed)
    }
}

impl<P: Clone> From<P> for Draft<P> {
    fn from(payload: P) -> Self {
        Self::new(Arc::new(payload))
    }
}

impl<P> Deref for Draft<P> {
    type Target = P;

    fn deref(&self) -> &P {
        self.new.as_deref().unwrap_or(&self.base)
    }
}

impl<P: Clone> DerefMut for Draft<P> {
    fn deref_mut(&mut self) -> &mut P {
        self.edit()
    }
}

#[cfg(test)]
mod tests;
