//! The shape of a config: every value against the JSON Schema, with all problems found in one go.
//!
//! A value that is wrong is taken out of the tree (or, where it must be there, replaced by an empty one) once it is
//! reported, so that the rest can still be read and checked further. `serde` alone would stop at the first.

use crate::problem::{Findings, Path, shortened};
use crate::resolve::reference;
use crate::schema::keyword;
use crate::stream_modes::Mode;
use crate::suggest::suggest;
use gatewright_plugin::Hook;
use serde_json::{Map, Value};

/// Checks a tree against the schema of the config. What remains of it fits the config's types.
pub(crate) fn check(value: &mut Value, schema: &Value, findings: &mut Findings) {
    let mut check = Check { findings };
    if !check.node(schema, value, &Path::default()) {
        *value = Value::Object(Map::new());
    }
}

struct Check<'a> {
    findings: &'a mut Findings,
}

// === impl Check ===

impl Check<'_> {
    /// Whether the value can stay.
    fn node(&mut self, schema: &Value, value: &mut Value, path: &Path) -> bool {
        if let Some(branches) = keyword(schema, "anyOf").and_then(Value::as_array) {
            let fits = |branch: &&Value| keyword(branch, "type").is_some_and(|kind| is_of_type(value, kind));
            return match branches.iter().find(fits) {
                Some(branch) => self.node(branch, value, path),
                None => self.not_a(&branches.iter().map(type_name).collect::<Vec<_>>().join(" or "), value, path),
            };
        }
        let words = Value::from("string");
        let kind = keyword(schema, "type").or(keyword(schema, "oneOf").map(|_| &words));
        if let Some(kind) = kind.filter(|kind| !is_of_type(value, kind)) {
            let beyond = value.as_f64().filter(|number| *kind == "integer" && is_huge(*number));
            return match beyond.is_some_and(|number| !self.number(schema, number, path)) {
                true => false,
                false => self.not_a(type_name(schema), value, path),
            };
        }
        match value {
            Value::Object(entries) => self.object(schema, entries, path),
            Value::Array(items) => self.list(schema, items, path),
            Value::String(text) => self.text(schema, text, path),
            Value::Number(number) => self.number(schema, number.as_f64().unwrap_or_default(), path),
            Value::Null | Value::Bool(_) => true,
        }
    }

    fn object(&mut self, schema: &Value, entries: &mut Map<String, Value>, path: &Path) -> bool {
        let properties = keyword(schema, "properties").and_then(Value::as_object);
        let others = keyword(schema, "additionalProperties");
        let required = keyword(schema, "required").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let mut kept = Map::new();
        for (written, mut value) in std::mem::take(entries) {
            let property = properties.and_then(|properties| properties.get(&written));
            let name = property.and_then(|it| it.get("x-alias-of")).and_then(Value::as_str).unwrap_or(&written);
            let at = path.key(&written);
            let Some(schema) = property.or(others.filter(|others| others.is_object())) else {
                if others == Some(&Value::Bool(false)) {
                    self.unknown(properties, &written, &at);
                } else {
                    kept.insert(written, value);
                }
                continue;
            };
            if kept.contains_key(name) {
                self.findings.error(&at, format!("is another name of `{name}`, which is here too"));
            } else if self.node(schema, &mut value, &at) {
                kept.insert(name.to_owned(), value);
            } else if property.is_none() || required.iter().any(|key| key == name) {
                kept.insert(name.to_owned(), neutral(schema));
            }
        }
        for name in required {
            let Some(name) = name.as_str().filter(|name| !kept.contains_key(*name)) else { continue };
            self.findings.error(&path.key(name), "must be set");
            if let Some(schema) = properties.and_then(|properties| properties.get(name)) {
                kept.insert(name.to_owned(), neutral(schema));
            }
        }
        *entries = kept;
        true
    }

    fn list(&mut self, schema: &Value, items: &mut [Value], path: &Path) -> bool {
        if let Some(least) = limit(schema, "minItems").filter(|least| (items.len() as f64) < *least) {
            self.findings.error(
                path,
                match least {
                    1.0 => "must not be empty; leave it out if nothing is to be narrowed".to_owned(),
                    _ => format!("must have at least {least} items, has {}", items.len()),
                },
            );
            return false;
        }
        if let Some(most) = limit(schema, "maxItems").filter(|most| items.len() as f64 > *most) {
            self.findings.error(path, format!("must have at most {most} items, has {}", items.len()));
            return false;
        }
        if let Some(of_item) = keyword(schema, "items") {
            for (index, item) in items.iter_mut().enumerate() {
                if !self.node(of_item, item, &path.item(index)) {
                    *item = neutral(of_item);
                }
            }
        }
        true
    }

    fn text(&mut self, schema: &Value, text: &str, path: &Path) -> bool {
        let may_refer = keyword(schema, "x-env") == Some(&Value::Bool(true));
        if !may_refer && let Some(variable) = reference(text) {
            let message = format!(
                "`env.{variable}` is not read here; only secrets, addresses and plugins' configs may come from the environment"
            );
            self.findings.error(path, message);
            return false;
        }
        let length = text.chars().count() as f64;
        if let Some(least) = limit(schema, "minLength").filter(|least| length < *least) {
            self.findings.error(
                path,
                match least {
                    1.0 => "must not be empty".to_owned(),
                    _ => format!("must have at least {least} characters, has {length}"),
                },
            );
            return false;
        }
        if let Some(most) = limit(schema, "maxLength").filter(|most| length > *most) {
            self.findings.error(path, format!("must have at most {most} characters, has {length}"));
            return false;
        }
        self.choice(schema, text, path) && self.format(schema, text, path)
    }

    fn choice(&mut self, schema: &Value, text: &str, path: &Path) -> bool {
        let choices = choices(schema);
        let ignore_case = keyword(schema, "x-ignore-case").is_some();
        let same = |choice: &&str| *choice == text || (ignore_case && choice.eq_ignore_ascii_case(text));
        if choices.is_empty() || choices.iter().any(same) {
            return true;
        }
        if self.findings.is_full() {
            return false;
        }
        let refused = keyword(schema, "x-refused").and_then(|words| words.get(text)).and_then(Value::as_str);
        let shown = shortened(text);
        let hint = suggest(text, choices.iter().copied()).filter(|_| refused.is_none());
        let message = match refused {
            Some(why) => format!("`{shown}` {why}: one of `{}`", choices.join("`, `")),
            None if choices.len() > 8 && hint.is_some() => format!("`{shown}` is not known here"),
            None if choices.len() > 8 => {
                // The other names of hooks are for who has them already.
                let names = choices.iter().copied().filter(|choice| Hook::TABLE.iter().any(|row| row.name == *choice));
                format!("`{shown}` is not known here; there are `{}`", names.collect::<Vec<_>>().join("`, `"))
            }
            None => format!("`{shown}` is not one of `{}`", choices.join("`, `")),
        };
        self.findings.hinted(path, message, hint);
        false
    }

    fn format(&mut self, schema: &Value, text: &str, path: &Path) -> bool {
        let checked = match keyword(schema, "format").and_then(Value::as_str) {
            Some("stream-mode") => Mode::parse(text).map(|_| ()),
            Some("semantic-version") if !is_semantic_version(text) => Err(format!(
                "`{}` is no semantic version like `1.2.3`; a revision is written without quotes",
                shortened(text)
            )),
            Some("sha256") if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) => Err(format!(
                "`{}` is no SHA-256: that has 64 hexadecimal digits, as `sha256sum` prints them",
                shortened(text)
            )),
            _ => Ok(()),
        };
        checked.map_err(|message| self.findings.error(path, message)).is_ok()
    }

    fn number(&mut self, schema: &Value, number: f64, path: &Path) -> bool {
        let found = match is_huge(number) {
            true => format!("{number:e}"),
            false => number.to_string(),
        };
        let message = if let Some(least) = limit(schema, "minimum").filter(|least| number < *least) {
            format!("must be at least {least}, is {found}")
        } else if let Some(below) = limit(schema, "exclusiveMinimum").filter(|below| number <= *below) {
            format!("must be more than {below}, is {found}")
        } else if let Some(most) = limit(schema, "maximum").filter(|most| number > *most) {
            format!("must be at most {most}, is {found}")
        } else {
            return true;
        };
        self.findings.error(path, message);
        false
    }

    fn unknown(&mut self, properties: Option<&Map<String, Value>>, key: &str, path: &Path) {
        if self.findings.is_full() {
            return;
        }
        let names = || properties.into_iter().flatten().map(|(name, _)| name.as_str());
        let hint = suggest(key, names());
        let known = names().filter(|name| properties.is_some_and(|it| it[*name].get("x-alias-of").is_none()));
        let message = match hint {
            Some(_) => "is not a key here".to_owned(),
            None => format!("is not a key here; there are `{}`", known.collect::<Vec<_>>().join("`, `")),
        };
        self.findings.hinted(path, message, hint);
    }

    fn not_a(&mut self, expected: &str, value: &Value, path: &Path) -> bool {
        let found = match value {
            Value::Null => "null; leave the key out instead",
            Value::Bool(true) => "true",
            Value::Bool(false) => "false",
            Value::Number(number) if number.as_f64().is_some_and(is_huge) => "a number that is far too large",
            Value::Number(number) if number.is_f64() => "a number with a fraction",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.findings.error(path, format!("must be {expected}, is {found}"));
        false
    }
}

