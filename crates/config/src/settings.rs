//! A plugin's own configuration: an object that only the plugin understands.

use crate::secret::REDACTED;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A plugin's own configuration, with its references to the environment resolved. `Debug` and `Serialize` show what
/// the file says, without the literal secrets: texts under keys like `api_key`, `token`, `password`, or that look like
/// one.
#[derive(Clone, Default, PartialEq)]
pub struct Settings {
    written: Map<String, Value>,
    resolved: Value,
    secrets: Vec<Arc<str>>,
}

// === impl Settings ===

impl Settings {
    /// Settings as they are.
    pub fn new(settings: Map<String, Value>) -> Self {
        Self { resolved: Value::Object(settings.clone()), written: settings, secrets: Vec::new() }
    }

    /// The settings, for the plugin.
    pub fn get(&self) -> Value {
        match &self.resolved {
            Value::Null => Value::Object(Map::new()),
            resolved => resolved.clone(),
        }
    }

    /// The texts in them that must not be shown: what comes from the environment, stands under a name that says that it is
    /// a secret, or looks like one.
    pub(crate) fn secrets(&self) -> &[Arc<str>] {
        &self.secrets
    }

    /// Replaces every text by what `resolve` makes of it, given the path to it.
    pub(crate) fn resolve(&mut self, resolve: &mut dyn FnMut(&[String], &str) -> Option<String>) {
        let mut resolved = Value::Object(self.written.clone());
        let mut secrets = Vec::new();
        walk(&mut resolved, &mut Vec::new(), &mut |path, text| {
            if let Some(value) = resolve(path, text) {
                secrets.push(Arc::from(value.as_str()));
                *text = value;
            } else if is_secret(path, text) {
                secrets.push(Arc::from(text.as_str()));
            }
        });
        (self.resolved, self.secrets) = (resolved, secrets);
    }

    /// The keys of literal texts that look like secrets, by their path from here.
    pub(crate) fn literal_secrets(&self) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        let mut written = Value::Object(self.written.clone());
        walk(&mut written, &mut Vec::new(), &mut |path, text| {
            if is_secret(path, text) && !text.is_empty() && crate::resolve::reference(text).is_none() {
                found.push(path.to_vec());
            }
        });
        found
    }

    fn shown(&self) -> Value {
        let mut shown = Value::Object(self.written.clone());
        walk(&mut shown, &mut Vec::new(), &mut |path, text| {
            if is_secret(path, text) && crate::resolve::reference(text).is_none() {
                *text = REDACTED.to_owned();
            }
        });
        shown
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.shown(), f)
    }
}

impl Serialize for Settings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.shown().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(Self::new)
    }
}

impl JsonSchema for Settings {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Settings".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}

/// Visits every text in a value with the keys and indices that lead to it.
fn walk(value: &mut Value, path: &mut Vec<String>, visit: &mut dyn FnMut(&[String], &mut String)) {
    match value {
        Value::String(text) => visit(path, text),
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                path.push(index.to_string());
                walk(item, path, visit);
                path.pop();
            }
        }
        Value::Object(entries) => {
            for (key, entry) in entries {
                path.push(key.clone());
                walk(entry, path, visit);
                path.pop();
            }
        }
        _ => {}
    }
}

/// Whether a text is a secret, by the name of what holds it or by its look.
fn is_secret(path: &[String], text: &str) -> bool {
    match path.iter().rev().find(|key| key.parse::<usize>().is_err()) {
        Some(key) => is_sensitive(key, text),
        None => has_secret_shape(text),
    }
}

/// Whether what stands under a name is a secret, as the name says or by its look.
pub(crate) fn is_sensitive(name: &str, text: &str) -> bool {
    is_sensitive_name(name) || has_secret_shape(text)
}

/// Ends of names that say that what they name is a secret, and of some that only sound so.
const SECRET_NAMES: [&str; 10] =
    ["_key", "apikey", "secret", "token", "password", "passwd", "authorization", "bearer", "credential", "credentials"];
const OTHER_KEYS: [&str; 7] =
    ["public_key", "primary_key", "foreign_key", "partition_key", "sort_key", "cache_key", "routing_key"];

/// Whether a name says that what it names is a secret.
fn is_sensitive_name(name: &str) -> bool {
    let name = snake_case(name);
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    name == "key" || (ends(&SECRET_NAMES) && !ends(&OTHER_KEYS))
}

/// `signingKey`, `SIGNING-KEY` and `signing_key` are one name.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let mut before = None;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && before.is_some_and(|before: char| before.is_ascii_lowercase()) {
            snake.push('_');
        }
        snake.push(if letter == '-' { '_' } else { letter.to_ascii_lowercase() });
        before = Some(letter);
    }
    snake
}

/// How the keys of providers, clouds and forges begin, and how many characters follow at least. As the log has it.
const SHAPES: [(&str, usize); 15] = [
    ("sk-", 6),
    ("AIza", 20),
    ("AKIA", 16),
    ("ASIA", 16),
    ("gsk_", 16),
    ("hf_", 16),
    ("ghp_", 16),
    ("gho_", 16),
    ("ghu_", 16),
    ("ghs_", 16),
    ("ghr_", 16),
    ("glpat-", 16),
    ("xai-", 16),
    ("pplx-", 16),
    ("r8_", 16),
];

/// Whether a text looks like a secret: `sk-...`.
fn has_secret_shape(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let fits = |rest: &str, least: usize| rest.len() >= least && rest.bytes().all(plain);
    let text = text.trim();
    SHAPES.iter().any(|(begin, least)| text.strip_prefix(begin).is_some_and(|rest| fits(rest, *least)))
}

#[cfg(test)]
mod tests;
