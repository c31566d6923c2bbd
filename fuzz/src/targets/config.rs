//! Configs: what is refused says why, and what is accepted is accepted again as it is written.

use gatewright_config::{Catalog, Config, PluginFacts, Secret, parse, validate};
use serde_json::Value;

/// No plugin is linked in.
struct Nothing;

pub fn run(input: &[u8]) -> bool {
    let loaded = match parse(input) {
        Ok(loaded) => loaded,
        Err(errors) => {
            assert!(!errors.report.errors.is_empty(), "refused without a reason");
            assert!(!errors.to_string().is_empty());
            return false;
        }
    };
    let _ = validate(&loaded.config, &Nothing);
    let written = written(&loaded.config);
    let again = parse(written.to_string().as_bytes()).unwrap_or_else(|errors| panic!("{errors}\n{written}"));
    let rewritten = self::written(&again.config);
    assert!(same(&written, &rewritten), "{written}\nbecame\n{rewritten}");
    true
}

/// A config as its file would say it, secrets included, which it never writes by itself.
fn written(config: &Config) -> Value {
    let mut written = serde_json::to_value(config).unwrap_or_else(|error| panic!("{error}"));
    for (name, provider) in &config.providers {
        let at = &mut written["providers"][name];
        for (number, key) in provider.keys.iter().enumerate() {
            reveal(&mut at["keys"][number]["value"], &key.value);
        }
        for (header, value) in &provider.network.extra_headers {
            reveal(&mut at["network"]["extra_headers"][header], value);
        }
    }
    for (number, key) in config.auth.keys.iter().enumerate() {
        reveal(&mut written["auth"]["keys"][number]["value"], &key.value);
    }
    for (number, plugin) in config.plugins.iter().enumerate() {
        written["plugins"][number]["config"] = plugin.config.get();
    }
    written
}

fn reveal(shown: &mut Value, secret: &Secret) {
    let hidden = if secret.expose().is_empty() { "" } else { "***" };
    assert_eq!(*shown, hidden, "a secret is shown");
    *shown = secret.expose().into();
}

/// Whether two values say the same; a number that is read anew may differ in its last digit.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let in_other = |(key, value): (&String, &Value)| other.get(key).is_some_and(|found| same(value, found));
            one.len() == other.len() && one.iter().all(in_other)
        }
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64().unwrap_or_default(), other.as_f64().unwrap_or_default());
            (one - other).abs() <= one.abs() * 1e-12
        }
        _ => one == other,
    }
}

// === impl Nothing ===

impl Catalog for Nothing {
    fn plugin(&self, _: &str) -> Option<PluginFacts> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn check_config(&self, _: &str, _: &Value) -> Result<(), String> {
        Ok(())
    }
}
