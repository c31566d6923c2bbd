//! Requests through a plugin that keeps its rules, beside one that does not: all are answered in time.

use crate::compiled::{Bench, exchange_of, instance, mocks, within};
use crate::{AMPLE, SHORT, mode, until};
use gatewright_host_native::{Native, Options};
use gatewright_pipeline::Instance;
use gatewright_plugin::hosted::{Hosted, point};
use gatewright_plugin::{Failure, FailureMode};
use gatewright_testkit::request;
use serde_json::Value as Json;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How many calls of a hostile plugin there are at once.
const AT_ONCE: u64 = 4;

/// The time that a call of theirs has: one that takes longer fails.
const THEIRS: Duration = Duration::from_secs(5);

/// The time of a call that is to hang, and how often the others have a turn meanwhile, at least. One that held the
/// thread would leave them one or two; a machine that is busy with something else, some of the hundred that could be.
const HANGS: Duration = Duration::from_millis(400);
const TURNS: u32 = 5;

/// Others, who have nothing to do with the hostile plugin.
pub(crate) struct Others(Arc<Instance>);

/// Loads a plugin as a gateway does: on a thread that nobody else waits for.
pub(crate) async fn load(
    bench: &Arc<Bench>,
    library: &Path,
    config: Json,
    options: &Options,
) -> Result<Arc<Native>, String> {
    let (bench, library, options) = (bench.clone(), library.to_owned(), options.clone());
    let loading = move || bench.load(&library, None, &config, &options).map_err(|error| error.to_string());
    tokio::task::spawn_blocking(loading).await.unwrap()
}

/// What a request comes to that goes through its `check_input`.
pub(crate) async fn asked(it: &Arc<Instance>, timeout: Duration, mode: FailureMode) -> Result<(), Failure> {
    let mut payload = Arc::new(request("m").user("hello").build());
    let asked = exchange_of(it, timeout, mode).run::<point::CheckInput>(&mut payload).await;
    asked.map(|_| ()).map_err(|fault| fault.failure)
}

// === impl Others ===

impl Others {
    pub(crate) async fn of(bench: &Bench) -> Self {
        let good = bench.load(&bench.shared(""), None, &mode("good"), &within(THEIRS)).unwrap();
        Self(instance(good, &mode("good"), mocks()).await)
    }

    /// Does something while four of them at once ask, on the same thread.
    pub(crate) async fn beside<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        self.in_turns(what, work).await.0
    }

    /// The same of what hangs for as long as it may: they have their turns meanwhile.
    async fn beside_what_hangs<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        let (done, turns) = self.in_turns(what, work).await;
        assert!(turns >= TURNS, "{what}: others had {turns} turns");
        done
    }

    /// Does something, and says how many turns they had meanwhile.
    async fn in_turns<T>(&self, what: &str, work: impl Future<Output = T>) -> (T, u32) {
        let mut turns = 0;
        let ask = async || asked(&self.0, THEIRS, FailureMode::Closed).await;
        let others = async {
            loop {
                let answered = tokio::join!(ask(), ask(), ask(), ask());
                assert_eq!(answered, (Ok(()), Ok(()), Ok(()), Ok(())), "{what}: its neighbours");
                tokio::time::sleep(Duration::from_millis(1)).await;
                turns += 1;
            }
        };
        let done = tokio::select! {
            done = work => done,
            () = others => unreachable!("they have no end"),
        };
        (done, turns)
    }
}

/// What it does, how long its calls may take, how those fail, and why it would not be called after them.
const DEEDS: [(&str, Duration, Option<&str>, Option<&str>); 14] = [
    ("loop", HANGS, Some("timeout"), Some("quarantine")),
    ("late", HANGS, Some("timeout"), None),
    ("asks_twice", AMPLE, None, None),
    ("document", AMPLE, Some("malformed"), None),
    ("says 6464726f70", AMPLE, Some("malformed"), None),
    ("oversized", AMPLE, Some("oversized"), None),
    ("status", AMPLE, Some("malformed"), None),
    ("unwell", AMPLE, Some("panic"), None),
    ("writes", AMPLE, Some("error"), None),
    ("greedy", AMPLE, None, None),
    ("stale", AMPLE, None, None),
    ("utf8", AMPLE, None, None),
    ("null", AMPLE, None, None),
    ("create_gives_nothing", AMPLE, None, None),
];

#[tokio::test]
async fn whatever_it_does_others_are_untouched_and_its_failure_mode_decides() {
    let bench = Arc::new(Bench::new());
    let others = Others::of(&bench).await;
    for (word, timeout, cause, away) in DEEDS {
        let native = load(&bench, &bench.shared(""), mode(word), &within(timeout)).await.unwrap();
        let it = instance(native.clone(), &mode(word), mocks()).await;
        let closed = async || asked(&it, timeout, FailureMode::Closed).await;
        let calls = async { tokio::join!(closed(), closed(), closed(), asked(&it, timeout, FailureMode::Open)) };
        let (first, second, third, open) = match timeout == HANGS {
            true => others.beside_what_hangs(word, calls).await,
            false => others.beside(word, calls).await,
        };
        for outcome in [first, second, third] {
            assert_eq!(outcome.err().map(|failure| failure.cause()), cause, "{word}");
        }
        assert_eq!(open, Ok(()), "{word}: it is `fail_open`");
        if away.is_none() {
            others.beside(word, until(word, || native.lane_health().abandoned == 0)).await;
        }
        let standing = native.standing().unwrap();
        let said = standing.away.unwrap_or_default();
        assert!(away.map_or(said.is_empty(), |away| said.contains(away)), "{word}: {said}");
        assert_eq!(standing.given_up, if timeout == HANGS { AT_ONCE } else { 0 }, "{word}");
    }
}

/// One that is in quarantine is not asked again, and its requests go as its failure mode says, at once.
#[tokio::test]
async fn in_quarantine_its_failure_mode_decides_too() {
    let bench = Arc::new(Bench::new());
    let others = Others::of(&bench).await;
    let native = load(&bench, &bench.shared(""), mode("loop"), &within(SHORT)).await.unwrap();
    let it = instance(native.clone(), &mode("loop"), mocks()).await;
    let hang = async {
        // One that waits for its turn when its time is over is no strike.
        while !native.lane_health().quarantined {
            assert_eq!(asked(&it, SHORT, FailureMode::Open).await, Ok(()));
        }
    };
    others.beside("it hangs", hang).await;
    let closed = others.beside("it is away", asked(&it, AMPLE, FailureMode::Closed)).await.unwrap_err();
    assert_eq!(closed.cause(), "unavailable", "{closed}");
    assert_eq!(others.beside("it is away", asked(&it, AMPLE, FailureMode::Open)).await, Ok(()));
    assert!(it.unavailable().unwrap().contains("quarantine"));
    let health = native.lane_health();
    assert!((2..=3).contains(&health.abandoned) && health.queued == 0, "nobody waits behind what hangs: {health:?}");
}
