//! The text of a config as a tree of JSON, with what a lenient parser would swallow: keys that stand twice.

use crate::problem::{ConfigErrors, Findings, Path};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::cell::RefCell;
use std::fmt;

/// The largest config, in bytes.
pub const MAX_FILE_BYTES: usize = 4 * 1024 * 1024;

/// Reads the text. A key that stands twice is a finding; text that is not JSON is an error with its line and column.
pub(crate) fn read(text: &[u8], findings: &mut Findings) -> Result<Value, ConfigErrors> {
    if text.len() > MAX_FILE_BYTES {
        return Err(ConfigErrors::of_text(format!(
            "is {} bytes long; at most {MAX_FILE_BYTES} (4 MiB) are read",
            text.len()
        )));
    }
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    if text.trim_ascii().is_empty() {
        return Err(ConfigErrors::of_text("is empty; write `{}` for a config of nothing but defaults"));
    }
    let findings = RefCell::new(findings);
    let mut parser = serde_json::Deserializer::from_slice(text);
    Tree { path: Path::default(), findings: &findings }
        .deserialize(&mut parser)
        .and_then(|value| parser.end().map(|()| value))
        .map_err(|error| ConfigErrors::of_text(format!("is not valid JSON: {error}")))
}

/// A node in the making.
struct Tree<'a, 'f> {
    path: Path,
    findings: &'a RefCell<&'f mut Findings>,
}

// === impl Tree ===

impl<'de> DeserializeSeed<'de> for Tree<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is out of range"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) =
            items.next_element_seed(Tree { path: self.path.item(list.len()), findings: self.findings })?
        {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let path = self.path.key(&key);
            if object.contains_key(&key) {
                self.findings.borrow_mut().aside(&path, "stands twice in this object", None);
            }
            let value = entries.next_value_seed(Tree { path, findings: self.findings })?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests;
