//! What the tests of this crate share.

use crate::{Config, Environment, Loaded, ProviderConfig};

/// Reads a config in an environment; panics with all problems if there are any.
pub(crate) fn load_in(text: &str, variables: &[(&str, &str)]) -> Loaded {
    Config::parse(text.as_bytes(), &environment(variables)).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Reads a config in an empty environment.
pub(crate) fn load(text: &str) -> Loaded {
    load_in(text, &[])
}

/// The problems of a config, a line each, in an environment.
pub(crate) fn errors_in(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    match Config::parse(text.as_bytes(), &environment(variables)) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.report.errors.iter().map(ToString::to_string).collect(),
    }
}

/// The problems of a config, a line each.
pub(crate) fn errors(text: &str) -> Vec<String> {
    errors_in(text, &[])
}

/// The warnings of a config that can be used, a line each.
pub(crate) fn warnings(text: &str) -> Vec<String> {
    load(text).warnings.iter().map(ToString::to_string).collect()
}

/// An environment of these variables.
pub(crate) fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().copied().collect()
}

/// A provider of a config that has it.
pub(crate) fn provider<'a>(loaded: &'a Loaded, name: &str) -> &'a ProviderConfig {
    &loaded.config.providers[name]
}
