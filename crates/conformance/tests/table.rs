//! Every case against every host: prints the table of hooks, hosts and groups of cases, and fails where a case does not
//! hold or a cell is empty.
//!
//! ```text
//! cargo test -p gatewright-conformance --test table                  all of it
//! cargo test -p gatewright-conformance --test table -- wasm          the groups whose `host::group` contains a word
//! ```
//!
//! Of a part, it is not asked whether all is there.

#![expect(clippy::print_stdout, reason = "it is a report")]
#![expect(clippy::unwrap_used, reason = "a test")]

mod hosts;

use gatewright_conformance::{Group, HOSTS, Report, Table, run_group};
use hosts::{MEMBERS, Member};
use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

fn main() -> ExitCode {
    hide_scripted_panics();
    let words: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |member: &Member, group: Group| {
        let name = format!("{}::{group}", member.host.name());
        words.is_empty() || words.iter().any(|word| name.contains(word.as_str()))
    };
    let parts = MEMBERS.iter().flat_map(|member| groups(member).iter().map(move |group| (member, *group)));
    let parts: VecDeque<(&Member, Group)> = parts.filter(|(member, group)| is_wanted(member, *group)).collect();
    for member in &MEMBERS {
        if parts.iter().any(|(wanted, _)| wanted.host.name() == member.host.name()) {
            (member.prepare)();
        }
    }

    let (whole, others): (Vec<Report>, Vec<Report>) =
        run(parts).into_iter().partition(|report| HOSTS.contains(&report.host));
    let table = Table(&whole);
    println!("\n{table}");
    whole.iter().chain(&others).for_each(|report| println!("{report}"));
    let mut gaps = if words.is_empty() { table.gaps() } else { Vec::new() };
    gaps.extend(unknown_hosts());
    gaps.iter().for_each(|gap| println!("missing: {gap}"));
    let holds = whole.iter().chain(&others).all(Report::holds);
    if holds && gaps.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is run against a host: all, but where the others say nothing about it.
fn groups(member: &Member) -> &'static [Group] {
    match member.host.name() {
        // What is not about how calls travel is tested with sessions.
        "process, single calls" => &[Group::Hooks, Group::Time, Group::State, Group::Attempts],
        _ => &Group::ALL,
    }
}

/// Runs them, as many at once as there are cores, and says how each went. One report a host.
fn run(parts: VecDeque<(&Member, Group)>) -> Vec<Report> {
    let mut reports: Vec<Report> = Vec::new();
    for (member, _) in &parts {
        if reports.last().is_none_or(|last| last.host != member.host.name()) {
            reports.push(Report { host: member.host.name(), cases: Vec::new() });
        }
    }
    let (parts, done) = (Mutex::new(parts), Mutex::new(reports));
    let next = || parts.lock().unwrap().pop_front();
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some((member, group)) = next() {
                    let started = Instant::now();
                    let report = run_group(member.host, group);
                    let word = if report.holds() { "ok" } else { "FAILED" };
                    let (host, all, seconds) = (report.host, report.cases.len(), started.elapsed().as_secs_f64());
                    println!("test {host}::{group}, {all} cases in {seconds:.1} s ... {word}");
                    if !report.holds() {
                        println!("{report}");
                    }
                    let mut done = done.lock().unwrap();
                    let of_host = done.iter_mut().find(|of_host| of_host.host == host);
                    of_host.unwrap().cases.extend(report.cases);
                }
            });
        }
    });
    done.into_inner().unwrap()
}

/// A crate that is a host of plugins must stand in the table.
fn unknown_hosts() -> Vec<String> {
    let crates = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).unwrap();
    let names = crates.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let hosts = names.filter_map(|name| name.strip_prefix("host-").map(str::to_owned));
    let unknown = hosts.filter(|host| !HOSTS.contains(&host.as_str()));
    unknown.map(|host| format!("the crate `host-{host}` is no host of the table")).collect()
}

/// The panics of plugins, and of providers that are told to, are part of the cases: they are not shown.
fn hide_scripted_panics() {
    let show = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let of_plugin = panic.location().is_some_and(|at| at.file().contains("plugins"));
        if !of_plugin && panic.payload_as_str() != Some("scripted") {
            show(panic);
        }
    }));
}
