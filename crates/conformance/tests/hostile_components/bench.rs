//! A hostile component, and beside it requests through one that keeps its rules.

use crate::guest::Guest;
use gatewright_host_wasm::{LoadError, Options, WasmHost};
use gatewright_pipeline::{Entry, Exchange, Fault, Instance, PluginSet, Settings};
use gatewright_plugin::hosted::{Hosted, point};
use gatewright_plugin::services::Services;
use gatewright_plugin::{Facts, Failure, FailureMode, Hook, Permission};
use gatewright_testkit::request;
use gatewright_testkit::services::MockServices;
use serde_json::Value as Json;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// The time of a call that is to run out. One that held the thread would do so for this long.
pub(crate) const SHORT: Duration = Duration::from_millis(1200);

/// How often others have a turn, at least, while a loop takes all of [`SHORT`]. One that holds the thread leaves them one
/// or two; a machine that is busy with something else, some of the hundreds that there could be.
const TURNS: u32 = 5;

/// Time enough.
pub(crate) const AMPLE: Duration = Duration::from_secs(30);

/// A host, and a plugin in it that keeps its rules.
pub(crate) struct Bench {
    pub(crate) host: WasmHost,
    good: Arc<Instance>,
    /// Instances of the good one, when all is quiet.
    quiet: usize,
}

static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| Guest::at(&[Hook::CheckInput]).build());

/// Runs a test on one thread.
pub(crate) fn run(test: impl AsyncFnOnce(&Bench)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let bench = Bench::new().await;
        test(&bench).await;
        bench.settled(0).await;
    });
}

/// With every permission.
pub(crate) fn granted() -> Options {
    Options { granted: Permission::ALL.into(), ..Options::default() }
}

// === impl Bench ===

impl Bench {
    async fn new() -> Self {
        let host = WasmHost::new(None).unwrap();
        let good = host.load(GOOD.clone(), &Json::Null, Options::default()).await.unwrap();
        let good = started(good, MockServices::default().services()).await;
        let quiet = host.instances();
        Self { host, good, quiet }
    }

    pub(crate) async fn load(&self, guest: &Guest) -> Result<Arc<dyn Hosted>, LoadError> {
        self.host.load(guest.build(), &Json::Null, granted()).await
    }

    /// Does something while requests go through the good plugin: all are answered.
    pub(crate) async fn beside<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        self.in_turns(what, work).await.0
    }

    /// The same of what takes the thread for as long as it may: others have their turns meanwhile.
    pub(crate) async fn beside_a_loop<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        let (done, turns) = self.in_turns(what, work).await;
        assert!(turns >= TURNS, "{what}: others had {turns} turns");
        done
    }

    /// Does something, and says how many turns others had meanwhile.
    async fn in_turns<T>(&self, what: &str, work: impl Future<Output = T>) -> (T, u32) {
        let mut turns = 0;
        let others = async {
            loop {
                assert_eq!(check(&self.good, AMPLE, FailureMode::Closed).await, Ok(()), "{what}: its neighbour");
                sleep(Duration::from_millis(1)).await;
                turns += 1;
            }
        };
        let done = tokio::select! {
            done = work => done,
            () = others => unreachable!("it has no end"),
        };
        (done, turns)
    }

    /// Its calls fail so, and say so; its failure mode decides; others never notice, and its instances come back.
    pub(crate) async fn misbehaves(&self, what: &str, guest: &Guest, timeout: Duration, cause: &str, says: &str) {
        let plugin = self.load(guest).await.unwrap_or_else(|error| panic!("{what}: it does not load: {error}"));
        self.fails(what, &plugin, MockServices::default().services(), timeout, cause, says).await;
        drop(plugin);
        self.settled(0).await;
    }

    /// The same of one that is loaded.
    pub(crate) async fn fails(
        &self,
        what: &str,
        plugin: &Arc<dyn Hosted>,
        services: Services,
        timeout: Duration,
        cause: &str,
        says: &str,
    ) {
        // Each has a breaker of its own, which does not open after a few.
        let instances = [(); 4].map(|()| started(plugin.clone(), services.clone()));
        let instances = futures_util::future::join_all(instances).await;
        let calls = instances.iter().map(|instance| check(instance, timeout, FailureMode::Closed));
        let calls = futures_util::future::join_all(calls);
        let began = Instant::now();
        let outcomes =
            if cause == "timeout" { self.beside_a_loop(what, calls).await } else { self.beside(what, calls).await };
        for outcome in outcomes {
            let failure = outcome.expect_err(what);
            assert_eq!(failure.cause(), cause, "{what}: {failure}");
            let said = failure.to_string();
            assert!(said.contains(says) && !said.contains('\n'), "{what}: {said}");
        }
        assert!(began.elapsed() < timeout + AMPLE, "{what}: it is not given up");
        let open = self.beside(what, check(&instances[0], timeout, FailureMode::Open)).await;
        assert_eq!(open, Ok(()), "{what}: it is `fail_open`");
    }

    /// Waits until there are as many instances as before, and so many more.
    pub(crate) async fn settled(&self, more: usize) {
        let began = Instant::now();
        while self.host.instances() > self.quiet + more {
            assert!(began.elapsed() < AMPLE, "{} instances are left", self.host.instances() - self.quiet);
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// The host does not load it, and says why in one sentence; others never notice, and nothing is left.
    pub(crate) async fn does_not_load(&self, what: &str, file: Vec<u8>, says: &[&str]) {
        let loaded = self.beside(what, self.host.load(file, &Json::Null, granted())).await;
        let Err(error) = loaded else { panic!("{what}: it loads") };
        let said = error.to_string();
        for word in says {
            assert!(said.contains(word), "{what}: {said}");
        }
        assert!(!said.contains('\n') && said.chars().count() < 600, "{what}: no sentence: {said}");
        self.settled(0).await;
    }
}

/// An instance of a plugin.
pub(crate) async fn started(plugin: Arc<dyn Hosted>, services: Services) -> Arc<Instance> {
    Instance::start("it", plugin, Json::Null, services, None, None).await.unwrap()
}

/// A request that has this plugin.
pub(crate) fn exchange(instance: &Arc<Instance>, timeout: Duration, mode: FailureMode) -> Exchange {
    let settings = Settings { timeout: Some(timeout), failure_mode: Some(mode), ..Settings::default() };
    let set = PluginSet::compile(1, vec![Entry { instance: instance.clone(), settings }]).unwrap();
    Exchange::new(Arc::new(set), Facts::default())
}

/// What a request comes to that goes through its `check_input`.
pub(crate) async fn check(instance: &Arc<Instance>, timeout: Duration, mode: FailureMode) -> Result<(), Failure> {
    let mut exchange = exchange(instance, timeout, mode);
    check_in(&mut exchange).await.map_err(|fault| fault.failure)
}

/// `check_input` of a request.
pub(crate) async fn check_in(exchange: &mut Exchange) -> Result<(), Fault> {
    let mut payload = Arc::new(request("m").user("hello").build());
    exchange.run::<point::CheckInput>(&mut payload).await.map(|_| ())
}
