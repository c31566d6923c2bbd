use super::{json_schema, keyword};
use crate::testing::load;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Writes what is generated, or compares it with what stands there. `UPDATE_CONFIG_FILES=1` writes.
fn same_as_file(path: &Path, generated: &str) {
    if std::env::var_os("UPDATE_CONFIG_FILES").is_some() {
        fs::write(path, generated).unwrap();
    }
    let standing = fs::read_to_string(path).unwrap_or_default();
    let advice = "is not up to date: run the tests of gatewright-config with UPDATE_CONFIG_FILES=1";
    assert!(standing == generated, "{} {advice}", path.display());
}

#[test]
fn the_schema_file_is_up_to_date() {
    let generated = format!("{}\n", serde_json::to_string_pretty(json_schema()).unwrap());
    same_as_file(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config.schema.json"), &generated);
}

#[test]
fn the_tables_of_the_docs_are_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let mut text = fs::read_to_string(&file).unwrap();
    let defs = json_schema()["$defs"].as_object().unwrap();
    let tables = defs.iter().map(|(name, schema)| (name.as_str(), schema)).chain([("Config", json_schema())]);
    for (name, schema) in tables.filter(|(_, schema)| schema["properties"].is_object()) {
        let (begin, end) = (format!("<!-- keys of {name} -->\n"), "<!-- end of keys -->");
        let from =
            text.find(&begin).unwrap_or_else(|| panic!("the docs have no place for the keys of {name}")) + begin.len();
        let to = from + text[from..].find(end).unwrap();
        text.replace_range(from..to, &table(schema));
    }
    same_as_file(&file, &text);
}

fn table(schema: &Value) -> String {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let mut rows = "| key | type | default | limits | what it is |\n|---|---|---|---|---|\n".to_owned();
    let properties = schema["properties"].as_object().unwrap();
    for (name, property) in properties.iter().filter(|(_, property)| property.get("x-alias-of").is_none()) {
        let aliases: Vec<&str> = properties
            .iter()
            .filter(|(_, other)| other.get("x-alias-of").is_some_and(|of| of == name))
            .map(|(alias, _)| alias.as_str())
            .collect();
        let also =
            if aliases.is_empty() { String::new() } else { format!(" Also read as `{}`.", aliases.join("`, `")) };
        let from_environment = if property.get("x-env").is_some() { " or `env.NAME`" } else { "" };
        let default = match property.get("default") {
            _ if required.iter().any(|key| key == name) => "**required**".to_owned(),
            None => "unset".to_owned(),
            Some(Value::Object(_)) => "`{}`".to_owned(),
            Some(default) => format!("`{}`", number(default)),
        };
        rows += &format!(
            "| `{name}` | {}{from_environment} | {default} | {} | {}{also} |\n",
            kind(property),
            limits(property),
            property["description"].as_str().unwrap(),
        );
    }
    rows
}

