//! The context of a hook call.

use crate::services::{Level, LogRecord, Services};
use crate::{Facts, Failure, State, StateFull, Value};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value as Json;
use std::sync::{Arc, LazyLock};

/// What a hook knows of its request, and what it may leave for later hooks.
///
/// One context spans the whole request, over all layers. Facts are the host's. State is shared by all plugins; the
/// scratchpad is the plugin's own. What a call writes is kept only when it succeeds in time.
#[derive(Clone, Debug)]
pub struct Cx {
    facts: Arc<Facts>,
    state: State,
    scratch: Option<Arc<Json>>,
    writes: Writes,
    services: Services,
    remote: Option<Arc<dyn Remote>>,
}

/// Gives what a context holds when it is in another address space, once somebody looks.
pub trait Remote: std::fmt::Debug + Send + Sync {
    /// The host's facts.
    fn facts(&self) -> &Arc<Facts>;

    /// The snapshot of the state.
    fn state(&self) -> &State;

    /// The plugin's scratchpad.
    fn scratch(&self) -> Option<&Arc<Json>>;
}

/// What one call wrote, until the host keeps it.
#[derive(Clone, Debug, Default)]
pub struct Writes {
    /// Sets (`Some`) and removals (`None`) of the shared state, in order.
    pub state: Vec<(Box<str>, Option<Value>)>,
    /// The plugin's new scratchpad.
    pub scratch: Option<Arc<Json>>,
    /// Kept with the request's log as `{plugin, hook, metadata}`.
    pub metadata: serde_json::Map<String, Json>,
}

// === impl Cx ===

impl Cx {
    /// Host: a context.
    pub fn new(facts: Arc<Facts>, state: State, scratch: Option<Arc<Json>>, services: Services) -> Self {
        Self { facts, state, scratch, writes: Writes::default(), services, remote: None }
    }

    /// Host: a context of which the rest is elsewhere.
    pub fn remote(remote: Arc<dyn Remote>, services: Services) -> Self {
        // Nobody looks at these: they only fill the place.
        static NONE: LazyLock<Arc<Facts>> = LazyLock::new(Arc::default);
        Self { remote: Some(remote), ..Self::new(NONE.clone(), State::default(), None, services) }
    }

    /// The host's facts: request id, user, app, key, model, provider, endpoint, claims, deadline.
    pub fn facts(&self) -> &Facts {
        self.shared_facts()
    }

    /// Host: the facts, sharing their storage.
    pub fn shared_facts(&self) -> &Arc<Facts> {
        match &self.remote {
            None => &self.facts,
            Some(remote) => remote.facts(),
        }
    }

    /// The request's id.
    pub fn request_id(&self) -> &str {
        &self.facts().request_id
    }

    /// The value of a key in the shared state, this call's own writes included. Prefix keys with the plugin's name.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self.writes.state.iter().rev().find(|(written, _)| &**written == key) {
            Some((_, value)) => value.as_ref(),
            None => self.state().get(key),
        }
    }

    /// Sets a key in the shared state, for this and all later hooks of the request. An error if what this call writes is
    /// alone more than the state holds. What finds no room beside what others wrote is let go after the call, with a warning.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) -> Result<(), StateFull> {
        self.write(key, Some(value.into()))
    }

    /// Takes a key out of the shared state.
    pub fn remove(&mut self, key: &str) {
        // Removing cannot overfill the state.
        let _ = self.write(key, None);
    }

    fn write(&mut self, key: &str, value: Option<Value>) -> Result<(), StateFull> {
        let mut probe = State::default();
        for (key, value) in &self.writes.state {
            probe.set(key, value.clone())?;
        }
        probe.set(key, value.clone())?;
        self.writes.state.push((key.into(), value));
        Ok(())
    }

    /// The plugin's own scratchpad for this request; `None` if nothing was put there or it is of another shape.
    pub fn scratch<T: DeserializeOwned>(&self) -> Option<T> {
        let json = self.writes.scratch.as_ref().or_else(|| self.kept_scratch())?;
        T::deserialize(&**json).ok()
    }

    /// Puts a value into the plugin's own scratchpad for this request.
    pub fn set_scratch(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        self.writes.scratch = Some(Arc::new(serde_json::to_value(value)?));
        Ok(())
    }

    /// Adds to what is kept with the request's log.
    pub fn metadata(&mut self, key: &str, value: impl Into<Json>) {
        self.writes.metadata.insert(key.to_owned(), value.into());
    }

    /// The host's services: log, metrics, records, kv, http, llm.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Writes a line to the host's log; the plugin and the request id are added by the host.
    pub fn log(&self, level: Level, message: &str, fields: &[(&str, Json)]) {
        self.services.log.log(&LogRecord { level, message, fields, request_id: self.request_id() });
    }

    /// Host: makes ready for the next call of the same request.
    pub fn enter(&mut self, scratch: Option<Arc<Json>>, services: &Services) {
        self.scratch = scratch;
        self.services.clone_from(services);
    }

    /// Host: takes what the call wrote.
    pub fn take_writes(&mut self) -> Writes {
        std::mem::take(&mut self.writes)
    }

    /// Host: whether the call wrote anything.
    pub fn has_writes(&self) -> bool {
        !(self.writes.state.is_empty() && self.writes.scratch.is_none() && self.writes.metadata.is_empty())
    }

    /// Host: the snapshot of the state that the call reads.
    pub fn state(&self) -> &State {
        match &self.remote {
            None => &self.state,
            Some(remote) => remote.state(),
        }
    }

    /// Host: the scratchpad that the call reads.
    pub fn kept_scratch(&self) -> Option<&Arc<Json>> {
        match &self.remote {
            None => self.scratch.as_ref(),
            Some(remote) => remote.scratch(),
        }
    }

    /// Host: puts what a call wrote elsewhere in place of this one's own.
    pub fn set_writes(&mut self, writes: Writes) {
        self.writes = writes;
    }

    /// Host: puts another snapshot in its place.
    pub fn set_state(&mut self, state: State) {
        self.state = state;
    }
}
