//! Label values, whose number is bounded.

use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};
use std::collections::HashSet;
use std::fmt::Write;
use std::sync::{Arc, PoisonError, RwLock};

/// What stands for the values that found no room.
pub(super) const OTHER: &str = "other";

/// Longest label value; a longer one counts as one that found no room.
const MAX_VALUE_BYTES: usize = 128;

/// A label's value, cheap to copy.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Label(Arc<str>);

/// Values of one label, at most so many; what comes later is [`OTHER`].
#[derive(Debug)]
pub(super) struct Bounded {
    max: usize,
    values: RwLock<HashSet<Label>>,
}

// === impl Label ===

impl Label {
    pub(super) fn new(value: &str) -> Self {
        Self(value.into())
    }

    pub(super) fn other() -> Self {
        Self::new(OTHER)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a value may become a label at all.
    pub(super) fn fits(value: &str) -> bool {
        value.len() <= MAX_VALUE_BYTES
    }
}

impl std::borrow::Borrow<str> for Label {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl EncodeLabelValue for Label {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        encoder.write_str(&self.0)
    }
}

// === impl Bounded ===

impl Bounded {
    pub(super) fn new(max: usize) -> Self {
        Self { max, values: RwLock::default() }
    }

    /// The label for a value; takes up room if the value is new.
    pub(super) fn admit(&self, value: &str) -> Label {
        if let Some(known) = self.values.read().unwrap_or_else(PoisonError::into_inner).get(value) {
            return known.clone();
        }
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        if values.len() >= self.max || !Label::fits(value) {
            return Label::other();
        }
        let label = Label::new(value);
        values.insert(label.clone());
        label
    }
}
