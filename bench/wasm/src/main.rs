//! Medians of calls of a component, beside the same plugin linked in.
//!
//! `CARGO_PROFILE_RELEASE_LTO=fat scripts/wasm-examples.sh bench-subject` prints the module; then
//! `cargo run --release -p bench-wasm -- target/wasm-plugins/wasm32-unknown-unknown/release/examples/subject.wasm`.
//! A second argument measures those lines alone in which it occurs, `"50 B, component, warm"`, and a third is the rounds,
//! of which a profiler wants more. `BENCH_CACHE=FOLDER` keeps the compiled code, so that a profile has none of compiling.

#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use bench_subject::Subject;
use gatewright_host_wasm::{InstancePolicy, MOST_IN_PLACE, Options, WasmHost};
use gatewright_plugin::hosted::{Call, Hosted, Reply, link};
use gatewright_plugin::model::{Request, Role};
use gatewright_plugin::{Cx, Draft, Facts, State};
use gatewright_testkit::request;
use gatewright_testkit::services::MockServices;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

// As the gateway ships.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Rounds unless told, of which the median counts, and the calls of each.
const ROUNDS: usize = 51;
const CALLS: u32 = 400;

fn main() -> Result<(), Box<dyn Error>> {
    let module = std::env::args().nth(1).ok_or("name the core module: see the top of the source")?;
    let only = std::env::args().nth(2).unwrap_or_default();
    let rounds = std::env::args().nth(3).map_or(Ok(ROUNDS), |rounds| rounds.parse())?;
    let component = gatewright_pack::pack(&std::fs::read(module)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(component, &only, rounds))
}

async fn run(component: Vec<u8>, only: &str, rounds: usize) -> Result<(), Box<dyn Error>> {
    let cache = std::env::var_os("BENCH_CACHE").map(PathBuf::from);
    let engine = WasmHost::new(cache.as_deref())?;
    let config = serde_json::json!({});
    let with = |instances| Options { instances: Some(instances), ..Options::default() };
    let in_place = Options { timeout: Some(MOST_IN_PLACE), ..Options::default() };
    let hosts: [(&str, Arc<dyn Hosted>); 4] = [
        ("linked in", link(Subject)),
        ("component, warm", engine.load(component.clone(), &config, with(InstancePolicy::Pooled)).await?),
        ("component, in place", engine.load(component.clone(), &config, in_place).await?),
        ("component, fresh instance", engine.load(component, &config, with(InstancePolicy::PerCall)).await?),
    ];
    let (small, large, whole) = (asking(1, 50), asking(20, 5000), asking(1, 100_000));
    let scenarios = [
        ("reads nothing of 50 B", Call::PreRequest(Arc::new(small.clone()))),
        ("reads nothing of 100 KB", Call::PreRequest(Arc::new(large.clone()))),
        ("reads 50 B", Call::CheckInput(Arc::new(small.clone()))),
        ("reads 100 KB", Call::CheckInput(Arc::new(large.clone()))),
        ("reads and replaces 50 B", Call::PreLlm(Draft::from(small))),
        ("reads and replaces 100 KB", Call::PreLlm(Draft::from(large))),
        ("replaces a text of 100 KB", Call::PreLlm(Draft::from(whole))),
    ];
    println!("{:<28} {:<28} {:>10}", "", "", "median us");
    for (name, call) in &scenarios {
        for (host, plugin) in hosts.iter().filter(|(host, _)| format!("{name}, {host}").contains(only)) {
            println!("{name:<28} {host:<28} {:>10.2}", median(plugin, call, rounds).await?.as_secs_f64() * 1e6);
        }
    }
    Ok(())
}

fn asking(messages: usize, bytes: usize) -> Request {
    let builder = (0..messages).fold(request("m"), |builder, _| {
        builder.message(gatewright_plugin::model::Message::text(Role::User, "x".repeat(bytes)))
    });
    builder.build()
}

/// Of a call in rounds of many; what making context and payload costs is in it, for all hosts alike.
async fn median(plugin: &Arc<dyn Hosted>, call: &Call, count: usize) -> Result<Duration, String> {
    let services = MockServices::default().services();
    let facts = Arc::new(Facts { request_id: "01a1f89b-60e5-7758-b039-9725544a889c".to_owned(), ..Facts::default() });
    let mut rounds = Vec::with_capacity(count);
    for _ in 0..count {
        let started = Instant::now();
        for _ in 0..CALLS {
            let mut cx = Cx::new(facts.clone(), State::default(), None, services.clone());
            let mut call = call.clone();
            let reply = match plugin.immediate().contains(call.hook()) {
                true => plugin.call_now(&mut cx, call.lend()),
                false => plugin.clone().call(cx, call).await.reply,
            };
            if let Reply::Failed(failure) = reply {
                return Err(failure.to_string());
            }
        }
        rounds.push(started.elapsed() / CALLS);
    }
    rounds.sort_unstable();
    Ok(rounds[count / 2])
}
