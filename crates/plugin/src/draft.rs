//! Edits are proposals.

use gatewright_model::{DecodeError, Request, TextOf};
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
        let edited = self.is_edited();
        let changed = self.edit().map_texts(edit);
        if !edited && !matches!(changed, Ok(true)) {
            self.undo();
        }
        changed
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
