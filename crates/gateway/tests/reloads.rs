//! Reloads under load: no request fails, none is served by two generations, and nothing stays behind.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test")]
#![expect(clippy::print_stdout, reason = "how it went is worth knowing")]

#[path = "../../conformance/tests/common/artefacts.rs"]
mod artefacts;
mod common;
mod held;
mod journal;
mod load;
mod slow;

use common::{Generations, House, answer_of, ask, component, get, put, stop};
use gatewright::config::Config;
use gatewright::{Reload, Started};
use held::Held;
use load::{Load, Turns};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// What a process holds, and what its plugins log: one test at a time looks at it.
static ALONE: Mutex<()> = Mutex::const_new(());

/// The first reloads, after which a process holds what it needs.
const FIRST: Range<usize> = 1..21;

/// The libraries that can be replaced.
const MOST_RETIRED: usize = 32;

/// A kind of artefact.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Component,
    Library,
    Program,
}

/// What a reload changes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    /// The file.
    File,
    /// The entry in the config: the plugin's own config, which says the generation, and other keys with it.
    Entry,
}

/// A gateway whose plugin is reloaded.
struct Scene {
    house: House,
    kind: Kind,
    change: Change,
    generations: Generations,
    turns: Arc<Turns>,
    upstream: SocketAddr,
}

// === impl Kind ===

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

    /// Keys of the entry that make a new instance.
    fn keys(self, turn: usize) -> Json {
        let timeout = 30 + turn % 20;
        match self {
            Self::Component => {
                let instance = ["pooled", "single", "per_request", "per_call"][turn % 4];
                json!({ "timeout_seconds": timeout, "memory_mb": 32 + turn % 7, "instance": instance })
            }
            Self::Library => json!({ "timeout_seconds": timeout, "inline": turn.is_multiple_of(2) }),
            Self::Program => json!({ "timeout_seconds": timeout, "environment": { "TURN": turn.to_string() } }),
        }
    }
}

// === impl Scene ===

impl Scene {
    /// Of so many generations, one after the other and from the first again.
    async fn new(kind: Kind, change: Change, codes: usize) -> Self {
        journal::begin();
        let (house, generations, turns) = (House::new(), kind.generations(), Turns::new(codes, 0));
        put(&house.path(kind.file()), &generations.artefact(0));
        Self { house, kind, change, generations, turns, upstream: slow::upstream().await }
    }

    async fn start(&self) -> Started {
        self.house.start_with(self.config(0)).await.unwrap()
    }

    /// The plugin of this kind, and a provider whose streams are slow.
    fn config(&self, turn: usize) -> Config {
        let path = self.house.path(self.kind.file());
        // A whole stream would be held back for `check_output`.
        let mut entry = json!({ "name": "guard", "path": path, "timeout_seconds": 60, "stream_mode": "chunk" });
        if self.change == Change::Entry {
            let own = json!({ "config": { "generation": self.turns.code(turn) } });
            for keys in [own, self.kind.keys(turn)] {
                entry.as_object_mut().unwrap().extend(keys.as_object().cloned().unwrap());
            }
        }
        let mut config = self.house.config(json!([entry]));
        let provider: Json = json!({ "type": "openai", "base_url": format!("http://{}/v1", self.upstream) });
        config.providers.insert("slow".to_owned(), serde_json::from_value(provider).unwrap());
        config
    }

    /// What a reload is to put in force: its file is there.
    fn prepare(&self, turn: usize) -> Config {
        if self.change == Change::File {
            put(&self.house.path(self.kind.file()), &self.generations.artefact(self.turns.code(turn)));
        }
        self.config(turn)
    }

    /// Puts one generation after the other into place while requests go on.
    async fn reloads(&self, started: &mut Started, turns: Range<usize>) {
        let load = Load::begin(started.address(), &self.turns).await;
        let (begun, many) = (Instant::now(), turns.len());
        for turn in turns {
            let config = self.prepare(turn);
            load.turns().begin(turn);
            assert_eq!(started.reload(config).await.unwrap(), Reload::Taken, "{turn}");
            load.turns().end(turn);
            let (status, body) = ask(started.address(), "hello").await;
            let wanted = answer_of(self.turns.code(turn));
            assert!(status == 200 && body.contains(&wanted), "{turn}: {status} {body}");
        }
        let took = begun.elapsed();
        let seen = load.end().await;
        println!("{:?} by {:?}: {many} reloads in {took:.1?}, meanwhile {seen:?}", self.kind, self.change);
        assert!(seen.requests > many / 4, "{seen:?} is no load");
        assert!(seen.spanning >= (many / 50).max(2), "of {seen:?}, hardly a stream spans a reload");
        assert_eq!(failures(started).await, Vec::<String>::new());
        self.one_copy_is_left().await;
    }