/// The words that a schema allows; none if it allows any.
pub(crate) fn choices(schema: &Value) -> Vec<&str> {
    let listed = keyword(schema, "enum").and_then(Value::as_array).into_iter().flatten();
    let branches = keyword(schema, "oneOf").and_then(Value::as_array).into_iter().flatten();
    listed.chain(branches.filter_map(|branch| branch.get("const"))).filter_map(Value::as_str).collect()
}

/// The least that a schema allows: takes the place of a value that must be there and is wrong.
fn neutral(schema: &Value) -> Value {
    if let Some(first) = keyword(schema, "anyOf").and_then(Value::as_array).and_then(|branches| branches.first()) {
        return neutral(first);
    }
    if let Some(choice) = choices(schema).first() {
        return Value::from(*choice);
    }
    match keyword(schema, "type").and_then(Value::as_str) {
        Some("string") => Value::from(""),
        Some("boolean") => Value::from(false),
        Some("array") => Value::from(Vec::<Value>::new()),
        Some("number" | "integer") => Value::from(limit(schema, "minimum").map_or(1, |least| least.ceil() as i64)),
        _ => {
            let required = keyword(schema, "required").and_then(Value::as_array).into_iter().flatten();
            let property = |name: &str| Some(neutral(keyword(schema, "properties")?.get(name)?));
            let entries = required.filter_map(|name| Some((name.as_str()?.to_owned(), property(name.as_str()?)?)));
            Value::Object(entries.collect())
        }
    }
}

fn limit(schema: &Value, name: &str) -> Option<f64> {
    keyword(schema, name).and_then(Value::as_f64)
}

/// Whether a number is so large that it is read as no integer, though it may be written as one.
fn is_huge(number: f64) -> bool {
    number.abs() >= 1e18
}

fn is_of_type(value: &Value, kind: &Value) -> bool {
    match kind.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_i64() || value.is_u64(),
        _ => true,
    }
}

fn type_name(schema: &Value) -> &'static str {
    match keyword(schema, "type").and_then(Value::as_str) {
        Some("object") => "an object",
        Some("array") => "a list",
        Some("boolean") => "true or false",
        Some("number") => "a number",
        Some("integer") => "an integer",
        _ => "a text",
    }
}

/// `MAJOR.MINOR.PATCH`, and what a pre-release or build adds.
fn is_semantic_version(text: &str) -> bool {
    let core = text.find(['-', '+']).map_or(text, |at| &text[..at]);
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    core.split('.').count() == 3 && core.split('.').all(number) && !text.ends_with(['-', '+'])
}

#[cfg(test)]
mod tests;
