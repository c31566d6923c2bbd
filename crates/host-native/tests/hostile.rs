//! Native plugins that do not do what they should: nobody else notices.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

#[path = "hostile/answers.rs"]
mod answers;
#[path = "hostile/beside.rs"]
mod beside;
mod compiled;
#[path = "hostile/loads.rs"]
mod loads;
#[path = "hostile/reentrant.rs"]
mod reentrant;
#[path = "hostile/traces.rs"]
mod traces;

use bytes::Bytes;
use compiled::{Bench, exchange, mocks, within};
use gatewright_host::Sha256;
use gatewright_host_native::{Native, Options, generations};
use gatewright_pipeline::{Decision, Exchange, Fault, shelter};
use gatewright_plugin::hosted::{Call, CallRef, Hosted, Reply, point};
use gatewright_plugin::payload::{ChunkStream, HealthCheck};
use gatewright_plugin::services::{BoxFuture, Kv, ServiceError, Services};
use gatewright_plugin::{Cx, Draft, Facts, Failure, Hook, PreLlm, State, Verdict};
use gatewright_testkit::request;
use gatewright_testkit::services::MockServices;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Keys and values that never answer.
struct Never;

macro_rules! never {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        impl Kv for Never {
            $(fn $name<'a>(&'a self, $($argument: $type),*) -> BoxFuture<'a, Result<$result, ServiceError>> {
                $(let _ = $argument;)*
                Box::pin(std::future::pending())
            })*
        }
    };
}
never! {
    get(key: &'a str) -> Option<Bytes>;
    set(key: &'a str, value: Bytes, ttl: Option<Duration>) -> ();
    delete(key: &'a str) -> bool;
    list(prefix: &'a str, limit: usize) -> Vec<String>;
    increment(key: &'a str, by: i64) -> i64;
    compare_and_set(key: &'a str, expected: Option<Bytes>, value: Bytes) -> bool;
}

const SHORT: Duration = Duration::from_millis(40);
const AMPLE: Duration = Duration::from_secs(20);

async fn check(exchange: &mut Exchange) -> Result<Option<Decision<Verdict>>, Fault> {
    exchange.run::<point::CheckInput>(&mut Arc::new(request("m").user("hello").build())).await
}

fn mode(mode: &str) -> Json {
    json!({ "mode": mode })
}

/// Calls `check_input` of the hostile plugin in this mode; gives what it came to, and the plugin.
async fn run(
    bench: &Bench,
    word: &str,
    options: Options,
    timeout: Duration,
) -> (Result<Option<Decision<Verdict>>, Failure>, Arc<Native>) {
    let library = bench.hostile("");
    let native = bench.load(&library, None, &mode(word), &options).unwrap();
    let mut exchange = exchange(native.clone(), &mode(word), mocks(), timeout).await;
    (check(&mut exchange).await.map_err(|fault| fault.failure), native)
}

/// What the plugin says: what the last host function answered that it looked at, how many instances ended, whether a
/// stream was given up during a pull, and how many were.
async fn all_told(native: &Arc<Native>) -> [u32; 4] {
    let cx = Cx::new(Arc::new(Facts::default()), State::default(), None, mocks());
    let returned = native.clone().call(cx, Call::Health(HealthCheck)).await;
    let failed = match returned.reply {
        Reply::Failed(Failure::Returned(said)) => Some(said),
        _ => None,
    };
    let said: Vec<u32> = failed.unwrap().split(' ').map(|number| number.parse().unwrap()).collect();
    said.try_into().unwrap()
}

/// What the last host function answered that the plugin looked at, and how many instances ended.
async fn told(native: &Arc<Native>) -> (u32, u32) {
    let [status, destroyed, ..] = all_told(native).await;
    (status, destroyed)
}

/// How many streams were given up.
async fn closed(native: &Arc<Native>) -> u32 {
    all_told(native).await[3]
}

/// Waits until so many streams were given up.
async fn until_closed(native: &Arc<Native>, streams: u32) {
    let started = Instant::now();
    while closed(native).await < streams {
        assert!(started.elapsed() < AMPLE, "a stream is still open");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn context(services: Services) -> Cx {
    let facts = Facts { request_id: "r-7".to_owned(), ..Facts::default() };
    Cx::new(Arc::new(facts), State::default(), None, services)
}

/// A stream that the plugin answers with.
async fn stream(native: &Arc<Native>, services: Services) -> ChunkStream {
    let call = Call::PreLlm(Draft::from(request("m").user("hello").build()));
    match native.clone().call(context(services), call).await.reply {
        Reply::PreLlm(PreLlm::Stream(stream)) => stream,
        reply => unreachable!("{reply:?}"),
    }
}

/// Pulls a stream no longer than that.
async fn pull_within(stream: &mut ChunkStream, time: Duration) -> bool {
    tokio::time::timeout(time, stream.next_chunk()).await.is_ok_and(|chunk| chunk.is_some_and(|chunk| chunk.is_ok()))
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < AMPLE, "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn two_calls_that_hang_are_quarantine_and_nobody_else_waits() {
    let bench = Bench::new();
    let library = bench.shared("");
    let looping = bench.load(&library, None, &mode("loop"), &within(SHORT)).unwrap();
    let good = bench.load(&library, None, &mode("good"), &within(AMPLE)).unwrap();
    let mut stuck = exchange(looping.clone(), &mode("loop"), mocks(), SHORT).await;
    let mut other = exchange(good.clone(), &mode("good"), mocks(), AMPLE).await;
    for _ in 0..2 {
        let (fault, served) = tokio::join!(check(&mut stuck), check(&mut other));
        assert_eq!(fault.unwrap_err().failure, Failure::TimedOut);
        assert!(served.is_ok());
    }
    until("both took too long", || looping.lane_health().quarantined).await;
    let started = Instant::now();
    let failure = check(&mut stuck).await.unwrap_err().failure;
    assert_eq!(failure.cause(), "unavailable", "{failure}");
    assert!(started.elapsed() < SHORT, "it does not wait for what hangs");
    let health = looping.lane_health();
    assert!(health.quarantined && health.abandoned == 2 && health.threads == 2, "{health:?}");
    assert!(check(&mut other).await.is_ok());
    assert!(!good.lane_health().quarantined);
}

#[tokio::test]
async fn a_plugin_whose_calls_come_back_leaves_quarantine() {
    let bench = Bench::new();
    let library = bench.shared("");
    let native = bench.load(&library, None, &mode("nap"), &within(SHORT)).unwrap();
    let mut exchange = exchange(native.clone(), &mode("nap"), mocks(), SHORT).await;
    for _ in 0..2 {
        assert_eq!(check(&mut exchange).await.unwrap_err().failure, Failure::TimedOut);
    }
    until("both took too long", || native.lane_health().quarantined).await;
    until("the calls come back", || native.lane_health().abandoned == 0).await;
    assert!(!native.lane_health().quarantined);
    assert_eq!(native.lane_health().given_up, 2);
}

#[tokio::test]
async fn what_is_written_late_reaches_nobody() {
    let bench = Bench::new();
    let (outcome, native) = run(&bench, "late", within(SHORT), SHORT).await;
    assert_eq!(outcome.unwrap_err(), Failure::TimedOut);
    until("it comes back", || native.lane_health().abandoned == 0).await;
    assert_eq!(told(&native).await.0, 9, "the handle was stale");
}

#[tokio::test]
async fn a_call_given_up_by_its_client_is_no_strike() {
    let bench = Bench::new();
    let library = bench.shared("");
    let native = bench.load(&library, None, &mode("nap"), &within(AMPLE)).unwrap();
    for _ in 0..4 {
        let mut exchange = exchange(native.clone(), &mode("nap"), mocks(), AMPLE).await;
        let gone = tokio::time::timeout(SHORT, check(&mut exchange)).await;
        assert!(gone.is_err());
    }
    let health = native.lane_health();
    assert!(!health.quarantined && health.given_up == 4, "{health:?}");
    until("they come back", || native.lane_health().abandoned == 0).await;
}

#[tokio::test]
async fn time_in_the_queue_is_no_strike() {
    let bench = Bench::new();
    let library = bench.shared("");
    let limit = Duration::from_millis(700);
    let options = Options { threads: 1, strikes: 1, ..within(limit) };
    let native = bench.load(&library, None, &mode("slumber"), &options).unwrap();
    let call = async || {
        let mut exchange = exchange(native.clone(), &mode("slumber"), mocks(), limit).await;
        check(&mut exchange).await
    };
    // The second begins when the first is done, and is given up long before it has taken too long itself.
    let (first, second, third) = tokio::join!(call(), call(), call());
    assert!(first.is_ok() && second.is_err() && third.is_err());
    let health = native.lane_health();
    assert!(!health.quarantined && health.given_up == 1, "{health:?}");
    until("it comes back", || native.lane_health().abandoned == 0).await;
    assert!(call().await.is_ok());
}

#[tokio::test]
async fn a_stream_is_given_up_when_no_pull_of_it_is_left() {
    let bench = Bench::new();
    let native = bench.load(&bench.hostile(""), None, &mode("pull_naps"), &within(AMPLE)).unwrap();
    let mut given_up = stream(&native, mocks()).await;
    assert!(!pull_within(&mut given_up, SHORT).await);
    drop(given_up);
    assert_eq!(all_told(&native).await[2..], [0, 0], "it is being pulled");
    until("the pull comes back", || native.lane_health().abandoned == 0).await;
    until_closed(&native, 1).await;
    assert_eq!(all_told(&native).await[2..], [0, 1]);
}

#[tokio::test]
async fn a_stream_that_nobody_took_is_given_up() {
    let bench = Bench::new();
    let native = bench.load(&bench.hostile(""), None, &mode("pull"), &within(AMPLE)).unwrap();
    let call = Call::PreLlm(Draft::from(request("m").user("hello").build()));
    let unread = native.clone().call(context(mocks()), call);
    tokio::time::sleep(SHORT * 5).await;
    assert_eq!(closed(&native).await, 0, "it is answered, and who waits may yet look");
    drop(unread);
    until_closed(&native, 1).await;
    drop(stream(&native, mocks()).await);
    until_closed(&native, 2).await;
    tokio::time::sleep(SHORT).await;
    assert_eq!(closed(&native).await, 2, "one that was taken is given up once");
}

#[tokio::test]
async fn pulls_have_the_time_of_a_hook() {
    let bench = Bench::new();
    for (define, options) in [("BRIEF", Options::default()), ("", within(SHORT))] {
        let native = bench.load(&bench.shared(define), None, &mode("pull_hangs"), &options).unwrap();
        for _ in 0..2 {
            let mut stream = stream(&native, mocks()).await;
            assert!(!pull_within(&mut stream, SHORT).await);
        }
        until("both took too long", || native.lane_health().quarantined).await;
    }
}

#[tokio::test]
async fn a_stream_that_is_never_given_up_is_a_strike() {
    let bench = Bench::new();
    let native = bench.load(&bench.shared(""), None, &mode("close_hangs"), &within(SHORT)).unwrap();
    for _ in 0..2 {
        assert!(!native.lane_health().quarantined);
        drop(stream(&native, mocks()).await);
    }
    until("both took too long", || native.lane_health().quarantined).await;
    assert_eq!(native.lane_health().abandoned, 2);
}

#[tokio::test]
async fn a_pull_has_what_its_hook_had() {
    let bench = Bench::new();
    shelter::begin();
    for inline in [false, true] {
        let options = Options { inline, ..within(AMPLE) };
        let native = bench.load(&bench.hostile(""), None, &mode("pull_asks"), &options).unwrap();
        let services = MockServices::default();
        let mut stream = match inline {
            false => stream(&native, services.services()).await,
            true => {
                let mut draft = Draft::from(request("m").user("hello").build());
                match native.call_now(&mut context(services.services()), CallRef::PreLlm(&mut draft)) {
                    Reply::PreLlm(PreLlm::Stream(stream)) => stream,
                    reply => unreachable!("{reply:?}"),
                }
            }
        };
        assert!(pull_within(&mut stream, AMPLE).await);
        assert_eq!(told(&native).await.0, 0, "the sum was told");
        assert!(services.kv.entries().contains_key("pulled"));
        let line = services.log.line("r-7").unwrap();
        assert_eq!(line.request_id, "r-7");
    }
}

#[tokio::test]
async fn a_host_function_that_waits_ends_with_the_call() {
    let bench = Bench::new();
    let library = bench.hostile("");
    let native = bench.load(&library, None, &mode("never"), &within(SHORT)).unwrap();
    let mut set = (*mocks()).clone();
    set.kv = Arc::new(Never);
    let mut exchange = exchange(native.clone(), &mode("never"), set.into(), SHORT).await;
    assert_eq!(check(&mut exchange).await.unwrap_err().failure, Failure::TimedOut);
    until("it comes back", || native.lane_health().abandoned == 0).await;
    assert_eq!(told(&native).await.0, 6, "the host function answered DEADLINE");
}

#[tokio::test]
async fn answers_that_are_none_are_failures() {
    let bench = Bench::new();
    for (word, cause) in [
        ("document", "malformed"),
        ("oversized", "oversized"),
        ("status", "malformed"),
        ("unwell", "panic"),
        ("writes", "error"),
    ] {
        let (outcome, _) = run(&bench, word, within(AMPLE), AMPLE).await;
        let failure = outcome.expect_err(word);
        assert_eq!(failure.cause(), cause, "{word}: {failure}");
    }
    for (word, status) in [("utf8", 5), ("null", 0), ("greedy", 8), ("refused", 0)] {
        let (outcome, native) = run(&bench, word, within(AMPLE), AMPLE).await;
        assert!(outcome.is_ok(), "{word}: {outcome:?}");
        assert_eq!(told(&native).await.0, status, "{word}");
    }
}

#[tokio::test]
async fn a_handle_is_stale_once_its_call_is_over() {
    let bench = Bench::new();
    let (outcome, native) = run(&bench, "stale", within(AMPLE), AMPLE).await;
    assert!(outcome.is_ok());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(told(&native).await.0, 9);
}

#[tokio::test]
async fn permissions_are_asked_for_by_name() {
    let bench = Bench::new();
    let library = bench.hostile("");
    let native = bench.load(&library, None, &mode("count"), &within(AMPLE)).unwrap();
    let guarded = gatewright_host::guarded((*mocks()).clone(), &BTreeSet::new(), &BTreeSet::new());
    let mut exchange = exchange(native.clone(), &mode("count"), guarded, AMPLE).await;
    let failure = check(&mut exchange).await.unwrap_err().failure;
    assert!(failure.to_string().contains("permission `kv`"), "{failure}");
    assert_eq!(told(&native).await.0, 7);
}

#[tokio::test]
async fn a_call_in_place_is_reached_from_its_own_thread_alone_and_may_not_wait() {
    let bench = Bench::new();
    shelter::begin();
    let inline = Options { inline: true, ..within(AMPLE) };
    let (outcome, native) = run(&bench, "elsewhere", inline.clone(), AMPLE).await;
    assert!(outcome.is_ok() && native.immediate().contains(Hook::CheckInput));
    assert_eq!(told(&native).await.0, 9);
    let (outcome, native) = run(&bench, "refused_in_place", inline.clone(), AMPLE).await;
    assert!(outcome.is_ok() && native.immediate().contains(Hook::CheckInput));
    assert_eq!(told(&native).await.0, 0, "it was not told why");
    let (outcome, native) = run(&bench, "count", inline, AMPLE).await;
    assert!(outcome.unwrap_err().to_string().contains("may not"));
    assert_eq!(told(&native).await.0, 4);
}

#[test]
fn a_call_in_place_that_hangs_holds_one_thread_alone() {
    let bench = Bench::new();
    let library = bench.shared("");
    let options = Options { inline: true, ..within(SHORT) };
    let native = bench.load(&library, None, &mode("loop"), &options).unwrap();
    let held = native.clone();
    let worker = move |native: Arc<Native>| {
        shelter::begin();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut exchange = exchange(native, &mode("loop"), mocks(), SHORT).await;
            check(&mut exchange).await.unwrap_err().failure
        })
    };
    std::thread::spawn(move || worker(held));
    std::thread::sleep(Duration::from_millis(100));
    // It hangs there for ever; this thread comes back each time.
    let causes: Vec<&str> = (0..3).map(|_| worker(native.clone()).cause()).collect();
    assert_eq!(causes, ["timeout", "unavailable", "unavailable"]);
    assert!(native.lane_health().quarantined);
}

#[tokio::test]
async fn in_quarantine_it_is_not_called_in_place_either() {
    let bench = Bench::new();
    let library = bench.shared("");
    let options = Options { inline: true, ..within(SHORT) };
    let native = bench.load(&library, None, &mode("loop"), &options).unwrap();
    let mut stuck = exchange(native.clone(), &mode("loop"), mocks(), SHORT).await;
    for _ in 0..2 {
        // On its lane: nobody could take over from this thread.
        assert_eq!(check(&mut stuck).await.unwrap_err().failure, Failure::TimedOut);
    }
    until("both took too long", || native.lane_health().quarantined).await;
    shelter::begin();
    assert_eq!(check(&mut stuck).await.unwrap_err().failure.cause(), "unavailable");
}

#[tokio::test]
async fn where_no_other_thread_could_take_over_it_is_called_on_its_lane() {
    let bench = Bench::new();
    let (outcome, native) = run(&bench, "loop", Options { inline: true, ..within(SHORT) }, SHORT).await;
    assert_eq!(outcome.unwrap_err().cause(), "timeout");
    assert_eq!(native.lane_health().abandoned, 1, "it hangs there, and not here");
}

#[tokio::test]
async fn an_instance_ends_once_after_its_last_call() {
    let bench = Bench::new();
    let library = bench.hostile("");
    let first = bench.load(&library, None, &mode("nap"), &within(SHORT)).unwrap();
    let second = bench.load(&library, None, &mode("good"), &within(AMPLE)).unwrap();
    let mut stuck = exchange(first.clone(), &mode("nap"), mocks(), SHORT).await;
    assert!(check(&mut stuck).await.is_err());
    drop((first, stuck));
    assert_eq!(told(&second).await.1, 0, "it is still at it");
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(told(&second).await.1, 1);
}

#[test]
fn refusals_say_what_is_wrong() {
    let bench = Bench::new();
    let refused = |library: &std::path::Path| {
        bench.load(library, None, &Json::Null, &Options::default()).expect_err("it is refused").to_string()
    };
    let says = |library: &std::path::Path, what: &str| {
        let message = refused(library);
        assert!(message.contains(what), "{message}");
        assert!(!message.contains('\n'), "one sentence: {message}");
    };
    says(&bench.path("none.so"), "there is no file");
    for (define, what) in [
        ("TOO_NEW", "built for version 2 of the ABI, and this gateway speaks version 1: upgrade the gateway"),
        ("TOO_OLD", "built for version 0 of the ABI, and this gateway speaks version 1: build the plugin with a newer"),
        ("NO_SYMBOL", "exports no `gatewright_plugin_v1` (but `gatewright_plugin`)"),
        ("ALIEN", "symbols, none with `gatewright` in its name"),
        ("NO_TABLE", "answers nothing"),
        ("SMALL", "its table has 8 bytes"),
        ("NO_HOOKS_SIZE", "its table of hooks has 0 bytes, and that of version 1.0 has 312"),
        ("NO_MANIFEST", "its manifest is missing"),
        ("BAD_MANIFEST", "its manifest is not as it must be"),
    ] {
        says(&bench.shared(define), what);
    }
    let good = bench.shared("");
    let whole = std::fs::read(&good).unwrap();
    let broken = |name: &str, bytes: &[u8]| {
        let path = bench.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    says(&broken("half.so", &whole[..whole.len() / 2]), "truncated or damaged");
    says(&broken("head.so", &whole[..20]), "truncated or damaged");
    says(&broken("empty.so", b""), "it is empty");
    says(&broken("text.so", b"hello, world, this is no library at all"), "not a shared library");
    says(&broken("wasm.so", b"\0asm\x01\0\0\0"), "it is WASM");
    says(&broken("script.so", b"#!/bin/sh\necho hello\n"), "it is a script");
    let mut other = whole.clone();
    other[18] = 0x16; // e_machine: S390
    says(&broken("other.so", &other), "build it for this machine");
}

#[test]
fn a_library_that_is_not_what_the_config_says_is_refused() {
    let bench = Bench::new();
    let good = bench.shared("");
    let hash = Sha256::of(std::fs::File::open(&good).unwrap()).unwrap();
    let wrong = Some("00".repeat(32).parse().unwrap());
    let message = bench.load(&good, wrong, &Json::Null, &Options::default()).unwrap_err().to_string();
    assert!(message.contains("has the SHA-256") && message.contains(&hash.to_string()), "{message}");
    assert!(bench.load(&good, Some(hash), &Json::Null, &Options::default()).is_ok());
}

#[tokio::test]
async fn a_library_may_be_overwritten_while_it_is_loaded() {
    let bench = Bench::new();
    let library = bench.shared("");
    let native = bench.load(&library, None, &mode("good"), &within(AMPLE)).unwrap();
    // In place: code that were mapped from here would be gone.
    std::fs::write(&library, b"overwritten").unwrap();
    let mut exchange = exchange(native, &mode("good"), mocks(), AMPLE).await;
    assert!(check(&mut exchange).await.is_ok());
}

#[test]
fn an_instance_that_does_not_start_says_why() {
    let bench = Bench::new();
    let library = bench.shared("");
    let load = |word: &str, options: &Options| bench.load(&library, None, &mode(word), options);
    let message = load("create_fails", &Options::default()).unwrap_err().to_string();
    assert_eq!(message, "it did not start: the word is missing");
    let impatient = Options { start_timeout: SHORT, ..Options::default() };
    let started = Instant::now();
    let message = load("create_hangs", &impatient).unwrap_err().to_string();
    assert!(message.contains("did not start within") && started.elapsed() < AMPLE, "{message}");
    for what_is_not_there in ["create_asks", "create_writes"] {
        assert!(load(what_is_not_there, &Options::default()).is_ok(), "{what_is_not_there}");
    }
    let hanging = bench.shared("CONSTRUCTOR");
    let message = bench.load(&hanging, None, &Json::Null, &impatient).unwrap_err().to_string();
    assert!(message.contains("its constructors hang"), "{message}");
}

#[test]
fn libraries_are_counted() {
    let bench = Bench::new();
    let library = bench.shared("");
    let native = bench.load(&library, None, &Json::Null, &Options::default()).unwrap();
    assert!(generations().used >= 1);
    let again = bench.load(&library, None, &Json::Null, &Options::default()).unwrap();
    drop((native, again));
    // The same bytes are the same library: others of these tests may use it too.
    assert!(generations().used + generations().retired >= 1);
}