    /// One that is about to end still has its own.
    async fn one_copy_is_left(&self) {
        let begun = Instant::now();
        while self.house.copies() > 1 {
            assert!(begun.elapsed() < Duration::from_secs(20), "{} copies are kept", self.house.copies());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops the gateway after so many reloads: of all that started nothing goes on.
    async fn stop(self, started: Started, reloads: usize) {
        stop(started).await;
        let mut starts = BTreeMap::<usize, usize>::new();
        for turn in 0..=reloads {
            *starts.entry(self.turns.code(turn)).or_default() += 1;
        }
        journal::close(&starts);
    }
}

/// What the gateway counted of the plugin's failures.
async fn failures(started: &Started) -> Vec<String> {
    let metrics = get(started.address(), "/metrics").await.1;
    let failures = metrics.lines().filter(|line| line.starts_with("gatewright_plugin_failures_total{plugin=\"guard\""));
    failures.map(ToOwned::to_owned).collect()
}

/// How many reloads `GATEWRIGHT_RELOADS` asks for.
fn asked() -> Option<usize> {
    std::env::var("GATEWRIGHT_RELOADS").ok()?.parse().ok()
}

/// So many reloads after the first ones, from one code to the next of so many; what is held comes back.
async fn many(kind: Kind, change: Change, reloads: usize, codes: usize) {
    let _alone = ALONE.lock().await;
    let scene = Scene::new(kind, change, codes).await;
    let mut started = scene.start().await;
    scene.reloads(&mut started, FIRST).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (before, last) = (Held::now(), FIRST.end + reloads);
    scene.reloads(&mut started, FIRST.end..last).await;
    let after = Held::comes_back(before, 32).await;
    println!("{kind:?}: {before:?} before, {after:?} after");
    scene.stop(started, last - 1).await;
}

// Compiling a component takes a debug build of the engine more than a second: each is compiled once, and each reload has
// other code than the one before. `GATEWRIGHT_RELOADS` is of so many that are all different.
#[tokio::test]
async fn components_one_after_the_other() {
    match asked() {
        Some(reloads) => many(Kind::Component, Change::File, reloads, FIRST.end + reloads).await,
        None => many(Kind::Component, Change::File, 1000, FIRST.end).await,
    }
}

#[tokio::test]
async fn programs_one_after_the_other() {
    let reloads = asked().unwrap_or(1000);
    many(Kind::Program, Change::File, reloads, FIRST.end + reloads).await;
}

#[tokio::test]
async fn libraries_up_to_their_limit() {
    let _alone = ALONE.lock().await;
    let scene = Scene::new(Kind::Library, Change::File, MOST_RETIRED + 2).await;
    let mut started = scene.start().await;
    scene.reloads(&mut started, 1..MOST_RETIRED + 1).await;
    let metrics = get(started.address(), "/metrics").await.1;
    assert!(metrics.contains("gatewright_native_libraries{state=\"retired\"} 32"), "{metrics}");
    // One more is refused, and the last one goes on.
    started.reload(scene.prepare(MOST_RETIRED + 1)).await.unwrap();
    let (status, body) = ask(started.address(), "hello").await;
    assert!(status == 200 && body.contains(&answer_of(MOST_RETIRED)), "{status} {body}");
    let (status, body) = get(started.address(), "/readyz").await;
    assert!(status == 200 && body.contains("32 native libraries were replaced"), "{status} {body}");
    scene.stop(started, MOST_RETIRED).await;
}

#[tokio::test]
async fn entries_of_a_component() {
    many(Kind::Component, Change::Entry, 50, 100).await;
}

#[tokio::test]
async fn entries_of_a_library() {
    many(Kind::Library, Change::Entry, 50, 100).await;
}

#[tokio::test]
async fn entries_of_a_program() {
    many(Kind::Program, Change::Entry, 50, 100).await;
}
