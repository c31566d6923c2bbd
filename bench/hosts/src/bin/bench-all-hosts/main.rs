//! Medians of calls of the same plugin in every host, all hosts in every round of one run, as one markdown table.
//!
//! `bench/hosts.sh` builds the plugin of each kind and runs this with them.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it prints what it measured")]

mod row;
mod way;

use clap::Parser;
use gatewright_host_process::Processes;
use row::Row;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use way::Way;

// The gateway's own.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Measures what a call costs in each host.
#[derive(Debug, Parser)]
#[command(name = "bench-all-hosts", version)]
struct Args {
    /// The subject as a core module.
    #[arg(long)]
    module: PathBuf,
    /// As a library.
    #[arg(long)]
    library: PathBuf,
    /// As a program.
    #[arg(long)]
    program: PathBuf,
    /// The rounds, of which the median counts.
    #[arg(long, default_value_t = 51, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// The calls of a round.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..))]
    calls: u16,
}

type Problem = Box<dyn Error>;

fn main() -> ExitCode {
    let args = Args::parse();
    // As the gateway's workers: each call is made and awaited on one thread.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Problem::from).and_then(|runtime| runtime.block_on(run(&args))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("bench-all-hosts: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<(), Problem> {
    let (folder, processes) = (tempfile::tempdir()?, Processes::start()?);
    let ways = way::all(args, folder.path(), &processes).await?;
    let rows = row::all();
    // By row and way.
    let mut took = vec![vec![Ok(Vec::new()); ways.len()]; rows.len()];
    // One more round comes first, and does not count.
    for number in 0..=args.rounds {
        for (row, took) in rows.iter().zip(&mut took) {
            for (way, took) in ways.iter().zip(took) {
                let Ok(micros) = took else { continue };
                match row.each(&way.plugin, args.calls.into()).await {
                    Ok(each) => micros.extend((number > 0).then_some(each)),
                    Err(why) => *took = Err(format!("{}, {}: {why}", row.name, way.name)),
                }
            }
        }
    }
    let failed = print(&ways, &rows, took);
    drop(ways);
    processes.close().await;
    if failed.is_empty() { Ok(()) } else { Err(failed.join("; ").into()) }
}

/// Prints the medians, and answers what failed.
fn print(ways: &[Way], rows: &[Row], took: Vec<Vec<Result<Vec<f64>, String>>>) -> Vec<String> {
    let mut failed = Vec::new();
    let names: Vec<&str> = ways.iter().map(|way| way.name).collect();
    println!("| µs a call, medians | {} |", names.join(" | "));
    println!("|---|{}", "--:|".repeat(names.len()));
    for (row, took) in rows.iter().zip(took) {
        let mut shown = |took| match took {
            Ok(took) => format!("{:.2}", median(took)),
            Err(why) => {
                failed.push(why);
                "–".to_owned()
            }
        };
        let medians: Vec<String> = took.into_iter().map(&mut shown).collect();
        println!("| {} | {} |", row.name, medians.join(" | "));
    }
    failed
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
