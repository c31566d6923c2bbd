//! Streams that a component answers with.

use crate::bench::{AMPLE, Bench, SHORT, check, exchange, granted, run, started};
use crate::guest::{ANSWER, Guest, LOOP};
use gatewright_abi::{Pulled, document};
use gatewright_host_wasm::{InstancePolicy, Options};
use gatewright_model::{Channel, Chunk, ErrorKind, LlmError};
use gatewright_pipeline::{Exchange, Instance, Round};
use gatewright_plugin::hosted::point;
use gatewright_plugin::payload::ChunkStream;
use gatewright_plugin::{Draft, Failure, FailureMode, Hook, PreLlm};
use gatewright_testkit::request;
use gatewright_testkit::services::MockServices;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::time::Instant;

const POLICIES: [InstancePolicy; 4] =
    [InstancePolicy::Pooled, InstancePolicy::Single, InstancePolicy::PerRequest, InstancePolicy::PerCall];

/// Answers `pre_llm` with a stream, and each pull of it so.
fn streaming(pull: impl Into<String>) -> Guest {
    Guest::at(&[Hook::PreLlm]).says(&json!({ "outcome": { "stream": 1 } })).pull(pull)
}

/// Answers each pull with this.
fn pulled(pulled: &Pulled) -> Guest {
    let (answer, pulled) = (document::write(&json!({ "outcome": { "stream": 1 } })), document::write(pulled));
    let (begins, length) = (ANSWER + answer.len(), pulled.len());
    streaming(format!("(call $give (i32.const {begins}) (i32.const {length}))"))
        .data([answer.clone(), pulled].concat())
        .handle(format!("(call $give (i32.const {ANSWER}) (i32.const {}))", answer.len()))
}

/// The stream that a request is answered with.
async fn stream_of(bench: &Bench, guest: &Guest, instances: InstancePolicy) -> (Exchange, ChunkStream) {
    let options = Options { instances: Some(instances), ..granted() };
    let plugin = bench.host.load(guest.build(), &Json::Null, options).await.unwrap();
    begun(&started(plugin, MockServices::default().services()).await).await.unwrap()
}

/// The stream that one more request is answered with.
async fn begun(it: &Arc<Instance>) -> Result<(Exchange, ChunkStream), Failure> {
    let mut exchange = exchange(it, AMPLE, FailureMode::Closed);
    let mut payload = Draft::from(request("m").user("hello").build());
    let entered = exchange.enter::<point::PreLlm>(Round::Attempt, &mut payload).await;
    let decided = entered.map_err(|fault| fault.failure)?.unwrap();
    let PreLlm::Stream(stream) = decided.outcome else { panic!("{:?}", decided.outcome) };
    Ok((exchange, stream))
}

/// What the first pull of such a stream fails with.
async fn breaks(bench: &Bench, what: &str, guest: &Guest, code: &str, says: &str) {
    for policy in POLICIES {
        let (exchange, mut stream) = stream_of(bench, guest, policy).await;
        let pull = tokio::time::timeout(AMPLE, stream.next_chunk());
        let pulled = bench.beside(what, pull).await.unwrap_or_else(|_| panic!("{what}: it is pulled for ever"));
        let error: LlmError = pulled.unwrap().unwrap_err();
        assert_eq!(error.kind, ErrorKind::PluginUnavailable, "{what}: {error:?}");
        assert_eq!(error.code.as_deref(), Some(code), "{what}: {error:?}");
        assert!(error.message.contains(says), "{what}: {error:?}");
        drop((exchange, stream));
        bench.settled(0).await;
    }
}

#[test]
fn pulls_that_give_nothing() {
    run(async |bench| {
        breaks(bench, "no chunks", &pulled(&Pulled::Chunks(Vec::new())), "malformed", "no chunks").await;
        breaks(bench, "a trap", &streaming("(unreachable)"), "panic", "unreachable").await;
        let garbage = streaming(format!("(call $give (i32.const {}) (i32.const 4000))", ANSWER + 4096));
        breaks(bench, "garbage", &garbage, "malformed", "not a legal document").await;
        breaks(bench, "nothing", &streaming("(call $give (i32.const 0) (i32.const 0))"), "malformed", "document").await;
    });
}

#[test]
fn a_pull_that_never_comes_back() {
    run(async |bench| {
        for policy in POLICIES {
            let (exchange, mut stream) = stream_of(bench, &streaming(LOOP), policy).await;
            let pull = tokio::time::timeout(SHORT, stream.next_chunk());
            assert!(bench.beside_a_loop("a loop", pull).await.is_err());
            drop((exchange, stream));
            bench.settled(0).await;
        }
    });
}

