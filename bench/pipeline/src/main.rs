//! Measures what a hook costs in time, and does exact amounts of the same work for callgrind.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints what it measured")]

mod rounds;

use bench_pipeline::{Problem, SCENARIOS, on_a_worker, scenario};
use clap::{Parser, Subcommand};
use std::process::ExitCode;

// The gateway's own: an `async fn` costs what its allocator does.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Measures what a hook costs.
#[derive(Debug, Parser)]
#[command(name = "bench-pipeline", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints a line for each scenario: its name, and what it is to stay within.
    List,
    /// Prints nanoseconds: of a chain with 0, 1, 5, 10 and 20 plugins, then of one hook, each the median of all rounds.
    Time {
        scenario: String,
        #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
        /// How often a chain is walked in a round.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        times: u32,
    },
    /// Does the work so many times, and nothing else: for callgrind.
    Repeat {
        scenario: String,
        #[arg(long)]
        plugins: usize,
        #[arg(long)]
        times: u32,
    },
}

fn main() -> ExitCode {
    match run(Args::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("bench-pipeline: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Problem> {
    match command {
        Command::List => SCENARIOS.iter().for_each(|scenario| println!("{}\t{}", scenario.name, scenario.target)),
        Command::Time { scenario: name, rounds, times } => {
            let timed = on_a_worker(rounds::time(scenario(&name)?, rounds, times))?;
            let chains: Vec<String> = timed.chains.iter().map(|nanos| format!("{nanos:.0}")).collect();
            println!("{}\t{:.1}", chains.join("\t"), timed.each);
        }
        Command::Repeat { scenario: name, plugins, times } => {
            on_a_worker(async { scenario(&name)?.with(plugins).await?.repeat(times).await })?;
        }
    }
    Ok(())
}
