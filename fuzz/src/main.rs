//! Fuzzes the gateway's parsers: `gatewright-fuzz TARGET --seconds N --seed S`.

mod driver;
mod mutate;
mod random;
mod targets;

use driver::{Finding, Run};
use std::{process::ExitCode, time::Duration};
use targets::{TARGETS, Target};

const USAGE: &str = "usage: gatewright-fuzz TARGET|all [--seconds N] [--seed S] [--input FILE]";

/// What the command line asks for.
struct Arguments {
    targets: Vec<&'static Target>,
    seconds: u64,
    seed: u64,
    input: Option<String>,
}

fn main() -> ExitCode {
    let arguments = match arguments(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            TARGETS.iter().for_each(|target| eprintln!("  {}", target.name));
            return ExitCode::from(2);
        }
    };
    driver::silence_panics();
    let findings = arguments.targets.iter().filter_map(|target| fuzz(target, &arguments)).count();
    if findings == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn fuzz(target: &'static Target, arguments: &Arguments) -> Option<Finding> {
    let run = Run { target, seed: arguments.seed, time: Duration::from_secs(arguments.seconds) };
    let result = match &arguments.input {
        Some(path) => run.replay(path),
        None => run.fuzz(),
    };
    match result {
        Ok(count) => {
            println!("{}: {count} inputs, no finding", target.name);
            None
        }
        Err(finding) => {
            eprintln!("{}: {finding}", target.name);
            Some(finding)
        }
    }
}

fn arguments(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let name = words.next().ok_or("which target?")?;
    let targets: Vec<_> = TARGETS.iter().filter(|target| name == "all" || target.name == name).collect();
    if targets.is_empty() {
        return Err(format!("there is no target `{name}`"));
    }
    let mut arguments = Arguments { targets, seconds: 10, seed: 1, input: None };
    while let Some(flag) = words.next() {
        let value = words.next().ok_or_else(|| format!("{flag} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("{flag} needs a number"));
        match &*flag {
            "--seconds" => arguments.seconds = number()?,
            "--seed" => arguments.seed = number()?,
            "--input" => arguments.input = Some(value),
            _ => return Err(format!("{flag} is not known")),
        }
    }
    Ok(arguments)
}
