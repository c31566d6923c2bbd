//! Time that runs out.

use crate::bench::{AMPLE, SHORT, check, check_in, exchange, granted, run, started};
use crate::guest::{ANSWER, Guest, LOOP};
use gatewright_abi::document;
use gatewright_host_wasm::{InstancePolicy, MOST_IN_PLACE, Options};
use gatewright_plugin::{FailureMode, Hook};
use gatewright_testkit::services::MockServices;
use serde_json::{Value as Json, json};
use std::time::Duration;

fn checker() -> Guest {
    Guest::at(&[Hook::CheckInput])
}

#[test]
fn loops_for_ever() {
    run(async |bench| {
        bench.misbehaves("a loop", &checker().handle(LOOP), SHORT, "timeout", "timed out").await;
        // No loop, but very many turns of one in a single instruction.
        let fills =
            "(loop $again (memory.fill (i32.const 65536) (i32.const 1) (i32.const 1900000)) (br $again)) (unreachable)";
        bench.misbehaves("fills", &checker().handle(fills), SHORT, "timeout", "timed out").await;
    });
}

#[test]
fn many_loops_at_once() {
    run(async |bench| {
        let plugin = bench.load(&checker().handle(LOOP)).await.unwrap();
        let it = started(plugin.clone(), MockServices::default().services()).await;
        let calls = (0..40).map(|_| check(&it, SHORT, FailureMode::Open));
        let outcomes = bench.beside_a_loop("forty loops", futures_util::future::join_all(calls)).await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        drop((plugin, it));
        bench.settled(0).await;
    });
}

