//! What the shape alone cannot say: names that must be unique, references that must lead somewhere, limits that
//! depend on each other.

mod auth;
mod plugins;
mod providers;
mod routing;
mod server;

use crate::problem::{Findings, Path};
use crate::{Config, Found};
use std::collections::BTreeMap;

pub(crate) use plugins::{warn_of_audit, warn_of_idle, warn_of_open_guard};

/// Checks all rules.
pub(crate) fn check(config: &Config, found: &[Found], findings: &mut Findings) {
    let root = Path::default();
    providers::check(config, found, &root.key("providers"), findings);
    routing::check(config, &root, findings);
    plugins::check(config, &root.key("plugins"), findings);
    auth::check(config, &root.key("auth"), findings);
    server::check(&config.server, &root.key("server"), findings);
}

/// Complains of names that are there before.
fn once<'a>(list: &Path, names: impl Iterator<Item = &'a str>, findings: &mut Findings) {
    let mut seen = BTreeMap::new();
    for (index, name) in names.enumerate() {
        if let Some(first) = seen.get(name) {
            let path = list.item(index).key("name");
            findings.error(&path, format!("`{name}` is the name of {} too", list.item(*first).as_str()));
        } else if !name.is_empty() {
            seen.insert(name, index);
        }
    }
}

/// Whether a name can stand in paths, metrics and `provider/model`: 1 to 64 of `a-z`, `A-Z`, `0-9`, `.`, `_`, `-`, the
/// first a letter or digit.
fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
}

const NAME_RULE: &str = "a name is 1 to 64 of `a-z`, `A-Z`, `0-9`, `.`, `_`, `-`, the first a letter or digit";

#[cfg(test)]
mod tests;
