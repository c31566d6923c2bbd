//! How calls share instances: what a component keeps in its globals, over requests in parallel.

use crate::bench::{AMPLE, Bench, check_in, exchange, granted, run, started};
use crate::guest::{ANSWER, Guest};
use gatewright_abi::document;
use gatewright_host_wasm::{InstancePolicy, Options, WasmHost};
use gatewright_pipeline::{Exchange, Instance, Round};
use gatewright_plugin::hosted::{Call, point};
use gatewright_plugin::{Cx, Draft, Facts, FailureMode, Hook, State};
use gatewright_testkit::services::MockServices;
use gatewright_testkit::{request, summary};
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// At how many requests it is called at once, and how often in each.
const REQUESTS: usize = 24;
const CALLS: usize = 4;

/// Counts its calls in a global, and says the count.
fn counting(hooks: &[Hook]) -> Guest {
    let answer = document::write(&json!({ "metadata": { "count": 0x0102 } }));
    let at = ANSWER + answer.windows(3).position(|bytes| bytes == [0x19, 1, 2]).unwrap() + 1;
    let length = answer.len();
    Guest::at(hooks).data(answer).handle(format!(
        "(i32.store8 (i32.const {at}) (i32.shr_u (global.get $calls) (i32.const 8))) \
         (i32.store8 (i32.const {}) (global.get $calls)) \
         (call $give (i32.const {ANSWER}) (i32.const {length}))",
        at + 1
    ))
}

async fn loaded(bench: &Bench, guest: &Guest, options: Options) -> Arc<Instance> {
    let plugin = bench.host.load(guest.build(), &Json::Null, options).await.unwrap();
    started(plugin, MockServices::default().services()).await
}

fn with(instances: InstancePolicy) -> Options {
    Options { instances: Some(instances), ..granted() }
}

/// A whole request, from its first hook to its end.
async fn whole(instance: &Arc<Instance>) -> Exchange {
    let mut exchange = exchange(instance, AMPLE, FailureMode::Closed);
    check_in(&mut exchange).await.unwrap();
    let mut asked = Draft::from(request("m").user("hello").build());
    exchange.enter::<point::PreLlm>(Round::Attempt, &mut asked).await.unwrap();
    tokio::task::yield_now().await;
    let mut summary = Arc::new(summary());
    exchange.observe::<point::PostRequest>(&mut summary).await;
    exchange.end::<point::RequestEnd>(&mut summary).await;
    exchange
}

fn counts(exchange: &Exchange) -> Vec<u64> {
    exchange.metadata().iter().map(|said| said.metadata["count"].as_u64().unwrap()).collect()
}

const HOOKS: [Hook; CALLS] = [Hook::CheckInput, Hook::PreLlm, Hook::PostRequest, Hook::RequestEnd];

async fn all_counts(bench: &Bench, instances: InstancePolicy) -> Vec<Vec<u64>> {
    let it = loaded(bench, &counting(&HOOKS), with(instances)).await;
    let requests = futures_util::future::join_all((0..REQUESTS).map(|_| whole(&it)));
    let exchanges = bench.beside("counting", requests).await;
    let counts = exchanges.iter().map(counts).collect();
    drop((it, exchanges));
    bench.settled(0).await;
    counts
}

#[test]
fn pooled() {
    run(async |bench| {
        let counts = all_counts(bench, InstancePolicy::Pooled).await.concat();
        assert_eq!(counts.len(), REQUESTS * CALLS);
        assert!(counts.iter().any(|count| *count > 1), "no instance was used twice");
    });
}

#[test]
fn single() {
    run(async |bench| {
        let mut counts = all_counts(bench, InstancePolicy::Single).await.concat();
        counts.sort_unstable();
        let each: Vec<u64> = (1..=(REQUESTS * CALLS) as u64).collect();
        assert_eq!(counts, each, "one instance has all calls");
    });
}

#[test]
fn per_request() {
    run(async |bench| {
        for of_request in all_counts(bench, InstancePolicy::PerRequest).await {
            assert_eq!(of_request, [1, 2, 3, 4], "a request has its own instance");
        }
    });
}

#[test]
fn per_call() {
    run(async |bench| {
        let counts = all_counts(bench, InstancePolicy::PerCall).await.concat();
        assert_eq!(counts, vec![1; REQUESTS * CALLS]);
    });
}

