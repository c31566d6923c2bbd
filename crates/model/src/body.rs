//! Bodies of HTTP messages.

use crate::{DecodeError, Remote};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::ops::Deref;
use std::sync::Arc;

/// The body of an HTTP message: bytes, which a plugin in another address space gets when it looks.
#[derive(Clone, Debug)]
pub struct Body(Place);

#[derive(Clone, Debug)]
enum Place {
    Here(Bytes),
    Remote(Arc<Remote<Bytes>>),
}

// === impl Body ===

impl Body {
    /// A body that is elsewhere. One that cannot be fetched reads as empty.
    pub fn remote(fetch: impl Fn() -> Result<Bytes, DecodeError> + Send + Sync + 'static) -> Self {
        Self(Place::Remote(Arc::new(Remote::new(fetch))))
    }

    /// The bytes.
    pub fn bytes(&self) -> &Bytes {
        static NOTHING: Bytes = Bytes::new();
        match &self.0 {
            Place::Here(bytes) => bytes,
            Place::Remote(remote) => remote.get().unwrap_or(&NOTHING),
        }
    }

    /// The bytes, sharing the buffer.
    pub fn into_bytes(self) -> Bytes {
        match self.0 {
            Place::Here(bytes) => bytes,
            Place::Remote(_) => self.bytes().clone(),
        }
    }

    /// Whether both are one body, so that neither was edited; looks at no bytes that are elsewhere.
    pub fn same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Place::Here(a), Place::Here(b)) => a.as_ptr() == b.as_ptr() && a.len() == b.len(),
            (Place::Remote(a), Place::Remote(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self(Place::Here(Bytes::new()))
    }
}

/// In documents a body is bytes.
impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.bytes().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Bytes::deserialize(deserializer).map(Self::from)
    }
}

impl Deref for Body {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        self.bytes()
    }
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        self.same(other) || self.bytes() == other.bytes()
    }
}

impl Eq for Body {}

impl PartialEq<[u8]> for Body {
    fn eq(&self, other: &[u8]) -> bool {
        **self.bytes() == *other
    }
}

impl PartialEq<&str> for Body {
    fn eq(&self, other: &&str) -> bool {
        self.bytes() == other.as_bytes()
    }
}

impl<B: Into<Bytes>> From<B> for Body {
    fn from(bytes: B) -> Self {
        Self(Place::Here(bytes.into()))
    }
}
