//! `gatewright plugin`.

mod build;
mod host;
mod inspect;
mod new;

use crate::args::PluginCommand;
use std::process::ExitCode;

/// What went wrong, in one sentence.
type Fault = String;

pub(crate) fn run(command: &PluginCommand) -> ExitCode {
    let done = match command {
        PluginCommand::New(new) => new::run(new),
        PluginCommand::Build(build) => build::run(build),
        PluginCommand::Inspect { file } => inspect::run(file),
        PluginCommand::Host { library } => return host::run(library),
    };
    match done {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}
