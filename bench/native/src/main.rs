//! Prints what a call costs in each host: medians of many short rounds, all hosts in every round.
//!
//! `cargo build --release -p bench-native --examples && cargo run --release -p bench-native`
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints what it measured")]

mod looker;
mod native;

use clap::Parser;
use gatewright_plugin::hosted::{Call, CallRef, Hosted, Reply, link};
use gatewright_plugin::model::Request;
use gatewright_plugin::{Cx, Facts, Hook, State};
use gatewright_testkit::request;
use gatewright_testkit::services::MockServices;
use looker::Looker;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

// The gateway's own.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Measures what a call costs in each host.
#[derive(Debug, Parser)]
#[command(name = "bench-native", version)]
struct Args {
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How many calls a round has.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    times: u32,
}

/// What is measured cannot be.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("cannot compile the plugin in C: {0}")]
    Compile(String),
    #[error(transparent)]
    Load(#[from] gatewright_host_native::LoadError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("a call failed: {0}")]
    Failed(gatewright_plugin::Failure),
}

/// A way of calling a plugin.
struct Way {
    name: &'static str,
    plugin: Arc<dyn Hosted>,
    /// Whether it is called in place.
    now: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Problem::from).and_then(|runtime| runtime.block_on(run(&args))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("bench-native: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<(), Problem> {
    let folder = tempfile::tempdir()?;
    let mut ways = vec![
        Way { name: "built in, fn", plugin: link(Looker), now: true },
        Way { name: "built in, owned", plugin: link(Looker), now: false },
    ];
    ways.extend(native::ways(folder.path())?);
    let body = "x".repeat(100_000);
    let payloads = [
        ("small", Arc::new(request("m").user("hello").build())),
        ("100 KB", Arc::new(request("m").user(&body).build())),
    ];
    println!("{:<28}{:>10}{:>18}{:>18}", "ns a call, median", "payload", "looks at nothing", "reads a text");
    for (label, payload) in payloads {
        let mut took = vec![[Vec::new(), Vec::new()]; ways.len()];
        for _ in 0..args.rounds {
            for (way, took) in ways.iter().zip(&mut took) {
                for (hook, took) in [Hook::PreRequest, Hook::CheckInput].into_iter().zip(took) {
                    let started = Instant::now();
                    for _ in 0..args.times {
                        call(way, hook, &payload).await?;
                    }
                    took.push(started.elapsed().as_nanos() as f64 / f64::from(args.times));
                }
            }
        }
        for (way, [nothing, text]) in ways.iter().zip(took) {
            println!("{:<28}{label:>10}{:>18.0}{:>18.0}", way.name, median(nothing), median(text));
        }
    }
    Ok(())
}

async fn call(way: &Way, hook: Hook, payload: &Arc<Request>) -> Result<(), Problem> {
    thread_local! {
        static CX: Cx = Cx::new(
            Arc::new(Facts::default()), State::default(), None, MockServices::default().services(),
        );
    }
    let mut cx = CX.with(Cx::clone);
    let mut payload = payload.clone();
    let reply = match way.now {
        true => {
            let call = match hook {
                Hook::CheckInput => CallRef::CheckInput(&mut payload),
                _ => CallRef::PreRequest(&mut payload),
            };
            way.plugin.call_now(&mut cx, call)
        }
        false => {
            let call = match hook {
                Hook::CheckInput => Call::CheckInput(payload),
                _ => Call::PreRequest(payload),
            };
            way.plugin.clone().call(cx, call).await.reply
        }
    };
    match reply {
        Reply::Failed(failure) => Err(Problem::Failed(failure)),
        _ => Ok(()),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
