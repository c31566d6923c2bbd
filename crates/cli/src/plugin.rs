//! `gatewright plugin`.

mod artefact;
mod build;
mod cargo;
mod host;
mod inspect;
mod load;
mod new;
mod run;
mod test;
mod toolchain;

use crate::args::PluginCommand;
use serde_json::{Value as Json, json};
use std::io::Write;
use std::process::ExitCode;
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
        PluginCommand::Introduce { file } => load::introduce_here(file),
        PluginCommand::Host { library } => return host::run(library),
    };
    match done {
        Ok(said) => {
            say(&said);
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

/// The config of a plugin as the command line has it: JSON, or `@FILE`.
fn config_of(written: Option<&str>) -> Result<Json, Fault> {
    let text = match written {
        // As a gateway does with an entry that has none.
        None => return Ok(json!({})),
        Some(text) => match text.strip_prefix('@') {
            Some(file) => std::fs::read_to_string(file).map_err(|error| format!("cannot read `{file}`: {error}"))?,
            None => text.to_owned(),
        },
    };
    serde_json::from_str(&text).map_err(|error| format!("`--config` is not JSON: {error}"))
}

fn runtime() -> Result<Runtime, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| format!("cannot start: {error}"))
}

/// Writes a line to stdout, unless nobody reads it any more: `gatewright plugin inspect FILE | head -1`.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
