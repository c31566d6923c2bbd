//! Calls of a plugin from within what it asked of the host, and questions of two threads at once.

use crate::beside::asked;
use crate::compiled::{Bench, exchange, instance, mocks, within};
use crate::{AMPLE, Never, all_told, check, context, mode, told, until};
use bytes::Bytes;
use gatewright_host_native::{Native, Options};
use gatewright_pipeline::shelter;
use gatewright_plugin::hosted::{Call, CallRef, Hosted, Reply};
use gatewright_plugin::services::{BoxFuture, Kv, Log, LogRecord, ServiceError, Services};
use gatewright_plugin::{Failure, FailureMode, Verdict};
use gatewright_testkit::{block_on, request};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

/// Enough for a thread to wake and to ask on a busy machine.
const LONG: Duration = Duration::from_millis(400);

/// What it answers where the host calls it in the middle of a call.
const STALE_THEN_OK: u32 = 90;
const OK_TWICE: u32 = 0;

/// Services that call the plugin again before they do what it asks.
#[derive(Default)]
struct Again {
    plugin: OnceLock<Arc<Native>>,
    /// Whether on the thread that asks.
    in_place: bool,
    replies: Mutex<Vec<Reply>>,
}

/// What they are not asked, they do not answer.
const NEVER: &Never = &Never;

// === impl Again ===

impl Again {
    fn services(self: &Arc<Self>) -> Services {
        let mut set = (*mocks()).clone();
        (set.log, set.kv) = (self.clone(), self.clone());
        set.into()
    }

    fn plugin(&self) -> &Arc<Native> {
        self.plugin.get().unwrap()
    }

    fn replied(&self, reply: Reply) {
        self.replies.lock().unwrap().push(reply);
    }

    fn call() -> Call {
        Call::CheckInput(Arc::new(request("m").user("within").build()))
    }
}

impl Log for Again {
    fn log(&self, _: &LogRecord<'_>) {
        let reply = match self.in_place {
            true => {
                let mut payload = Arc::new(request("m").user("within").build());
                self.plugin().call_now(&mut context(mocks()), CallRef::CheckInput(&mut payload))
            }
            false => block_on(self.plugin().clone().call(context(mocks()), Self::call())).reply,
        };
        self.replied(reply);
    }
}

impl Kv for Again {
    fn increment<'a>(&'a self, _: &'a str, by: i64) -> BoxFuture<'a, Result<i64, ServiceError>> {
        Box::pin(async move {
            let reply = self.plugin().clone().call(context(mocks()), Self::call()).await.reply;
            self.replied(reply);
            Ok(by)
        })
    }

    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>, ServiceError>> {
        NEVER.get(key)
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, ttl: Option<Duration>) -> BoxFuture<'a, Result<(), ServiceError>> {
        NEVER.set(key, value, ttl)
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool, ServiceError>> {
        NEVER.delete(key)
    }

    fn list<'a>(&'a self, prefix: &'a str, limit: usize) -> BoxFuture<'a, Result<Vec<String>, ServiceError>> {
        NEVER.list(prefix, limit)
    }

    fn compare_and_set<'a>(
        &'a self,
        key: &'a str,
        expected: Option<Bytes>,
        value: Bytes,
    ) -> BoxFuture<'a, Result<bool, ServiceError>> {
        NEVER.compare_and_set(key, expected, value)
    }
}

/// Calls the plugin, which is called again within what it asks; both calls are answered. Gives what it says of it.
async fn called_again(bench: &Bench, word: &str, options: Options) -> u32 {
    let native = bench.load(&bench.hostile(""), None, &mode(word), &options).unwrap();
    let again = Arc::new(Again { in_place: options.inline, ..Again::default() });
    assert!(again.plugin.set(native.clone()).is_ok());
    let mut exchange = exchange(native.clone(), &mode(word), again.services(), AMPLE).await;
    check(&mut exchange).await.unwrap();
    let state: Vec<&str> = exchange.state().iter().map(|(key, _)| key).collect();
    assert_eq!(state, ["after"], "what each call wrote is its own");
    let replies = std::mem::take(&mut *again.replies.lock().unwrap());
    assert!(matches!(replies.as_slice(), [Reply::CheckInput(Verdict::Allow)]), "{replies:?}");
    told(&native).await.0
}

#[tokio::test]
async fn it_is_called_again_within_what_it_asks() {
    let bench = Bench::new();
    // On its lane a handle is good on every thread, for as long as its own call lasts.
    assert_eq!(called_again(&bench, "again", within(AMPLE)).await, OK_TWICE);
    assert_eq!(called_again(&bench, "again_waiting", within(AMPLE)).await, OK_TWICE);
}

#[tokio::test]
async fn it_is_called_again_in_place_within_what_it_asks() {
    let bench = Bench::new();
    shelter::begin();
    // Within it on the same thread, or else on the lane: the outer call is neither's.
    for inline_at_once in [2, 1] {
        let options = Options { inline: true, inline_at_once, ..within(AMPLE) };
        assert_eq!(called_again(&bench, "again", options).await, STALE_THEN_OK, "{inline_at_once}");
    }
}

/// A lane of one thread, which waits for what waits for it: the time of the call ends that.
#[tokio::test]
async fn one_that_waits_for_itself_times_out() {
    let bench = Bench::new();
    let options = Options { threads: 1, ..within(LONG) };
    let native = bench.load(&bench.hostile(""), None, &mode("again_waiting"), &options).unwrap();
    let again = Arc::new(Again::default());
    assert!(again.plugin.set(native.clone()).is_ok());
    let it = instance(native.clone(), &mode("again_waiting"), again.services()).await;
    assert_eq!(asked(&it, LONG, FailureMode::Closed).await, Err(Failure::TimedOut));
    until("it comes back", || native.lane_health().abandoned == 0).await;
    let health = native.lane_health();
    assert!(!health.quarantined && health.queued == 0, "what it waited for is not called any more: {health:?}");
    assert_eq!(told(&native).await.0, 6, "the host function answered DEADLINE");
    assert!(again.replies.lock().unwrap().is_empty(), "it was called all the same");
}

#[tokio::test]
async fn of_two_threads_of_a_call_one_may_wait() {
    let bench = Bench::new();
    let native = bench.load(&bench.hostile(""), None, &mode("asks_twice"), &within(LONG)).unwrap();
    let mut set = (*mocks()).clone();
    set.kv = Arc::new(Never);
    let it = instance(native.clone(), &mode("asks_twice"), set.into()).await;
    // Which of the two is chance; if it is the hook's own, nobody answers it.
    let outcome = asked(&it, LONG, FailureMode::Closed).await;
    assert!(matches!(outcome, Ok(()) | Err(Failure::TimedOut)), "{outcome:?}");
    until("it comes back", || native.lane_health().abandoned == 0).await;
    let started = Instant::now();
    while told(&native).await.0 != 3 {
        assert!(started.elapsed() < AMPLE, "none was told BUSY");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn while_it_ends_it_reaches_no_call() {
    let bench = Bench::new();
    let library = bench.hostile("");
    let first = bench.load(&library, None, &mode("farewell"), &within(AMPLE)).unwrap();
    let second = bench.load(&library, None, &mode("good"), &within(AMPLE)).unwrap();
    let it = instance(first.clone(), &mode("farewell"), mocks()).await;
    assert_eq!(asked(&it, AMPLE, FailureMode::Closed).await, Ok(()));
    drop((first, it));
    let started = Instant::now();
    while all_told(&second).await[1] == 0 {
        assert!(started.elapsed() < AMPLE, "it does not end");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(told(&second).await, (9, 1));
}
