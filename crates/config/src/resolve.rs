//! References to the environment: `env.NAME` where the config needs a secret or an address.

use crate::problem::{Findings, Path};
use crate::secret::REDACTED;
use crate::settings::is_sensitive;
use crate::suggest::suggest;
use crate::{Config, Environment, PluginEntry, Problem, ProviderConfig, Secret, Settings};
use serde_json::{Map, Value};

/// The variable that a text refers to: `NAME` of `env.NAME`. `None` if it is no reference.
pub(crate) fn reference(text: &str) -> Option<&str> {
    let name = text.strip_prefix("env.")?;
    let mut bytes = name.bytes();
    let first = bytes.next()?;
    let valid = (first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    valid.then_some(name)
}

/// Whether a word of a longer text is a reference, as in `Bearer env.TOKEN`.
fn has_reference(text: &str) -> bool {
    text.split(char::is_whitespace).any(|word| word.len() < text.len() && reference(word).is_some())
}

/// Resolves all references of what is enabled. A variable that is not set, or set to nothing, is an error; a secret
/// that is written as it is, a warning.
pub(crate) fn resolve(config: &mut Config, environment: &Environment, findings: &mut Findings) {
    let mut resolver = Resolver { environment, findings };
    let root = Path::default();
    for (name, provider) in config.providers.iter_mut().filter(|(_, provider)| provider.enabled) {
        resolver.provider(&root.key("providers").key(name), provider);
    }
    for (index, entry) in config.plugins.iter_mut().enumerate().filter(|(_, entry)| entry.enabled) {
        resolver.plugin(&root.key("plugins").item(index), entry);
    }
    for (index, key) in config.auth.keys.iter_mut().enumerate().filter(|(_, key)| key.enabled) {
        resolver.secret(&root.key("auth").key("keys").item(index).key("value"), &mut key.value, true);
    }
}

impl Settings {
    /// Settings from outside of a config file, with their references resolved; otherwise what is wrong with those, by the
    /// path from the settings.
    pub fn in_environment(written: Map<String, Value>, environment: &Environment) -> Result<Self, Vec<Problem>> {
        let (mut settings, mut findings) = (Self::new(written), Findings::default());
        Resolver { environment, findings: &mut findings }.settings(&Path::default(), &mut settings);
        let report = findings.finish();
        match report.is_usable() {
            true => Ok(settings),
            false => Err(report.errors),
        }
    }
}

struct Resolver<'a> {
    environment: &'a Environment,
    findings: &'a mut Findings,
}

// === impl Resolver ===

impl Resolver<'_> {
    fn provider(&mut self, path: &Path, provider: &mut ProviderConfig) {
        for (index, key) in provider.keys.iter_mut().enumerate().filter(|(_, key)| key.enabled) {
            self.secret(&path.key("keys").item(index).key("value"), &mut key.value, true);
        }
        self.text(&path.key("base_url"), &mut provider.base_url);
        let network = path.key("network");
        self.text(&network.key("ca_cert_pem"), &mut provider.network.ca_cert_pem);
        for (name, value) in &mut provider.network.extra_headers {
            let sensitive = is_sensitive(name, value.expose());
            self.secret(&network.key("extra_headers").key(name), value, sensitive);
        }
    }

    fn plugin(&mut self, path: &Path, entry: &mut PluginEntry) {
        for (name, value) in &mut entry.environment {
            let sensitive = is_sensitive(name, value.expose());
            self.secret(&path.key("environment").key(name), value, sensitive);
        }
        self.settings(&path.key("config"), &mut entry.config);
    }

    fn settings(&mut self, path: &Path, settings: &mut Settings) {
        let at = |keys: &[String]| {
            keys.iter().fold(path.clone(), |path, key| match key.parse() {
                Ok(index) => path.item(index),
                Err(_) => path.key(key),
            })
        };
        for keys in settings.literal_secrets() {
            self.findings.warn(&at(&keys), LITERAL);
        }
        settings.resolve(&mut |keys, text| match reference(text) {
            Some(name) => self.variable(&at(keys), name).map(ToOwned::to_owned),
            None => {
                if has_reference(text) {
                    self.findings.warn(&at(keys), WITHIN);
                }
                None
            }
        });
    }

    fn secret(&mut self, path: &Path, secret: &mut Secret, sensitive: bool) {
        match reference(secret.expose()).map(ToOwned::to_owned) {
            Some(variable) => {
                if let Some(value) = self.variable(path, &variable) {
                    *secret = Secret::from_variable(&variable, value);
                }
            }
            // It may be the secret itself that stands there.
            None if secret.expose().starts_with("env.") => self.findings.error(path, NO_NAME),
            None if secret.expose() == REDACTED => {
                self.findings
                    .error(path, format!("`{REDACTED}` stands for a secret that is not shown; write `env.NAME`"));
            }
            None if has_reference(secret.expose()) => self.findings.warn(path, WITHIN),
            None if secret.expose().starts_with('$') => self.findings.warn(path, OF_A_SHELL),
            None if sensitive && secret.variable().is_none() => self.findings.warn(path, LITERAL),
            None => {}
        }
    }

    fn text(&mut self, path: &Path, text: &mut Option<String>) {
        let Some(written) = text.as_deref().filter(|written| written.starts_with("env.")) else { return };
        match reference(written) {
            Some(variable) => {
                let value = self.variable(path, variable).map(ToOwned::to_owned);
                *text = value;
            }
            None => self.not_a_name(path, written),
        }
    }

    fn variable(&mut self, path: &Path, name: &str) -> Option<&str> {
        if let Some(value) = self.environment.get(name) {
            return Some(value);
        }
        if self.findings.is_full() {
            return None;
        }
        let state = if self.environment.has(name) { "is set to nothing" } else { "is not set" };
        let hint =
            suggest(name, self.environment.names()).filter(|hint| *hint != name).map(|hint| format!("env.{hint}"));
        self.findings.hinted(path, format!("the environment variable `{name}` {state}"), hint.as_deref());
        None
    }

    fn not_a_name(&mut self, path: &Path, written: &str) {
        self.findings.error(path, format!("`{}` {NO_NAME}", crate::problem::shortened(written)));
    }
}

const NO_NAME: &str = "names no environment variable: after `env.` come letters, digits and `_`";

const WITHIN: &str = "`env.NAME` is replaced where it is the whole text, and not within one: put the whole text into the \
                      variable";

const OF_A_SHELL: &str = "begins with `$`, which stands for itself here: the variable `NAME` is written `env.NAME`";

const LITERAL: &str = "a secret stands in the file; write `env.NAME`, and put it into the environment";

#[cfg(test)]
mod tests;
