//! The binary `gatewright`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks to its terminal")]

mod args;
mod banner;
mod plugin;
mod serve;
mod validate;

use args::{Args, Command};
use clap::Parser;
use std::process::ExitCode;

// Gives memory back after a burst, and has the highest throughput of the allocators that were tried.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match Args::parse().command {
        Command::Serve(options) => serve::run(&options),
        Command::Validate(options) => validate::run(&options),
        Command::Plugin(command) => plugin::run(&command),
        Command::Version => {
            println!("gatewright {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
    }
}
