//! JSON text that is kept as it came.

use bytes::Bytes;
use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One complete JSON value as text, sharing the buffer it was read from.
///
/// Invariant: the bytes are valid UTF-8. Constructors check it; whether the text is valid JSON is the caller's promise.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Raw(Bytes);

/// The members of an object that the model has no field for, in their order: name and value.
///
/// They belong to the dialect they were read in and are written back only in that dialect.
pub type Extra = Vec<(Box<str>, Raw)>;

// === impl Raw ===

impl Raw {
    /// Takes a JSON text. `None` if it is not UTF-8.
    pub fn new(text: Bytes) -> Option<Self> {
        std::str::from_utf8(&text).ok()?;
        Some(Self(text))
    }

    /// The part of `buffer` that `text` points into, without a copy when it does, as a copy when it does not.
    pub fn slice_of(buffer: &Bytes, text: &str) -> Self {
        let (start, end) = (buffer.as_ptr() as usize, buffer.as_ptr() as usize + buffer.len());
        let at = text.as_ptr() as usize;
        if at >= start && at + text.len() <= end {
            Self(buffer.slice(at - start..at - start + text.len()))
        } else {
            Self(Bytes::copy_from_slice(text.as_bytes()))
        }
    }

    /// The text of a value that is made here.
    pub fn from_value(value: &serde_json::Value) -> Self {
        Self(Bytes::from(value.to_string()))
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The JSON text as bytes, sharing the buffer.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// The value, parsed; `None` where the text is not JSON, or holds what no tree does, such as a number out of range.
    pub fn parsed(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.0).ok()
    }

    /// The same, `null` where there is none.
    pub fn to_value(&self) -> serde_json::Value {
        self.parsed().unwrap_or_default()
    }
}

/// In documents it is a text that holds JSON: one value, so that it can stand nowhere but in its place.
impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match serde_json::from_str::<IgnoredAny>(&text) {
            Ok(_) => Ok(Self(Bytes::from(text))),
            Err(error) => Err(D::Error::custom(format_args!("a text that is to hold JSON holds none: {error}"))),
        }
    }
}

impl std::fmt::Debug for Raw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