/// Calls on threads: some come back at the moment at which others begin to wait, and some are given up while they wait.
#[test]
fn who_waits_for_an_instance_gets_one() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    runtime.block_on(async {
        let host = WasmHost::new(None).unwrap();
        for instances in [InstancePolicy::Single, InstancePolicy::Pooled, InstancePolicy::PerCall] {
            let guest = counting(&[Hook::CheckInput]).build();
            let plugin = host.load(guest, &Json::Null, with(instances)).await.unwrap();
            let callers = (0..8).map(|caller| {
                let plugin = plugin.clone();
                tokio::spawn(async move {
                    for call in 0..150 {
                        let facts = Arc::new(Facts::default());
                        let cx = Cx::new(facts, State::default(), None, MockServices::default().services());
                        let payload = Call::CheckInput(Arc::new(request("m").user("hello").build()));
                        let calling = plugin.clone().call(cx, payload);
                        match (caller + call) % 3 {
                            0 => tokio::select! { biased; _ = calling => (), () = tokio::task::yield_now() => () },
                            _ => drop(tokio::time::timeout(AMPLE, calling).await.expect("an instance")),
                        }
                    }
                })
            });
            for called in futures_util::future::join_all(callers).await {
                called.unwrap();
            }
        }
    });
}

#[test]
fn calls_of_one_request_take_turns() {
    run(async |bench| {
        let guest = counting(&[Hook::CheckInput]).build();
        let plugin = bench.host.load(guest, &Json::Null, with(InstancePolicy::PerRequest)).await.unwrap();
        let services = MockServices::default().services();
        let it = started(plugin.clone(), services.clone()).await;
        let request = exchange(&it, AMPLE, FailureMode::Closed);
        let calls = (0..20).map(|_| {
            let cx = Cx::new(request.facts().clone(), State::default(), None, services.clone());
            let payload = Call::CheckInput(Arc::new(gatewright_testkit::request("m").user("hello").build()));
            plugin.clone().call(cx, payload)
        });
        let returned = bench.beside("twenty calls", futures_util::future::join_all(calls)).await;
        let mut counts: Vec<u64> = returned
            .into_iter()
            .map(|mut returned| returned.cx.take_writes().metadata["count"].as_u64().unwrap())
            .collect();
        counts.sort_unstable();
        assert_eq!(counts, (1..=20).collect::<Vec<u64>>());
        drop((request, plugin, it));
        bench.settled(0).await;
    });
}

#[test]
fn a_request_that_is_made_in_another_has_an_instance_of_its_own() {
    run(async |bench| {
        let it = loaded(bench, &counting(&[Hook::CheckInput]), with(InstancePolicy::PerRequest)).await;
        let mut outer = exchange(&it, AMPLE, FailureMode::Closed);
        check_in(&mut outer).await.unwrap();
        // It begins with the facts of the other.
        let mut inner = Exchange::new(outer.set().clone(), (**outer.facts()).clone());
        check_in(&mut inner).await.unwrap();
        check_in(&mut outer).await.unwrap();
        assert_eq!((counts(&outer), counts(&inner)), (vec![1, 2], vec![1]));
    });
}

#[test]
fn the_instance_of_a_request_goes_with_it() {
    run(async |bench| {
        // It has no hook at the end of a request.
        let it = loaded(bench, &counting(&[Hook::CheckInput]), with(InstancePolicy::PerRequest)).await;
        bench.settled(0).await;
        let mut requests: Vec<Exchange> = (0..5).map(|_| exchange(&it, AMPLE, FailureMode::Closed)).collect();
        bench.settled(0).await;
        for request in &mut requests {
            check_in(request).await.unwrap();
        }
        let before = bench.host.instances();
        requests.truncate(2);
        assert_eq!(before - bench.host.instances(), 3, "whatever way a request ends");
        drop(requests);
        assert_eq!(before - bench.host.instances(), 5);
    });
}

#[test]
fn a_request_goes_on_with_a_fresh_instance_after_a_trap() {
    run(async |bench| {
        let guest = counting(&[Hook::CheckInput]);
        let third = "(if (i32.eq (global.get $calls) (i32.const 3)) (then (unreachable)))";
        let guest = guest.before_each(third);
        let it = loaded(bench, &guest, with(InstancePolicy::PerRequest)).await;
        let mut request = exchange(&it, AMPLE, FailureMode::Open);
        for _ in 0..5 {
            check_in(&mut request).await.unwrap();
        }
        assert_eq!(counts(&request), [1, 2, 1, 2]);
        drop((request, it));
        bench.settled(0).await;
    });
}

