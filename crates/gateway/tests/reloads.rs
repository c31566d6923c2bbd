//! Reloads under load: no request fails, none is served by two generations, and nothing stays behind.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test")]
#![expect(clippy::print_stdout, reason = "how it went is worth knowing")]

#[path = "../../conformance/tests/common/artefacts.rs"]
mod artefacts;
mod common;
mod slow;

use common::{Generations, House, answer_of, ask, component, get, put, stop};
use gatewright::Started;
use gatewright::config::Config;
use serde_json::{Value as Json, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// What a process holds: one test at a time looks at it.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A kind of artefact.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Component,
    Library,
    Program,
}

impl Kind {
    /// What a file of this kind is called.
    fn file(self) -> &'static str {
        match self {
            Self::Component => "guard.wasm",
            Self::Library => "guard.so",
            Self::Program => "guard",
        }
    }

    /// `generation` as an artefact of this kind.
    fn generations(self) -> Generations {
        artefacts::build();
        let library = artefacts::library("generation");
        Generations::new(match self {
            Self::Component => component("generation"),
            Self::Library => std::fs::read(library).unwrap(),
            Self::Program => std::fs::read(library.with_file_name("generation_program")).unwrap(),
        })
    }
}

/// What is held by this process.
#[derive(Clone, Copy, Debug)]
struct Held {
    memory_mb: usize,
    threads: usize,
    files: usize,
    children: usize,
}

/// Clients that ask until they are told to stop.
struct Load {
    done: Arc<AtomicBool>,
    /// The code that is in force, and the one that is about to be.
    newest: Arc<AtomicUsize>,
    clients: Vec<tokio::task::JoinHandle<usize>>,
}

// === impl Held ===

impl Held {
    fn now() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let of = |key: &str| -> usize {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        let children = tasks.map(|task| {
            // A thread may be gone by now.
            let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            children.split_whitespace().count()
        });
        Self {
            memory_mb: of("VmRSS:") / 1024,
            threads: of("Threads:"),
            files: std::fs::read_dir("/proc/self/fd").unwrap().count(),
            children: children.sum(),
        }
    }

