//! The request's state: what one hook sets, the later ones see.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most entries in a request's state.
pub const MAX_STATE_ENTRIES: usize = 256;

/// Most bytes in a request's state, keys and values together.
pub const MAX_STATE_BYTES: usize = 1 << 20;

/// A value in the state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    F64(f64),
    /// Text.
    Str(Arc<str>),
    /// Bytes.
    Bytes(Bytes),
    /// Anything else, as JSON.
    Json(Arc<serde_json::Value>),
}

/// A snapshot of the state, cheap to copy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    entries: Option<Arc<BTreeMap<Box<str>, Value>>>,
    bytes: usize,
}

/// The state has no room for it: at most [`MAX_STATE_ENTRIES`] entries and [`MAX_STATE_BYTES`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request's state is full: at most {MAX_STATE_ENTRIES} entries and {MAX_STATE_BYTES} bytes")]
pub struct StateFull(());

// === impl Value ===

impl Value {
    fn size(&self) -> usize {
        match self {
            Self::Bool(_) | Self::Int(_) | Self::F64(_) => 8,
            Self::Str(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Json(json) => json_size(json),
        }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            Self::Json(json) => json.as_str(),
            _ => None,
        }
    }

    /// The value as JSON; bytes become an array of numbers.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Bool(value) => (*value).into(),
            Self::Int(value) => (*value).into(),
            Self::F64(value) => (*value).into(),
            Self::Str(text) => (**text).into(),
            Self::Bytes(bytes) => bytes.to_vec().into(),
            Self::Json(json) => (**json).clone(),
        }
    }
}

/// About the length of its text, without writing it.
fn json_size(json: &serde_json::Value) -> usize {
    match json {
        serde_json::Value::String(text) => text.len() + 2,
        serde_json::Value::Array(items) => 2 + items.iter().map(|item| json_size(item) + 1).sum::<usize>(),
        serde_json::Value::Object(members) => {
            2 + members.iter().map(|(key, value)| key.len() + json_size(value) + 4).sum::<usize>()
        }
        _ => 8,
    }
}

macro_rules! value_from {
    ($($from:ty => $variant:ident: $convert:expr),* $(,)?) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant($convert(value))
            }
        }
    )*};
}
value_from! {
    bool => Bool: std::convert::identity,
    i64 => Int: std::convert::identity,
    f64 => F64: std::convert::identity,
    &str => Str: Arc::from,
    String => Str: Arc::from,
    Bytes => Bytes: std::convert::identity,
    serde_json::Value => Json: Arc::new,
}

// === impl State ===

impl State {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries.as_ref()?.get(key)
    }

    /// Keys and values, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.entries.iter().flat_map(|entries| entries.iter()).map(|(key, value)| (&**key, value))
    }

    /// Sets a key; `None` takes it out. An error leaves the state as it was.
    pub fn set(&mut self, key: &str, value: Option<Value>) -> Result<(), StateFull> {
        let old = self.get(key);
        let freed = old.map_or(0, |old| key.len() + old.size());
        let added = value.as_ref().map_or(0, |new| key.len() + new.size());
        let bytes = self.bytes - freed + added;
        let count = self.entries.as_ref().map_or(0, |entries| entries.len()) + usize::from(old.is_none());
        if value.is_some() && (bytes > MAX_STATE_BYTES || count > MAX_STATE_ENTRIES) {
            return Err(StateFull(()));
        }
        let entries = Arc::make_mut(self.entries.get_or_insert_default());
        match value {
            Some(value) => entries.insert(key.into(), value),
            None => entries.remove(key),
        };
        self.bytes = bytes;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