#[test]
fn what_is_written_late_reaches_nobody() {
    run(async |bench| {
        let answer = document::write(&json!({ "state": [["late", { "bool": true }]], "metadata": { "late": true } }));
        let waits = |milliseconds: u64| {
            let length = answer.len();
            checker().imports("$monotonic", "(result i64)", "clock", "monotonic").data(answer.clone()).handle(format!(
                "(local.set $end (i64.add (call $monotonic) (i64.const {}))) \
                 (loop $wait (br_if $wait (i64.lt_u (call $monotonic) (local.get $end)))) \
                 (call $give (i32.const {ANSWER}) (i32.const {length}))",
                milliseconds * 1_000_000
            ))
        };
        for (milliseconds, timeout, written) in [(0, AMPLE, true), (700, Duration::from_millis(200), false)] {
            let plugin = bench.load(&waits(milliseconds)).await.unwrap();
            let it = started(plugin, MockServices::default().services()).await;
            let mut exchange = exchange(&it, timeout, FailureMode::Open);
            bench.beside("late", check_in(&mut exchange)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            assert_eq!(exchange.state().get("late").is_some(), written);
            assert_eq!(exchange.metadata().len(), usize::from(written));
        }
    });
}

#[test]
fn a_handle_ends_with_its_call() {
    run(async |bench| {
        // Fetches a part by the handle of its first call, which it kept, and answers with what came of it.
        let guest = checker()
            .keeps_handles()
            .imports("$part", "(param i32 i32 i32)", "types", "[method]call.part")
            .with("(global $kept (mut i32) (i32.const -1))")
            .handle(
                "(if (i32.eq (global.get $kept) (i32.const -1)) (then (global.set $kept (local.get $call)))) \
                 (call $part (global.get $kept) (i32.const 0) (i32.const 96)) \
                 (if (i32.load8_u (i32.const 96)) (then (unreachable))) \
                 (call $give (i32.const 0) (i32.const 0))",
            );
        let options = Options { instances: Some(InstancePolicy::Single), ..granted() };
        let plugin = bench.host.load(guest.build(), &Json::Null, options).await.unwrap();
        let it = started(plugin, MockServices::default().services()).await;
        assert_eq!(check(&it, AMPLE, FailureMode::Closed).await, Ok(()));
        let failed = check(&it, AMPLE, FailureMode::Closed).await.unwrap_err();
        assert!(failed.to_string().contains("unreachable"), "the handle of a call that is over gave a part: {failed}");
    });
}

#[test]
fn what_a_panic_said_is_about_no_later_call() {
    run(async |bench| {
        let said = b"of another call".to_vec();
        let panicked = format!("(call $panicked (i32.const {ANSWER}) (i32.const {}))", said.len());
        let guest = checker().imports("$panicked", "(param i32 i32)", "types", "panicked").data(said).handle(format!(
            "(if (i32.eq (global.get $calls) (i32.const 1)) \
               (then {panicked} (return (call $give (i32.const 0) (i32.const 0))))) \
             (unreachable)"
        ));
        let options = Options { instances: Some(InstancePolicy::Single), ..granted() };
        let plugin = bench.host.load(guest.build(), &Json::Null, options).await.unwrap();
        let it = started(plugin, MockServices::default().services()).await;
        assert_eq!(check(&it, AMPLE, FailureMode::Closed).await, Ok(()));
        let failed = check(&it, AMPLE, FailureMode::Closed).await.unwrap_err().to_string();
        assert!(failed.contains("unreachable") && !failed.contains("of another call"), "{failed}");
    });
}

#[test]
fn handles_that_are_kept_for_ever() {
    run(async |bench| {
        let options = Options { instances: Some(InstancePolicy::Single), most_handles: 10, ..granted() };
        // It traps where its instance has had more calls than that.
        let traps = "(if (i32.gt_u (global.get $calls) (i32.const 10)) (then (unreachable)))";
        for (guest, goes_on) in [(checker(), false), (checker().keeps_handles(), true)] {
            let guest = guest.before_each(traps).build();
            let plugin = bench.host.load(guest, &Json::Null, options.clone()).await.unwrap();
            let it = started(plugin, MockServices::default().services()).await;
            let mut exchange = exchange(&it, AMPLE, FailureMode::Closed);
            let mut failed = 0;
            for _ in 0..25 {
                failed += u32::from(check_in(&mut exchange).await.is_err());
            }
            assert_eq!(failed == 0, goes_on, "{failed} calls failed");
        }
    });
}

/// Called in place.
fn in_place() -> Options {
    Options { timeout: Some(MOST_IN_PLACE), ..granted() }
}

#[test]
fn a_call_in_place_is_answered() {
    run(async |bench| {
        let plugin = bench.host.load(checker().build(), &Json::Null, in_place()).await.unwrap();
        assert!(plugin.immediate().contains(Hook::CheckInput));
        let it = started(plugin.clone(), MockServices::default().services()).await;
        // A busy machine may let its two milliseconds pass.
        for calls in 0.. {
            match check(&it, AMPLE, FailureMode::Closed).await {
                Ok(()) => break,
                Err(failure) => assert!(failure.cause() == "timeout" && calls < 100, "{failure}"),
            }
        }
        drop((plugin, it));
        bench.settled(0).await;
    });
}

#[test]
fn a_loop_in_place_is_ended() {
    run(async |bench| {
        let plugin = bench.host.load(checker().handle(LOOP).build(), &Json::Null, in_place()).await.unwrap();
        for _ in 0..20 {
            // Each has a breaker of its own, which would open after a few.
            let it = started(plugin.clone(), MockServices::default().services()).await;
            let outcome = bench.beside("a loop in place", check(&it, AMPLE, FailureMode::Closed)).await;
            assert_eq!(outcome.unwrap_err().cause(), "timeout");
        }
        drop(plugin);
        bench.settled(0).await;
    });
}

#[test]
fn what_waits_or_shares_an_instance_is_not_called_in_place() {
    run(async |bench| {
        for (guest, options) in [
            (checker().calls(&["$kv_increment"]), in_place()),
            (checker(), Options { instances: Some(InstancePolicy::Single), ..in_place() }),
            (checker(), Options { instances: Some(InstancePolicy::PerRequest), ..in_place() }),
            (checker(), Options { timeout: Some(MOST_IN_PLACE + Duration::from_millis(1)), ..granted() }),
        ] {
            let plugin = bench.host.load(guest.build(), &Json::Null, options).await.unwrap();
            assert!(plugin.immediate().is_empty());
            drop(plugin);
            bench.settled(0).await;
        }
    });
}
