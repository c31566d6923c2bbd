//! A value that fits a JSON Schema.

use serde_json::{Map, Value, json};

/// How deep samples go; what lies deeper is `null`.
const DEEPEST: usize = 8;

/// A value that fits a schema, as far as `const`, `default`, `enum`, `examples`, `type`, `properties`, `items`, `anyOf`
/// and their kin say; an empty object where there is no schema.
pub(super) fn of(schema: Option<&Value>) -> Value {
    schema.map_or_else(|| json!({}), |schema| sample(schema, schema, DEEPEST))
}

fn sample(schema: &Value, root: &Value, depth: usize) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    let first = |name: &str| schema.get(name)?.as_array()?.first();
    if let Some(value) = schema.get("const").or(schema.get("default")).or(first("enum")).or(first("examples")) {
        return value.clone();
    }
    if let Some(other) =
        schema.get("$ref").and_then(Value::as_str).and_then(|path| root.pointer(path.trim_start_matches('#')))
    {
        return sample(other, root, depth - 1);
    }
    if let Some(one) = first("anyOf").or(first("oneOf")).or(first("allOf")) {
        return sample(one, root, depth - 1);
    }
    let kind = first("type").or(schema.get("type")).and_then(Value::as_str);
    match kind.unwrap_or(if schema.get("properties").is_some() { "object" } else { "string" }) {
        "object" => object(schema, root, depth),
        "array" => {
            let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(1).min(8);
            let item = schema.get("items").map_or_else(|| json!("demo"), |item| sample(item, root, depth - 1));
            Value::Array((0..least).map(|_| item.clone()).collect())
        }
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        "boolean" => json!(true),
        "null" => Value::Null,
        _ => json!("demo"),
    }
}

fn object(schema: &Value, root: &Value, depth: usize) -> Value {
    let properties = schema.get("properties").and_then(Value::as_object);
    let sampled = properties.into_iter().flatten().map(|(name, of)| (name.clone(), sample(of, root, depth - 1)));
    Value::Object(sampled.collect::<Map<_, _>>())
}