#[test]
fn streams_without_an_end_hold_nobody() {
    run(async |bench| {
        let text = Chunk::text(Channel::TEXT, "more ").parts().to_vec();
        for (what, chunks) in [("empty chunks", vec![Vec::new()]), ("chunks", vec![text])] {
            for policy in POLICIES {
                let (exchange, mut stream) = stream_of(bench, &pulled(&Pulled::Chunks(chunks.clone())), policy).await;
                // Taken as fast as they come, by somebody who never waits for anything else.
                let mut taken = 0_u32;
                let began = Instant::now();
                let taking = async {
                    while began.elapsed() < SHORT {
                        stream.next_chunk().await.unwrap().unwrap();
                        taken += 1;
                    }
                };
                bench.beside_a_loop(what, taking).await;
                assert!(taken > 100, "{what}: {taken}");
                drop((exchange, stream));
                bench.settled(0).await;
            }
        }
    });
}

#[test]
fn streams_that_nobody_reads_take_no_place_of_other_calls() {
    run(async |bench| {
        let quiet = "(return (call $give (i32.const 0) (i32.const 0)))";
        let guest = Guest::at(&[Hook::PreLlm, Hook::CheckInput]).says(&json!({ "outcome": { "stream": 1 } }));
        let guest = guest.pull("(unreachable)").on(Hook::CheckInput, quiet);
        let plugin = bench.load(&guest).await.unwrap();
        let it = started(plugin, MockServices::default().services()).await;
        let mut unread = Vec::new();
        for _ in 0..128 {
            unread.push(begun(&it).await.unwrap());
        }
        assert_eq!(check(&it, SHORT, FailureMode::Closed).await, Ok(()), "a guard goes on");
        let failure = begun(&it).await.err().unwrap();
        assert_eq!(failure.cause(), "unavailable");
        assert!(failure.to_string().contains("streams"), "{failure}");
        drop(unread.pop());
        assert!(begun(&it).await.is_ok(), "one was read to its end");
        drop((unread, it));
        bench.settled(0).await;
    });
}

#[test]
fn a_stream_of_an_instance_that_is_gone_is_no_other_stream() {
    run(async |bench| {
        let text = Chunk::text(Channel::TEXT, "mine ").parts().to_vec();
        let guest = pulled(&Pulled::Chunks(vec![text])).also(&[Hook::CheckInput]).on(Hook::CheckInput, "(unreachable)");
        let options = Options { instances: Some(InstancePolicy::Single), ..granted() };
        let plugin = bench.host.load(guest.build(), &Json::Null, options).await.unwrap();
        let it = started(plugin, MockServices::default().services()).await;
        let (_one, mut first) = begun(&it).await.unwrap();
        assert!(first.next_chunk().await.unwrap().is_ok());
        assert!(check(&it, AMPLE, FailureMode::Closed).await.is_err(), "the instance goes");
        // Its number is that of the first.
        let (_other, mut second) = begun(&it).await.unwrap();
        let error = first.next_chunk().await.unwrap().unwrap_err();
        assert!(error.message.contains("the instance that had the stream is gone"), "{error:?}");
        assert!(second.next_chunk().await.unwrap().is_ok());
    });
}

#[test]
fn an_instance_goes_with_its_stream_and_its_request() {
    run(async |bench| {
        let text = Chunk::text(Channel::TEXT, "more ").parts().to_vec();
        let guest = pulled(&Pulled::Chunks(vec![text]));
        for (policy, alive) in [
            // The stream's own, or the only one, which stays.
            (InstancePolicy::Pooled, [1, 1, 0]),
            (InstancePolicy::PerCall, [1, 1, 0]),
            (InstancePolicy::PerRequest, [1, 1, 0]),
        ] {
            let before = bench.host.instances();
            let (exchange, mut stream) = stream_of(bench, &guest, policy).await;
            let now = || bench.host.instances() - before;
            assert_eq!(now(), alive[0], "{policy:?}");
            assert!(stream.next_chunk().await.unwrap().is_ok());
            let mut exchange = Some(exchange);
            if policy == InstancePolicy::PerRequest {
                // The stream is still there.
                exchange = None;
                assert!(stream.next_chunk().await.unwrap().is_ok());
            }
            assert_eq!(now(), alive[1], "{policy:?}");
            drop((exchange, stream));
            assert_eq!(now(), alive[2], "{policy:?}");
        }
    });
}
