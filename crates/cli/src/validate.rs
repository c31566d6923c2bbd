//! `gatewright validate`.

use crate::args::Options;
use crate::serve::builder;
use std::process::ExitCode;

pub(crate) fn run(options: &Options) -> ExitCode {
    let (read, report) = match builder(options).check() {
        Ok(checked) => checked,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    for warning in read.warnings.iter().chain(&report.warnings) {
        println!("warning: {warning}");
    }
    let from = options.config_file().map_or_else(|| "the environment".to_owned(), |file| file.display().to_string());
    println!(
        "{from}: valid ({} providers, {} plugins in the config)",
        read.config.active_providers().count(),
        read.config.plugins.len()
    );
    ExitCode::SUCCESS
}
