//! `gatewright plugin`.

mod artefact;
mod build;
mod cargo;
mod inspect;
mod load;
mod new;
mod test;
mod toolchain;

use crate::args::PluginCommand;
use std::io::Write;
use std::process::ExitCode;

/// What went wrong, in one sentence.
type Fault = String;

pub(crate) fn run(command: &PluginCommand) -> ExitCode {
    let done = match command {
        PluginCommand::New(new) => new::run(new),
        PluginCommand::Build(build) => build::run(build),
        PluginCommand::Test(test) => return test::run(test),
        PluginCommand::Inspect(inspect) => inspect::run(inspect),
        PluginCommand::Introduce { file } => load::introduce_here(file),
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

/// Writes a line to stdout, unless nobody reads it any more: `gatewright plugin inspect FILE | head -1`.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
