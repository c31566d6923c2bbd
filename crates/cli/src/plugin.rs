//! `gatewright plugin`.

mod artefact;
mod build;
mod cargo;
mod host;
mod inspect;
mod load;
mod new;
mod program;
mod run;
mod test;
mod toolchain;

use crate::args::PluginCommand;
use gatewright::config::printable;
use serde_json::{Map, Value as Json};
use std::io::Write;
use std::process::ExitCode;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// What went wrong, in one sentence.
type Fault = String;

pub(crate) fn run(command: &PluginCommand) -> ExitCode {
    let done = match command {
        PluginCommand::New(new) => new::run(new),
        PluginCommand::Build(build) => build::run(build),
        PluginCommand::Test(test) => return test::run(test),
        PluginCommand::Run(run) => return run::run(run),
        PluginCommand::Inspect(inspect) => inspect::run(inspect),
        PluginCommand::Host { library } => return host::run(library),
    };
    match done {
        Ok(said) => {
            say(&said);
            ExitCode::SUCCESS
        }
        Err(fault) => failed(&fault),
    }
}

/// Says what went wrong.
fn failed(fault: &str) -> ExitCode {
    // Some of it may be an artefact's own words.
    fault.lines().for_each(|line| eprintln!("{}", printable(line)));
    ExitCode::FAILURE
}

/// The config of a plugin as the command line has it: a JSON object, or `@FILE`.
fn config_of(written: Option<&str>) -> Result<Map<String, Json>, Fault> {
    let text = match written {
        // As a gateway does with an entry that has none.
        None => return Ok(Map::new()),
        Some(text) => match text.strip_prefix('@') {
            Some(file) => std::fs::read_to_string(file).map_err(|error| format!("cannot read `{file}`: {error}"))?,
            None => text.to_owned(),
        },
    };
    let kind = match serde_json::from_str(&text).map_err(|error| format!("`--config` is not JSON: {error}"))? {
        Json::Object(config) => return Ok(config),
        Json::Array(_) => "a list",
        Json::String(_) => "a text",
        Json::Number(_) => "a number",
        Json::Bool(_) => "true or false",
        Json::Null => "null",
    };
    Err(format!("`--config` must be an object, is {kind}"))
}

/// A folder that only who runs this may look into.
fn folder(prefix: &str) -> Result<TempDir, Fault> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir().map_err(|error| format!("cannot make a folder: {error}"))
}

fn runtime() -> Result<Runtime, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| format!("cannot start: {error}"))
}

/// Writes a line to stdout, unless nobody reads it any more: `gatewright plugin inspect FILE | head -1`.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

#[cfg(test)]
mod tests;
