//! How long a server takes from its process's start to its first good answer.

mod launch;
mod probe;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::launch::cold_start;
use crate::probe::Probe;

/// Starts a server again and again, and prints one line of JSON about how long each start took.
#[derive(Debug, Parser)]
#[command(name = "bench-start", version)]
struct Args {
    /// Address that answers 200 when the server is ready, `http://HOST:PORT/PATH`.
    #[arg(long)]
    url: String,
    /// Starts that are counted.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
    /// Starts before those, so that files exist and are cached.
    #[arg(long, default_value_t = 1)]
    warmup: u32,
    /// Seconds that one start may take.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    limit: u64,
    /// The server's command line, which must run in the foreground.
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the report is the output of this program")]
fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("bench-start: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<serde_json::Value, Box<dyn Error>> {
    let probe = Probe::new(&args.url)?;
    let limit = Duration::from_secs(args.limit);
    let mut millis = Vec::new();
    for turn in 0..args.warmup + args.runs {
        let took = cold_start(&args.command, &probe, limit)?;
        if turn >= args.warmup {
            millis.push((took.as_secs_f64() * 1e5).round() / 1e2);
        }
    }
    millis.sort_unstable_by(f64::total_cmp);
    Ok(serde_json::json!({
        "runs": millis.len(),
        "min_ms": millis.first(),
        "median_ms": millis.get(millis.len() / 2),
        "max_ms": millis.last(),
    }))
}
