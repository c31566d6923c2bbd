//! A secret: usable, never shown.

use crate::settings::is_sensitive;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A secret. The config writes it as `env.NAME`, or, with a warning, as it is; neither `Debug` nor `Serialize` shows
/// it: they write `env.NAME`, or `***`.
#[derive(Clone, Default, Eq)]
pub struct Secret {
    value: Arc<str>,
    variable: Option<Arc<str>>,
}

/// Texts that are taken out of what is said.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(Vec<Arc<str>>);

/// A shorter secret is part of too many words.
const SHORTEST: usize = 4;

/// A line of a secret that is at least so long is one, too: what repeats it often does so line by line.
const SHORTEST_LINE: usize = 16;

/// What stands for a secret that was written as it is.
pub(crate) const REDACTED: &str = "***";

// === impl Secrets ===

impl Secrets {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of these together.
    pub fn all<'a>(of: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::longest_first(of.into_iter().flat_map(|secrets| secrets.0.iter().cloned()).collect())
    }

    /// One may be part of another.
    fn longest_first(mut texts: Vec<Arc<str>>) -> Self {
        texts.sort_unstable_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        texts.dedup();
        Self(texts)
    }

    /// A text without them.
    pub fn conceal(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(&**secret, REDACTED))
    }
}

impl FromIterator<Arc<str>> for Secrets {
    fn from_iter<I: IntoIterator<Item = Arc<str>>>(secrets: I) -> Self {
        let mut texts: Vec<Arc<str>> = Vec::new();
        for secret in secrets.into_iter().filter(|secret| secret.len() >= SHORTEST) {
            let lines = secret.lines().filter(|line| line.len() >= SHORTEST_LINE && line.len() < secret.len());
            texts.extend(lines.map(Arc::from));
            // As it stands within JSON.
            let quoted = serde_json::Value::from(&*secret).to_string();
            texts.extend(quoted.get(1..quoted.len() - 1).filter(|inner| **inner != *secret).map(Arc::from));
            texts.push(secret);
        }
        Self::longest_first(texts)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

// === impl Secret ===

impl Secret {
    /// A secret written as it is. Spaces and line ends around it are taken off: files that hold secrets end in one.
    pub fn literal(value: &str) -> Self {
        Self { value: value.trim().into(), variable: None }
    }

    /// A secret that an environment variable holds.
    pub fn from_variable(variable: &str, value: &str) -> Self {
        Self { value: value.trim().into(), variable: Some(variable.into()) }
    }

    /// The secret itself: for the place that sends or compares it, never for a log.
    pub fn expose(&self) -> &str {
        &self.value
    }

    /// The environment variable that holds it; `None` if it is written as it is.
    pub fn variable(&self) -> Option<&str> {
        self.variable.as_deref()
    }

    /// Whether this is the secret, in a time that does not tell how much of it is right.
    pub fn matches(&self, candidate: &[u8]) -> bool {
        let value = self.value.as_bytes();
        value.len() == candidate.len()
            && value.iter().zip(candidate).fold(0, |difference, (one, other)| difference | (one ^ other)) == 0
    }

    /// Whether it must not be shown under this name: it comes from the environment, or name or look say that it is a
    /// secret.
    pub(crate) fn is_sensitive_as(&self, name: &str) -> bool {
        self.variable.is_some() || is_sensitive(name, &self.value)
    }

    fn shown(&self) -> Cow<'_, str> {
        match &self.variable {
            Some(variable) => format!("env.{variable}").into(),
            None if self.value.is_empty() => "".into(),
            None => REDACTED.into(),
        }
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.variable == other.variable && self.matches(other.value.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.shown())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.shown())
    }
}

/// Takes the text as it stands; a reference is resolved afterwards, where the environment is known.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::literal(&Cow::<'de, str>::deserialize(deserializer)?))
    }
}

impl JsonSchema for Secret {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "x-env": true, "x-secret": true })
    }
}

#[cfg(test)]
mod tests;
