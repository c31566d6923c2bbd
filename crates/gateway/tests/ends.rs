//! How gateways end that have not come to serve, and several in one process.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test")]

use gatewright::config::Config;
use gatewright::prelude::*;
use gatewright::{Error, Gateway, GatewayBuilder};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Signals reach every gateway of this process: one test at a time sends them.
static ALONE: Mutex<()> = Mutex::new(());

/// Longer than anything here takes, and shorter than what nobody should wait for.
const SOON: Duration = Duration::from_secs(4);

const NEVER: Duration = Duration::from_secs(600);

/// What happened, in order.
type Events = Arc<Mutex<Vec<&'static str>>>;

/// Starts at once, and takes so long to shut down.
struct Quick {
    events: Events,
    ends_within: Duration,
}

/// Takes so long to start, and then does not.
struct Slow {
    events: Events,
    starts_within: Duration,
}

#[plugin]
impl Plugin for Quick {
    async fn on_startup(&self, _: &mut Cx, _: &Startup) -> Result<(), Failure> {
        note(&self.events, "started");
        Ok(())
    }

    async fn on_shutdown(&self, _: &mut Cx, _: &Shutdown) -> Result<(), Failure> {
        note(&self.events, "ending");
        sleep(self.ends_within).await;
        note(&self.events, "ended");
        Ok(())
    }
}

#[plugin]
impl Plugin for Slow {
    async fn on_startup(&self, _: &mut Cx, _: &Startup) -> Result<(), Failure> {
        note(&self.events, "starting");
        sleep(self.starts_within).await;
        Err("it does not start".into())
    }

    async fn on_shutdown(&self, _: &mut Cx, _: &Shutdown) -> Result<(), Failure> {
        note(&self.events, "ended what had not started");
        Ok(())
    }
}

fn note(events: &Events, event: &'static str) {
    events.lock().unwrap().push(event);
}

/// A gateway that is started in a process of its own, as far as signals go.
struct Starting {
    events: Events,
    served: JoinHandle<Result<(), Error>>,
    _alone: MutexGuard<'static, ()>,
}

impl Starting {
    /// With a plugin that starts at once and ends within this, and one that does not start within that.
    fn new(ends_within: Duration, starts_within: Duration) -> Self {
        let (alone, events) = (ALONE.lock().unwrap_or_else(PoisonError::into_inner), Events::default());
        let quick = Quick { events: events.clone(), ends_within };
        let slow = Slow { events: events.clone(), starts_within };
        let builder = Gateway::builder().config(config(json!([]))).plugin(quick).plugin(slow).all_plugins();
        Self { events, served: thread::spawn(|| builder.serve()), _alone: alone }
    }

    fn until(&self, event: &str) {
        let begun = Instant::now();
        while !self.events.lock().unwrap().contains(&event) {
            assert!(begun.elapsed() < SOON, "waited in vain: {event}");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Sends this process a signal, for which there is a handler once a plugin starts.
    fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &std::process::id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// How it ended, soon, and what happened.
    fn end(self) -> (Result<(), Error>, Vec<&'static str>) {
        let begun = Instant::now();
        while !self.served.is_finished() {
            assert!(begun.elapsed() < SOON, "it does not end: {:?}", self.events);
            thread::sleep(Duration::from_millis(2));
        }
        let events = self.events.lock().unwrap().clone();
        (self.served.join().unwrap(), events)
    }
}

/// A config of these plugins, on a free port.
fn config(plugins: Json) -> Config {
    let text = json!({ "plugins": plugins, "detect_providers": false, "server": { "port": 0, "workers": 1 } });
    gatewright::config::parse(text.to_string().as_bytes()).unwrap_or_else(|errors| panic!("{errors}")).config
}

#[test]
fn a_signal_during_the_start_shuts_down_what_has_started() {
    let starting = Starting::new(Duration::from_millis(50), NEVER);
    starting.until("starting");
    starting.terminate();
    let (ended, events) = starting.end();
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!(events, ["started", "starting", "ending", "ended"]);
}

#[test]
fn a_second_signal_waits_for_no_plugin() {
    let starting = Starting::new(NEVER, NEVER);
    starting.until("starting");
    starting.terminate();
    starting.until("ending");
    starting.terminate();
    let (ended, events) = starting.end();
    assert!(matches!(ended, Err(Error::PluginsCutOff)), "{ended:?}");
    assert_eq!(events, ["started", "starting", "ending"]);
}

#[test]
fn a_signal_after_a_start_that_failed_leaves_plugins_their_time() {
    let starting = Starting::new(Duration::from_millis(500), Duration::ZERO);
    starting.until("ending");
    starting.terminate();
    let (ended, events) = starting.end();
    assert!(ended.unwrap_err().to_string().contains("it does not start"));
    assert_eq!(events, ["started", "starting", "ending", "ended"]);
}

/// A guard in C, for which the config has to have a word.
fn library(folder: &Path) -> PathBuf {
    const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let (root, library) = (Path::new(ROOT), folder.join("c_guard.so"));
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-O1", "-fPIC", "-shared", "-pthread", "-I"]).arg(root.join("include"));
    cc.arg("-o").arg(&library).arg(root.join("examples/plugins/c-guard/c_guard.c"));
    assert!(cc.status().unwrap().success());
    library
}

fn with_guard(library: &Path, guard: Json) -> GatewayBuilder {
    let plugins = json!([{ "name": "guard", "path": library, "config": guard }]);
    Gateway::builder().config(config(plugins)).all_plugins()
}

#[tokio::test]
async fn a_gateway_waits_for_no_libraries_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let library = library(folder.path());
    let serving = with_guard(&library, json!({ "word": "rosebud" })).start().await.unwrap();
    let begun = Instant::now();
    let failed = with_guard(&library, json!({})).start().await.err().unwrap();
    assert!(failed.to_string().contains("its config needs a `word`"), "{failed}");
    assert!(begun.elapsed() < SOON, "it took {:?}", begun.elapsed());
    let begun = Instant::now();
    assert!(serving.drain(SOON).await);
    assert!(begun.elapsed() < SOON, "it took {:?}", begun.elapsed());
}
