//! The JSON Schema of the config, made from its types: editors read it, and so does the check of a config's shape.

use crate::Config;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Config>().to_value();
    simplify(&mut schema);
    schema
});

/// The JSON Schema of `config.json`, draft 2020-12; also the file `config.schema.json` of this crate.
///
/// Besides the standard's, its keywords are `x-env` (may be `env.NAME`), `x-secret` (is never shown), `x-alias-of`
/// (another name of that key), `x-ignore-case`, and `x-refused` (words that are refused, and why).
pub fn json_schema() -> &'static Value {
    &SCHEMA
}

/// A schema's keyword, its own or that of the definition it refers to.
pub(crate) fn keyword<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    schema.get(name).or_else(|| {
        let pointer = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
        SCHEMA.pointer(pointer)?.get(name)
    })
}

/// Makes of what the generator wrote what the config is: no `null` (a key is left out instead), aliases as keys of
/// their own, one line for each description, and no formats that only say which Rust type it was.
fn simplify(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(simplify),
        Value::Object(keywords) => {
            keywords.values_mut().for_each(simplify);
            without_null(keywords);
            if let Some(Value::String(text)) = keywords.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            if keywords.get("format").and_then(Value::as_str).is_some_and(|it| it == "double" || it.contains("int")) {
                keywords.remove("format");
            }
            if let Some(Value::Object(properties)) = keywords.get_mut("properties") {
                expand_aliases(properties);
            }
        }
        _ => {}
    }
}

fn without_null(keywords: &mut Map<String, Value>) {
    if keywords.get("default") == Some(&Value::Null) {
        keywords.remove("default");
    }
    if let Some(Value::Array(types)) = keywords.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            keywords.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(branches)) = keywords.get_mut("anyOf") {
        branches.retain(|branch| branch.get("type") != Some(&json!("null")));
        if let [Value::Object(only)] = branches.as_mut_slice() {
            let only = std::mem::take(only);
            keywords.remove("anyOf");
            for (name, value) in only {
                keywords.entry(name).or_insert(value);
            }
        }
    }
}

/// Gives every alias of a key a property of its own, so that an editor accepts it.
fn expand_aliases(properties: &mut Map<String, Value>) {
    let mut aliases = Map::new();
    for (name, property) in properties.iter_mut() {
        let Some(property) = property.as_object_mut() else { continue };
        let Some(Value::Array(names)) = property.remove("x-aliases") else { continue };
        for alias in names.iter().filter_map(Value::as_str) {
            let mut copy = property.clone();
            copy.insert("description".to_owned(), json!(format!("Another name of `{name}`.")));
            copy.insert("x-alias-of".to_owned(), json!(name));
            copy.remove("default");
            aliases.insert(alias.to_owned(), Value::Object(copy));
        }
    }
    properties.extend(aliases);
}

#[cfg(test)]
mod tests;
