//! Runs every case against the built-in host and prints the table: `cargo run -p gatewright-conformance --example report`.

#![expect(clippy::print_stdout, reason = "it is a report")]

use gatewright_conformance::{Builtin, run_all};
use std::process::ExitCode;

fn main() -> ExitCode {
    // The panics of test plugins are part of the cases.
    std::panic::set_hook(Box::new(|_| ()));
    let report = run_all(&Builtin);
    println!("{report}");
    if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
