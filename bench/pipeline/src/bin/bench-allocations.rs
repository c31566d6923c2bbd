//! Counts what a hook allocates: for each scenario its name, then allocations of one hook.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints what it counted")]

use bench_pipeline::{PLUGINS, Problem, SCENARIOS, Scenario, on_a_worker};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How often a chain is walked: enough to see an allocation that only some walks make.
const TIMES: u32 = 1000;

fn main() -> ExitCode {
    for scenario in SCENARIOS {
        match on_a_worker(allocations(scenario)) {
            Ok(count) => println!("{}\t{count:.2}", scenario.name),
            Err(problem) => {
                eprintln!("bench-allocations: {}: {problem}", scenario.name);
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// Allocations of one plugin more.
async fn allocations(scenario: Scenario) -> Result<f64, Problem> {
    let [.., few, many] = PLUGINS;
    let (fewer, more) = (walks(scenario, few).await?, walks(scenario, many).await?);
    Ok((more as f64 - fewer as f64) / f64::from(TIMES) / (many - few) as f64)
}

/// Allocations of [`TIMES`] walks with so many plugins; growing in place counts as one.
async fn walks(scenario: Scenario, plugins: usize) -> Result<usize, Problem> {
    let mut work = scenario.with(plugins).await?;
    // What is allocated once and kept is no cost of a hook.
    work.repeat(1).await?;
    let region = Region::new(ALLOCATOR);
    work.repeat(TIMES).await?;
    let change = region.change();
    Ok(change.allocations + change.reallocations)
}
