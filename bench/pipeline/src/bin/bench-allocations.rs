//! Counts what a hook allocates: for each scenario its name, then allocations of one hook.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints what it counted")]

use bench_pipeline::{SCENARIOS, allocations, on_a_worker};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

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