fn kind(schema: &Value) -> String {
    if let Some(branches) = keyword(schema, "anyOf").and_then(Value::as_array) {
        return branches.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let reference = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/$defs/"));
    match (keyword(schema, "type").and_then(Value::as_str), reference) {
        _ if keyword(schema, "oneOf").is_some() => "word".to_owned(),
        (Some("string"), _) if keyword(schema, "enum").is_some() => "word".to_owned(),
        (Some("string"), _) => "text".to_owned(),
        (Some("array"), _) => format!("list of {}", kind(&schema["items"])),
        (Some("object"), Some(name)) => format!("[{name}](#{})", name.to_lowercase()),
        (Some("object"), _) => match schema.get("additionalProperties").filter(|values| values.is_object()) {
            Some(values) => format!("map to {}", kind(values)),
            None => "object".to_owned(),
        },
        (Some(kind), _) => kind.to_owned(),
        (None, _) => unreachable!("{schema}"),
    }
}

fn limits(schema: &Value) -> String {
    let words: Vec<&str> = super::super::check::choices(schema);
    if !words.is_empty() && words.len() < 10 {
        return format!("`{}`", words.join("`, `"));
    }
    let bound = |name: &str| keyword(schema, name).map(number);
    let range = |least: Option<String>, most: Option<String>, unit: &str| match (least, most) {
        (Some(least), Some(most)) => format!("{least} to {most}{unit}"),
        (Some(least), None) => {
            format!("at least {least}{}", if least == "1" { unit.trim_end_matches('s') } else { unit })
        }
        (None, Some(most)) => format!("at most {most}{unit}"),
        (None, None) => String::new(),
    };
    let above = bound("exclusiveMinimum").map(|least| format!("more than {least}, up"));
    [
        range(bound("minimum").or(above), bound("maximum"), ""),
        range(bound("minLength"), bound("maxLength"), " characters"),
        range(bound("minItems"), bound("maxItems"), " items"),
    ]
    .into_iter()
    .find(|limits| !limits.is_empty())
    .unwrap_or_default()
}

#[test]
fn every_example_of_the_docs_can_be_used() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let text = fs::read_to_string(&file).unwrap();
    let variables: Vec<(&str, &str)> = text
        .split("\"env.")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .zip(["0123456789abcdef0", "0123456789abcdef1", "0123456789abcdef2"].into_iter().cycle())
        .collect();
    let examples: Vec<&str> = text.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(examples.len() >= 5);
    for example in examples {
        let loaded = crate::testing::load_in(example, &variables);
        assert!(loaded.warnings.is_empty(), "{example}: {:?}", loaded.warnings);
    }
}

fn number(value: &Value) -> String {
    let text = value.to_string();
    text.strip_suffix(".0").map_or(text.clone(), ToOwned::to_owned)
}

#[test]
fn the_check_understands_every_keyword() {
    let known: BTreeSet<&str> = [
        "$defs",
        "$ref",
        "$schema",
        "additionalProperties",
        "anyOf",
        "const",
        "default",
        "description",
        "enum",
        "exclusiveMinimum",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maximum",
        "minItems",
        "minLength",
        "minimum",
        "oneOf",
        "pattern",
        "properties",
        "required",
        "title",
        "type",
        "x-alias-of",
        "x-env",
        "x-ignore-case",
        "x-refused",
        "x-secret",
    ]
    .into();
    let mut seen = BTreeSet::new();
    keywords(json_schema(), &mut seen);
    let unknown: Vec<_> = seen.iter().filter(|name| !known.contains(name.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

fn keywords(schema: &Value, seen: &mut BTreeSet<String>) {
    let Some(object) = schema.as_object() else {
        return schema.as_array().into_iter().flatten().for_each(|item| keywords(item, seen));
    };
    for (name, value) in object {
        seen.insert(name.clone());
        match name.as_str() {
            "properties" | "$defs" => value.as_object().unwrap().values().for_each(|schema| keywords(schema, seen)),
            "default" | "x-refused" | "enum" => {}
            _ => keywords(value, seen),
        }
    }
}

#[test]
fn every_key_has_a_description() {
    let defs = json_schema()["$defs"].as_object().unwrap().values().chain([json_schema()]);
    for (name, property) in defs.filter_map(|schema| schema["properties"].as_object()).flatten() {
        let text = property["description"].as_str().unwrap_or_default();
        assert!(text.ends_with('.') && !text.contains('\n') && !text.contains('|'), "{name}: {text}");
    }
}

#[test]
fn every_key_is_in_the_example() {
    let whole: Value = serde_json::from_slice(include_bytes!("../../tests/full.json")).unwrap();
    let mut names = BTreeSet::new();
    keys_of(&whole, &mut names);
    let defs = json_schema()["$defs"].as_object().unwrap().values().chain([json_schema()]);
    for (name, property) in defs.filter_map(|schema| schema["properties"].as_object()).flatten() {
        assert!(property.get("x-alias-of").is_some() || names.contains(name.as_str()), "{name}");
    }
    load(include_str!("../../tests/full.json"));
}

fn keys_of<'a>(value: &'a Value, names: &mut BTreeSet<&'a str>) {
    names.extend(value.as_object().into_iter().flatten().map(|(name, _)| name.as_str()));
    value.as_object().into_iter().flatten().for_each(|(_, value)| keys_of(value, names));
    value.as_array().into_iter().flatten().for_each(|value| keys_of(value, names));
}