    /// Waits until no more is held than before, but for some memory.
    async fn comes_back(before: Self, memory_mb: usize) -> Self {
        let begun = Instant::now();
        loop {
            let now = Self::now();
            let back = now.memory_mb <= before.memory_mb + memory_mb
                && now.threads <= before.threads
                && now.files <= before.files
                && now.children <= before.children;
            if back {
                return now;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{now:?} is held, and before {before:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

// === impl Load ===

impl Load {
    /// Asks for whole answers and slow streams.
    fn begin(address: SocketAddr) -> Self {
        let (done, newest) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let whole = (0..2).map(|_| tokio::spawn(wholes(address, done.clone(), newest.clone())));
        let streams = (0..2).map(|_| tokio::spawn(streams(address, done.clone())));
        let clients = whole.chain(streams).collect();
        Self { done, newest, clients }
    }

    /// Ends it, and answers how many requests there were.
    async fn end(self) -> usize {
        self.done.store(true, Ordering::Release);
        let mut requests = 0;
        for client in self.clients {
            requests += client.await.unwrap();
        }
        requests
    }
}

/// The generation that an answer is of.
fn generation_of(text: &str) -> usize {
    let digits = text.split("the code of generation ").nth(1).unwrap_or_else(|| panic!("no generation: {text}"));
    digits[..4].parse().unwrap()
}

async fn wholes(address: SocketAddr, done: Arc<AtomicBool>, newest: Arc<AtomicUsize>) -> usize {
    let mut requests = 0;
    while !done.load(Ordering::Acquire) {
        let oldest = newest.load(Ordering::Acquire).saturating_sub(1);
        let (status, body) = ask(address, "hello").await;
        assert_eq!(status, 200, "{body}");
        let of = generation_of(&body);
        assert!((oldest..=oldest + 3).contains(&of), "{of} answered when {oldest} and later were in force");
        requests += 1;
        // Or the load would leave no time to compile anything.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    requests
}

/// Streams that last longer than a reload: what they began with, they end with.
async fn streams(address: SocketAddr, done: Arc<AtomicBool>) -> usize {
    let mut requests = 0;
    while !done.load(Ordering::Acquire) {
        let (status, body) = slow::stream(address).await;
        assert!(status == 200 && body.contains("[DONE]") && !body.contains("error"), "{status} {body}");
        let pieces: Vec<usize> =
            body.match_indices("the code of generation ").map(|(at, _)| generation_of(&body[at..])).collect();
        assert!(pieces.len() >= slow::PIECES, "{body}");
        assert!(pieces.iter().all(|piece| *piece == pieces[0]), "generations are mixed: {pieces:?}");
        requests += 1;
    }
    requests
}

/// What the gateway counted of the plugin's failures.
async fn failures(started: &Started) -> Vec<String> {
    let metrics = get(started.address(), "/metrics").await.1;
    let failures = metrics.lines().filter(|line| line.starts_with("gatewright_plugin_failures_total{plugin=\"guard\""));
    failures.map(ToOwned::to_owned).collect()
}

/// Puts one generation after the other into place while requests go on.
async fn reloads(started: &mut Started, house: &House, kind: Kind, config: &Config, numbers: std::ops::Range<usize>) {
    let (generations, path) = (kind.generations(), house.path(kind.file()));
    let load = Load::begin(started.address());
    let (begun, many) = (Instant::now(), numbers.len());
    for number in numbers {
        put(&path, &generations.artefact(number));
        load.newest.store(number, Ordering::Release);
        started.reload(config.clone()).await.unwrap();
        let (status, body) = ask(started.address(), "hello").await;
        assert!(status == 200 && body.contains(&answer_of(number)), "{number}: {status} {body}");
    }
    let requests = load.end().await;
    println!("{kind:?}: {many} reloads in {:.1?}, {requests} requests meanwhile", begun.elapsed());
    assert!(requests > many / 4, "{requests} requests are no load");
    assert_eq!(failures(started).await, Vec::<String>::new());
    // One that is about to end still has its own.
    let begun = Instant::now();
    while house.copies() > 1 {
        assert!(begun.elapsed() < Duration::from_secs(20), "{} copies are kept", house.copies());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The plugin of this kind, and a provider whose streams are slow.
fn config(house: &House, kind: Kind, upstream: SocketAddr) -> Config {
    let entry = json!({ "name": "guard", "path": house.path(kind.file()), "timeout_seconds": 60 });
    let mut config = house.config(json!([entry]));
    let provider: Json = json!({ "type": "openai", "base_url": format!("http://{upstream}/v1") });
    config.providers.insert("slow".to_owned(), serde_json::from_value(provider).unwrap());
    config
}

/// So many generations; `GATEWRIGHT_RELOADS` sets another number.
async fn many(kind: Kind, usual: usize, memory_mb: usize) {
    let wanted = std::env::var("GATEWRIGHT_RELOADS").ok().and_then(|wanted| wanted.parse().ok());
    let wanted = wanted.unwrap_or(usual);
    let _alone = ALONE.lock().await;
    let house = House::new();
    put(&house.path(kind.file()), &kind.generations().artefact(0));
    let config = config(&house, kind, slow::upstream().await);
    let mut started = house.start_with(config.clone()).await.unwrap();
    reloads(&mut started, &house, kind, &config, 1..21).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = Held::now();
    reloads(&mut started, &house, kind, &config, 21..21 + wanted).await;
    let after = Held::comes_back(before, memory_mb).await;
    println!("{kind:?}: {before:?} before, {after:?} after");
    stop(started).await;
}

// Compiling a component takes a debug build of the engine a while: a thousand of them are for a quiet hour.
#[tokio::test]
async fn components_one_after_the_other() {
    many(Kind::Component, 60, 32).await;
}

#[tokio::test]
async fn programs_one_after_the_other() {
    many(Kind::Program, 1000, 32).await;
}

#[tokio::test]
async fn libraries_up_to_their_limit() {
    let _alone = ALONE.lock().await;
    let (house, kind) = (House::new(), Kind::Library);
    let (generations, path) = (kind.generations(), house.path(kind.file()));
    put(&path, &generations.artefact(0));
    let config = config(&house, kind, slow::upstream().await);
    let mut started = house.start_with(config.clone()).await.unwrap();
    reloads(&mut started, &house, kind, &config, 1..33).await;
    let metrics = get(started.address(), "/metrics").await.1;
    assert!(metrics.contains("gatewright_native_libraries{state=\"retired\"} 32"), "{metrics}");
    // One more is refused, and the last one goes on.
    put(&path, &generations.artefact(33));
    started.reload(config).await.unwrap();
    let (status, body) = ask(started.address(), "hello").await;
    assert!(status == 200 && body.contains(&answer_of(32)), "{status} {body}");
    let (status, body) = get(started.address(), "/readyz").await;
    assert!(status == 200 && body.contains("32 native libraries were replaced"), "{status} {body}");
    stop(started).await;
}
