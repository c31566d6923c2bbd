//! Medians of calls of the same plugin, linked in and as a process.
//!
//! `cargo build --release -p bench-hosts && cargo run --release -p bench-hosts`; words behind `--` choose rows.

#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use bench_hosts::{LOOK, Subject};
use gatewright_host_process::{Address, LoadError, Options, Processes};
use gatewright_plugin::hosted::{Call, Hosted, Reply, link};
use gatewright_plugin::model::Request;
use gatewright_plugin::services::Services;
use gatewright_plugin::{Cx, Draft, Facts, State};
use gatewright_testkit::request;
use gatewright_testkit::services::MockServices;
use serde_json::json;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Calls that are timed, and those before them that are not.
const CALLS: usize = 4000;
const WARM: usize = 500;

/// What is called.
struct Scenario {
    name: &'static str,
    call: Call,
    /// What is called before each, and not timed: it looks at nothing, so that nothing is sent along with the next.
    before: Option<Call>,
}

fn main() -> Result<(), Box<dyn Error>> {
    // As the gateway's workers: each call is made and awaited on one thread.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run())
}

async fn run() -> Result<(), Box<dyn Error>> {
    let processes = Processes::start()?;
    let hosts: [(&str, Arc<dyn Hosted>); 3] = [
        ("built-in", link(Subject)),
        ("process, session", process(&processes, true).await?),
        ("process, single calls", process(&processes, false).await?),
    ];
    let (small, large) = (asking("hello"), asking(&"a text that is long ".repeat(5000)));
    let check = |model: &str, text: &Request| {
        let mut request = text.clone();
        model.clone_into(&mut request.model);
        Call::CheckInput(Arc::new(request))
    };
    let scenario = |name, call| Scenario { name, call, before: None };
    let fetching = |name, call| Scenario { name, call, before: Some(check("m", &small)) };
    let scenarios = [
        scenario("looks at nothing", check("m", &small)),
        scenario("looks at nothing, of 100 KB", check("m", &large)),
        scenario("looks at the facts", Call::PreRequest(Arc::new(small.clone()))),
        scenario("reads a small text, which came along", check(LOOK, &small)),
        fetching("reads a small text, and fetches it", check(LOOK, &small)),
        scenario("reads 100 KB, which came along", check(LOOK, &large)),
        fetching("reads 100 KB, and fetches them", check(LOOK, &large)),
        scenario("reads and replaces a small text", Call::PreLlm(Draft::from(small.clone()))),
        scenario("reads and replaces 100 KB", Call::PreLlm(Draft::from(large.clone()))),
    ];
    println!("{:<38} {:<24} {:>10} {:>10}", "", "", "p50 us", "p99 us");
    let words: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |scenario: &str, host: &str| {
        let row = format!("{scenario}: {host}");
        words.iter().all(|word| row.contains(word.as_str()))
    };
    for scenario in &scenarios {
        for (host, plugin) in hosts.iter().filter(|(host, _)| wanted(scenario.name, host)) {
            let mut took = timed(plugin, scenario).await?;
            took.sort_unstable();
            let at = |share: usize| micros(took[took.len() * share / 100]);
            println!("{:<38} {host:<24} {:>10.1} {:>10.1}", scenario.name, at(50), at(99));
        }
    }
    const SIDE_BY_SIDE: &str = "64 at once, the time for each";
    for (host, plugin) in hosts.iter().filter(|(host, _)| wanted(SIDE_BY_SIDE, host)) {
        let each = side_by_side(plugin, &scenarios[0].call).await?;
        println!("{SIDE_BY_SIDE:<38} {host:<24} {:>10.1}", micros(each));
    }
    drop(hosts);
    processes.close().await;
    Ok(())
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn asking(text: &str) -> Request {
    request("m").user(text).build()
}

async fn process(processes: &Processes, sessions: bool) -> Result<Arc<dyn Hosted>, LoadError> {
    let mut options = Options::new("subject", json!({}), MockServices::default().log.clone());
    options.sessions = sessions;
    let file = std::env::current_exe().map(|exe| exe.with_file_name("subject")).unwrap_or_default();
    Ok(processes.load(&Address::File(file), options).await?)
}

fn context(services: &Services) -> Cx {
    let facts = Facts { request_id: "01a1f89b-60e5-7758-b039-9725544a889c".to_owned(), ..Facts::default() };
    Cx::new(Arc::new(facts), State::default(), None, services.clone())
}

async fn once(plugin: &Arc<dyn Hosted>, services: &Services, call: Call) -> Result<(), String> {
    match plugin.clone().call(context(services), call).await.reply {
        Reply::Failed(failure) => Err(failure.to_string()),
        _ => Ok(()),
    }
}

async fn timed(plugin: &Arc<dyn Hosted>, scenario: &Scenario) -> Result<Vec<Duration>, String> {
    let services = MockServices::default().services();
    let mut took = Vec::with_capacity(CALLS);
    for number in 0..WARM + CALLS {
        if let Some(before) = &scenario.before {
            once(plugin, &services, before.clone()).await?;
        }
        let call = scenario.call.clone();
        let started = Instant::now();
        once(plugin, &services, call).await?;
        if number >= WARM {
            took.push(started.elapsed());
        }
    }
    Ok(took)
}

/// The time for each of many calls that overlap: what a busy gateway pays.
async fn side_by_side(plugin: &Arc<dyn Hosted>, call: &Call) -> Result<Duration, String> {
    const AT_ONCE: u32 = 64;
    const EACH: u32 = 100;
    let services = MockServices::default().services();
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..AT_ONCE {
        let (plugin, services, call) = (plugin.clone(), services.clone(), call.clone());
        tasks.spawn(async move {
            for _ in 0..EACH {
                once(&plugin, &services, call.clone()).await?;
            }
            Ok::<(), String>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.map_err(|error| error.to_string())??;
    }
    Ok(started.elapsed() / (AT_ONCE * EACH))
}
