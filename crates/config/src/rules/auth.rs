//! Rules of `auth`.

use super::once;
use super::providers::usable;
use crate::Config;
use crate::problem::{Findings, Path};
use std::collections::HashMap;

/// Shorter keys can be guessed.
const MIN_KEY_CHARACTERS: usize = 16;

pub(super) fn check(config: &Config, path: &Path, findings: &mut Findings) {
    let path = path.key("keys");
    let keys = &config.auth.keys;
    once(&path, keys.iter().map(|key| key.name.as_str()), findings);
    let mut seen = HashMap::new();
    for (index, key) in keys.iter().enumerate().filter(|(_, key)| key.enabled) {
        let at = path.item(index).key("value");
        usable(&at, &key.value, findings);
        let first = *seen.entry(key.value.expose()).or_insert(index);
        if first != index {
            findings
                .error(&at, format!("is the same key as {}: nobody could tell who it is", path.item(first).as_str()));
        }
        if key.value.expose().chars().count() < MIN_KEY_CHARACTERS {
            findings.warn(&at, format!("has less than {MIN_KEY_CHARACTERS} characters and can be guessed"));
        }
    }
    if !keys.is_empty() && keys.iter().all(|key| !key.enabled) {
        findings.warn(&path, "none of the keys is enabled: no request with a key is let in");
    }
}
