//! A context for tests.

use crate::services::MockServices;
use gatewright_plugin::{Cx, Facts, State, Value, Writes};
use serde_json::{Map, Value as Json};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A context whose services record. It derefs to [`Cx`], so that `&mut cx` is what hooks take.
///
/// What hooks write is seen by the next call with the same context, as in one request; [`MockCx::commit`] keeps it as
/// the host does after a call that succeeded, and takes it out of [`MockCx::attached`].
#[derive(Debug)]
pub struct MockCx {
    cx: Cx,
    services: MockServices,
}

// === impl MockCx ===

impl MockCx {
    /// A context of a request by this user and key, for this model, on this endpoint (seed 003: `NewContext`). The
    /// provider is empty, as before routing.
    pub fn new(request_id: &str, user_id: &str, api_key_id: &str, model: &str, endpoint: &str) -> Self {
        Self::with_facts(Facts {
            request_id: request_id.to_owned(),
            user_id: user_id.to_owned(),
            api_key_id: api_key_id.to_owned(),
            model: model.to_owned(),
            endpoint: endpoint.to_owned(),
            ..Facts::default()
        })
    }

    /// A context of these facts.
    pub fn with_facts(facts: Facts) -> Self {
        let services = MockServices::default();
        let cx = Cx::new(Arc::new(facts), State::default(), None, services.services());
        Self { cx, services }
    }

    /// The same context with other services.
    pub fn with_services(mut self, services: MockServices) -> Self {
        let scratch = self.cx.scratch::<Json>().map(Arc::new);
        self.cx.enter(scratch, &services.services());
        self.services = services;
        self
    }

    /// The same context with an entry in the shared state, as if an earlier hook had set it. An entry that is too large
    /// is left out.
    pub fn with_state(mut self, key: &str, value: impl Into<Value>) -> Self {
        let mut state = self.cx.state().clone();
        let _ = state.set(key, Some(value.into()));
        self.cx.set_state(state);
        self
    }

    /// The services, to script them and to see what they were asked.
    pub fn mocks(&self) -> &MockServices {
        &self.services
    }

    /// What hooks attached for the request's log since the last [`MockCx::commit`].
    pub fn attached(&self) -> Map<String, Json> {
        self.cx.clone().take_writes().metadata
    }

    /// Keeps what hooks wrote, as the host does after a call that succeeded, and answers what it was.
    pub fn commit(&mut self) -> Writes {
        let scratch = self.cx.scratch::<Json>().map(Arc::new);
        let writes = self.cx.take_writes();
        let mut state = self.cx.state().clone();
        // What finds no room is let go as a whole.
        if writes.state.iter().try_for_each(|(key, value)| state.set(key, value.clone())).is_ok() {
            self.cx.set_state(state);
        }
        self.cx.enter(scratch, &self.services.services());
        writes
    }

    /// Gives up what hooks wrote, as the host does after a call that failed, and answers what it was.
    pub fn undo(&mut self) -> Writes {
        self.cx.take_writes()
    }
}

impl Deref for MockCx {
    type Target = Cx;

    fn deref(&self) -> &Cx {
        &self.cx
    }
}

impl DerefMut for MockCx {
    fn deref_mut(&mut self) -> &mut Cx {
        &mut self.cx
    }
}

#[cfg(test)]
mod tests;
