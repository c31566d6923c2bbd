//! From text to a config: shape, references, detection, rules; all problems in one report.

use crate::check::check;
use crate::detect::detect;
use crate::problem::{ConfigErrors, Findings, Path};
use crate::resolve::resolve;
use crate::{Config, Environment, Found, MAX_FILE_BYTES, Warning, document, json_schema, rules};
use std::fs::File;
use std::io::Read;
use std::path::Path as FilePath;

/// A config that can be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The config: references resolved, providers completed and detected.
    pub config: Config,
    /// What somebody should look at.
    pub warnings: Vec<Warning>,
    /// The providers that are not in the file, for the banner.
    pub found: Vec<Found>,
}

/// Reads a config with an empty environment: for fuzzing, and for tests of the text alone. Never panics.
pub fn parse(text: &[u8]) -> Result<Loaded, ConfigErrors> {
    Config::parse(text, &Environment::default())
}

impl Config {
    /// Reads a config from a file of at most [`MAX_FILE_BYTES`]. Everything that can be found wrong is in the error.
    pub fn load(file: &FilePath, environment: &Environment) -> Result<Loaded, ConfigErrors> {
        let unreadable = |error: std::io::Error| ConfigErrors::of_text(format!("cannot be read: {error}"));
        let mut text = Vec::new();
        File::open(file)
            // One byte more tells a file that is too large from one that just fits.
            .and_then(|file| file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut text))
            .map_err(|error| unreadable(error).in_file(file))?;
        Self::parse(&text, environment).map_err(|errors| errors.in_file(file))
    }

    /// Reads a config from its text.
    pub fn parse(text: &[u8], environment: &Environment) -> Result<Loaded, ConfigErrors> {
        let mut findings = Findings::default();
        let mut tree = document::read(text, &mut findings)?;
        check(&mut tree, json_schema(), &mut findings);
        let config = match serde_path_to_error::deserialize(tree) {
            Ok(config) => config,
            Err(error) => {
                // What has passed the check of its shape fits the types; if it does not, say so rather than guess.
                findings.aside(&Path::default(), format!("{}: {}", error.path(), error.inner()), None);
                Self::default()
            }
        };
        settle(config, environment, findings)
    }

    /// The config of a gateway without a file: the defaults, and the providers that the environment brings.
    pub fn from_environment(environment: &Environment) -> Loaded {
        settle(Self::default(), environment, Findings::default()).unwrap_or_else(|errors| Loaded {
            config: Self::default(),
            warnings: errors.report.warnings,
            found: Vec::new(),
        })
    }
}

fn settle(mut config: Config, environment: &Environment, mut findings: Findings) -> Result<Loaded, ConfigErrors> {
    resolve(&mut config, environment, &mut findings);
    let found = detect(&mut config, environment, &mut findings);
    rules::check(&config, &found, &mut findings);
    let report = findings.finish();
    match report.is_usable() {
        true => Ok(Loaded { config, warnings: report.warnings, found }),
        false => Err(ConfigErrors { file: None, report }),
    }
}

#[cfg(test)]
mod tests;