#[test]
fn only_a_pooled_instance_is_replaced_by_count() {
    run(async |bench| {
        for (instances, last) in
            [(InstancePolicy::Pooled, 2), (InstancePolicy::Single, 10), (InstancePolicy::PerRequest, 10)]
        {
            let options = Options { most_calls: 4, ..with(instances) };
            let it = loaded(bench, &counting(&[Hook::CheckInput]), options).await;
            let mut request = exchange(&it, AMPLE, FailureMode::Closed);
            for _ in 0..10 {
                check_in(&mut request).await.unwrap();
            }
            assert_eq!(counts(&request).last(), Some(&last), "{instances:?}: {:?}", counts(&request));
            drop((request, it));
            bench.settled(0).await;
        }
    });
}

/// Traps in its third call, and says how often it was called since `on_startup`, which must have been before.
fn stateful() -> Guest {
    counting(&[Hook::CheckInput, Hook::OnStartup])
        .with("(global $started (mut i32) (i32.const 0))")
        .on(Hook::OnStartup, "(global.set $started (i32.const 1)) (return (call $give (i32.const 0) (i32.const 0)))")
        .before_each(
            "(if (i32.eqz (global.get $started)) (then (unreachable))) \
             (if (i32.eq (global.get $calls) (i32.const 4)) (then (unreachable)))",
        )
}

#[test]
fn a_single_instance_that_was_lost_is_started_again() {
    run(async |bench| {
        let it = loaded(bench, &stateful(), with(InstancePolicy::Single)).await;
        let mut request = exchange(&it, AMPLE, FailureMode::Open);
        for _ in 0..8 {
            bench.beside("stateful", check_in(&mut request)).await.unwrap();
        }
        // The first call of each instance is its start, and the fourth traps.
        assert_eq!(counts(&request), [2, 3, 2, 3, 2, 3]);
        drop((request, it));
        bench.settled(0).await;
        // Of a pooled one, `on_startup` has run on one instance alone.
        let it = loaded(bench, &stateful(), with(InstancePolicy::Pooled)).await;
        let mut request = exchange(&it, AMPLE, FailureMode::Open);
        for _ in 0..8 {
            check_in(&mut request).await.unwrap();
        }
        assert_eq!(counts(&request), [2, 3]);
        drop((request, it));
        bench.settled(0).await;
    });
}

#[test]
fn a_single_instance_whose_start_fails_says_so() {
    run(async |bench| {
        // Its second start fails: a counter at the host tells it that it is not the first.
        let failure = document::write(&json!({ "failure": { "returned": "no\ndisk" } }));
        let guest = Guest::at(&[Hook::CheckInput, Hook::OnStartup])
            .calls(&["$kv_increment"])
            .data([document::write(&json!({ "key": "starts", "by": 1 })), failure.clone()].concat());
        let argument = document::write(&json!({ "key": "starts", "by": 1 })).len();
        let guest = guest
            .on(
                Hook::OnStartup,
                &format!(
                    "(call $kv_increment (i32.const {ANSWER}) (i32.const {argument}) (i32.const 96)) \
                     (if (i32.ne (i32.load8_u (i32.load (i32.const 100))) (i32.const 1)) \
                       (then (return (call $give (i32.const {}) (i32.const {}))))) \
                     (return (call $give (i32.const 0) (i32.const 0)))",
                    ANSWER + argument,
                    failure.len()
                ),
            )
            .handle("(unreachable)");
        let it = loaded(bench, &guest, with(InstancePolicy::Single)).await;
        let mut request = exchange(&it, AMPLE, FailureMode::Closed);
        let trapped = check_in(&mut request).await.unwrap_err().failure;
        assert_eq!(trapped.cause(), "panic", "{trapped}");
        for _ in 0..3 {
            let failure = check_in(&mut request).await.unwrap_err().failure;
            assert_eq!(failure.cause(), "unavailable", "{failure}");
            assert!(failure.to_string().contains("its `on_startup` failed: no disk"), "{failure}");
        }
    });
}
