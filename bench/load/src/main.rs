//! A load generator for gateways: a fixed number of connections, each with one request in flight.
//!
//! The measured part lies between two moments at which no request is under way, so that the server's CPU time between
//! them belongs to exactly the requests that are counted.

mod args;
mod ending;
mod exchange;
mod payload;
mod process;
mod report;
mod resident;
mod stage;
mod target;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::args::Args;
use crate::exchange::Client;
use crate::process::{CpuTime, Watched};
use crate::report::{Measured, Report};
use crate::resident::Resident;
use crate::stage::{Stage, Tally, Until};
use crate::target::Target;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Args::parse()).await {
        Ok(report) => print(&report),
        Err(problem) => fail(problem.as_ref()),
    }
}

/// Before each reading of the CPU time: a server may still have work to do for an answer that its client already has.
const SETTLE: Duration = Duration::from_millis(50);

type Problem = Box<dyn std::error::Error>;

async fn run(args: &Args) -> Result<Report, Problem> {
    let target = Arc::new(Target::new(args)?);
    let limit = Duration::from_secs_f64(args.timeout);
    let clients: Vec<Client> = (0..args.concurrency).map(|_| Client::new(Arc::clone(&target), limit)).collect();
    let watched = args.pid.map(Watched::new);

    let stagger = Duration::from_millis(args.stagger.into()) / u32::from(args.concurrency);

    let warmup = Stage::new(Until::after(Duration::from_secs_f64(args.warmup)), args.rate);
    let (mut clients, _) = drive(clients, warmup, stagger).await?;
    // A warmup of no time, or one whose last answer closed its connection, must not leave connecting to the window.
    for client in &mut clients {
        client.connect_ahead().await;
    }

    tokio::time::sleep(SETTLE).await;
    let resident = watched.map(Resident::watch);
    let before = watched.map(CpuTime::read).transpose()?;
    let until = match args.requests {
        Some(requests) => Until::count(requests),
        None => Until::after(Duration::from_secs_f64(args.duration)),
    };
    let started = Instant::now();
    let (_, tally) = drive(clients, Stage::new(until, args.rate), stagger).await?;
    let seconds = started.elapsed().as_secs_f64();
    tokio::time::sleep(SETTLE).await;
    let after = watched.map(CpuTime::read).transpose()?;
    let cpu = before.zip(after).map(|(before, after)| after.since(&before));
    let rss_bytes = match resident {
        Some(resident) => Some(resident.highest().await?),
        None => None,
    };
    Ok(Report::new(Measured { tally, seconds, cpu, rss_bytes }))
}

/// Runs one stage to its end on all connections, each of which begins `stagger` after the one before it.
///
/// No request is under way when it returns.
async fn drive(clients: Vec<Client>, stage: Stage, stagger: Duration) -> Result<(Vec<Client>, Tally), Problem> {
    let stage = Arc::new(stage);
    let mut running = JoinSet::new();
    let mut begin = Instant::now();
    for client in clients {
        running.spawn(stage::work(client, Arc::clone(&stage), begin));
        begin += stagger;
    }
    let mut clients = Vec::with_capacity(running.len());
    let mut total = Tally::default();
    while let Some(done) = running.join_next().await {
        let (client, tally) = done?;
        clients.push(client);
        total.add(tally);
    }
    Ok((clients, total))
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the report is the output of this program")]
fn print(report: &Report) -> ExitCode {
    if let Some(failure) = &report.first_failure {
        eprintln!("bench-load: {} of {} requests failed, the first with: {failure}", report.errors, report.requests);
    }
    match serde_json::to_string(report) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(problem) => fail(&problem),
    }
}

#[expect(clippy::print_stderr, reason = "the reason of a failure belongs on the terminal")]
fn fail(problem: &dyn std::error::Error) -> ExitCode {
    eprintln!("bench-load: {problem}");
    ExitCode::FAILURE
}
