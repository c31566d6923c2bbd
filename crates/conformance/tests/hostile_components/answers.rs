//! Answers that are none.

use crate::bench::{AMPLE, Bench, check, run, started};
use crate::guest::{ANSWER, Guest};
use gatewright_abi::wit;
use gatewright_model::{Headers, HttpRequest};
use gatewright_plugin::hosted::{Call, Hosted, Reply};
use gatewright_plugin::payload::{EndpointCall, LlmResult};
use gatewright_plugin::services::Services;
use gatewright_plugin::{Access, Cx, Draft, Facts, Failure, FailureMode, Hook, PreLlm, State};
use gatewright_testkit::request;
use gatewright_testkit::services::MockServices;
use serde_json::{Value as Json, json};
use std::process::Command;
use std::sync::Arc;

async fn answers(bench: &Bench, what: &str, guest: Guest, cause: &str, says: &str) {
    bench.misbehaves(what, &guest, AMPLE, cause, says).await;
}

fn checker() -> Guest {
    Guest::at(&[Hook::CheckInput])
}

/// Answers with the bytes from one place on, so many.
fn giving(at: u64, length: u64) -> Guest {
    checker().handle(format!("(call $give (i32.const {at}) (i32.const {length}))"))
}

#[test]
fn one_that_cleans_up_behind_its_calls() {
    run(async |bench| {
        // As guests do that were built before the SDK left that out.
        let exported = format!("cabi_post_{}#handle", wit::interface("check-input"));
        let counts = "(global.set $cleaned (i32.add (global.get $cleaned) (i32.const 1)))";
        let cleans = format!(
            "(global $cleaned (mut i32) (i32.const 0)) (func (export \"{exported}\") (param $area i32) {counts})"
        );
        let each_before = "(if (i32.ne (global.get $calls) (i32.add (global.get $cleaned) (i32.const 1))) \
                           (then (unreachable)))";
        let guest = checker().with(&cleans).before_each(each_before);
        let plugin = bench.load(&guest).await.unwrap();
        let instance = started(plugin, MockServices::default().services()).await;
        for _ in 0..3 {
            check(&instance, AMPLE, FailureMode::Closed).await.unwrap();
        }
    });
}

#[test]
fn traps() {
    run(async |bench| {
        answers(bench, "unreachable", checker().handle("(unreachable)"), "panic", "unreachable").await;
        let divides = checker().handle("(i32.div_s (i32.const 1) (i32.const 0))");
        answers(bench, "division", divides, "panic", "divide by zero").await;
        let reads = checker().handle("(i32.load (i32.const -8))");
        answers(bench, "out of bounds", reads, "panic", "out of bounds").await;
    });
}

#[test]
fn recursion_without_an_end() {
    run(async |bench| {
        let recurses = checker()
            .with("(func $deeper (param i32) (result i32) (i32.add (call $deeper (local.get 0)) (i32.const 1)))")
            .handle("(call $deeper (i32.const 1))");
        answers(bench, "recursion", recurses, "panic", "call stack exhausted").await;
    });
}

#[test]
fn what_is_too_large() {
    run(async |bench| {
        let grows = |pages: u32| {
            // Once for an instance.
            format!("(drop (memory.grow (i32.sub (i32.const {pages}) (memory.size))))")
        };
        let over = checker().handle(grows(800) + "(call $give (i32.const 0) (i32.const 40000000))");
        answers(bench, "over an answer", over, "oversized", "at most").await;
        answers(bench, "over its memory", giving(0, 0x7fff_ffff), "panic", "out of bounds").await;
        let handed_over = checker().handle(grows(950) + "(call $give (i32.const 0) (i32.const 67108865))");
        // More than it has, or more than may be handed over: either way it is refused before it is copied.
        answers(bench, "over what is handed over", handed_over, "panic", "").await;
    });
}

#[test]
fn what_is_no_document() {
    run(async |bench| {
        for (what, bytes) in [
            ("garbage", vec![0xff; 32]),
            ("a document that does not end", vec![0xa1, 0x67, b'o', b'u', b't']),
            ("a length that is not there", vec![0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            ("a list of very many", vec![0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            ("text that is no UTF-8", [b"\xa1\x67outcome\x63".as_slice(), b"\xff\xfe\xfd"].concat()),
            ("a key that is no UTF-8", b"\xa1\x62\xff\xfe\x01".to_vec()),
        ] {
            answers(bench, what, checker().answers(bytes), "malformed", "not a legal document").await;
        }
        let deep = [vec![0xa1, 0x67], b"scratch".to_vec(), vec![0x81; 4000], vec![0x00]].concat();
        answers(bench, "nesting", checker().answers(deep), "malformed", "not a legal document").await;
    });
}

#[test]
fn what_the_hook_does_not_have() {
    run(async |bench| {
        for (what, answer) in [
            ("another hook's word", json!({ "outcome": "drop" })),
            ("another hook's decision", json!({ "outcome": { "stream": 1 } })),
            ("no outcome at all", json!({ "outcome": 7 })),
            ("no object", json!([1, 2, 3])),
            ("edits where nothing can be edited", json!({ "edits": { "model": "mine" } })),
        ] {
            answers(bench, what, checker().says(&answer), "malformed", "").await;
        }
        let failed = checker().says(&json!({ "failure": { "returned": "no disk" } }));
        answers(bench, "a failure of its own", failed, "error", "no disk").await;
        let full: Vec<Json> = (0..2000).map(|at| json!([format!("key-{at}"), { "int": at }])).collect();
        answers(bench, "a state that is full", checker().says(&json!({ "state": full })), "oversized", "").await;
    });
}

async fn reply(plugin: &Arc<dyn Hosted>, services: &Services, call: Call) -> Reply {
    let cx = Cx::new(Arc::new(Facts::default()), State::default(), None, services.clone());
    plugin.clone().call(cx, call).await.reply
}

/// Leaves texts and then has nothing to say. If they are not taken it panics with what it is told.
fn leaving(hook: Hook, texts: &[(u32, u32, u32)], bytes: &[u8]) -> Guest {
    let places = texts.iter().flat_map(|(place, at, length)| [place, at, length].map(|word| word.to_le_bytes()));
    let count = texts.len();
    Guest::at(&[hook])
        .keeps_handles()
        .imports("$replace", "(param i32 i32 i32 i32)", "types", "[method]call.replace-texts")
        .imports("$panicked", "(param i32 i32)", "types", "panicked")
        .data([bytes, places.flatten().collect::<Vec<_>>().as_slice()].concat())
        .handle(format!(
            "(call $replace (local.get $call) (i32.const {}) (i32.const {count}) (i32.const 256)) \
             (if (i32.load8_u (i32.const 256)) \
               (then (call $panicked (i32.load (i32.const 260)) (i32.load (i32.const 264))) (unreachable))) \
             (call $give (i32.const 0) (i32.const 0))",
            ANSWER + bytes.len()
        ))
}

/// Asks a guest at `pre_llm`: what the request says then.
async fn asked(bench: &Bench, guest: &Guest) -> Result<Vec<String>, Failure> {
    let plugin = bench.load(guest).await.unwrap();
    let cx = Cx::new(Arc::new(Facts::default()), State::default(), None, MockServices::default().services());
    let request = request("m").system("be kind").user("hello").build();
    let returned = plugin.call(cx, Call::PreLlm(Draft::from(request))).await;
    let mut said = Vec::new();
    match (returned.call, returned.reply) {
        (Call::PreLlm(request), Reply::PreLlm(PreLlm::Continue)) => {
            request.texts(|_, text| said.push(text.to_owned())).unwrap();
            Ok(said)
        }
        (_, Reply::Failed(failure)) => Err(failure),
        (_, other) => panic!("{other:?}"),
    }
}

#[test]
fn texts_that_are_left_beside_the_answer() {
    run(async |bench| {
        let (here, pre_llm) = (u32::try_from(ANSWER).unwrap(), Hook::PreLlm);
        let well = leaving(pre_llm, &[(1, here, 3)], b"bye.");
        assert_eq!(asked(bench, &well).await.unwrap(), ["be kind", "bye"]);
        let many = vec![(0, here, 16_384); 3000];
        for (what, guest, cause, says) in [
            ("no such text", leaving(pre_llm, &[(2, here, 3)], b"bye."), "malformed", "not handed over"),
            ("twice", leaving(pre_llm, &[(1, here, 3), (1, here, 3)], b"bye."), "malformed", "in their order"),
            ("no UTF-8", leaving(pre_llm, &[(1, here, 3)], b"b\xffe."), "panic", "not UTF-8"),
            ("no memory", leaving(pre_llm, &[(1, 0x7fff_ffff, 3)], b"bye."), "panic", "out of bounds"),
            ("the same bytes often", leaving(pre_llm, &many, b"bye."), "panic", "at most"),
            (
                "messages that it may not write",
                leaving(pre_llm, &[(1, here, 3)], b"bye.").introduces(|says| says.manifest.messages = Access::Ro),
                "malformed",
                "messages",
            ),
        ] {
            let failure = asked(bench, &guest).await.expect_err(what);
            assert_eq!(failure.cause(), cause, "{what}: {failure}");
            assert!(failure.to_string().contains(says), "{what}: {failure}");
        }
        let nowhere = leaving(Hook::CheckInput, &[(0, here, 3)], b"bye.");
        answers(bench, "where nothing is edited", nowhere, "malformed", "where it may not").await;
    });
}

#[test]
fn nothing_where_something_must_be_said() {
    run(async |bench| {
        let services = MockServices::default().services();
        let silent = bench.load(&Guest::at(&[Hook::Endpoint])).await.unwrap();
        let request = HttpRequest::new(http::Method::GET, "/".to_owned(), Vec::new(), Headers::default(), "");
        let asked = Call::Endpoint(Arc::new(EndpointCall { request, identity: None }));
        let Reply::Failed(failure) = reply(&silent, &services, asked).await else { panic!("it said something") };
        assert_eq!(failure.cause(), "malformed");
        assert!(failure.to_string().contains("it said nothing where it must"), "{failure}");
    });
}

#[test]
fn more_or_fewer_answers_than_chunks() {
    run(async |bench| {
        let services = MockServices::default().services();
        for count in [0, 2, 7] {
            let guest = Guest::at(&[Hook::PostLlm]).handle(format!("(call $give_list (i32.const {count}))"));
            let plugin = bench.load(&guest).await.unwrap();
            let result = Draft::from(LlmResult::Response(gatewright_model::Response::of_text("p", "m", "hello")));
            let Reply::Failed(failure) = reply(&plugin, &services, Call::PostLlm(result)).await else {
                panic!("{count} answers are taken")
            };
            assert_eq!(failure.cause(), "malformed", "{failure}");
            assert!(failure.to_string().contains(&format!("one chunk with {count}")), "{failure}");
        }
    });
}

#[test]
fn a_panic_that_is_no_text() {
    run(async |bench| {
        let guest = |length: u32| {
            Guest::at(&[Hook::CheckInput])
                .imports("$panicked", "(param i32 i32)", "types", "panicked")
                .data(vec![0xff; 64])
                .handle(format!("(call $panicked (i32.const 16384) (i32.const {length})) (unreachable)"))
        };
        bench.misbehaves("no UTF-8", &guest(64), AMPLE, "panic", "utf-8").await;
        bench.misbehaves("no memory", &guest(0x7fff_ffff), AMPLE, "panic", "").await;
        let long = Guest::at(&[Hook::CheckInput])
            .imports("$panicked", "(param i32 i32)", "types", "panicked")
            .data(b"no disk\n".repeat(1000))
            .handle("(call $panicked (i32.const 16384) (i32.const 8000)) (unreachable)");
        bench.misbehaves("many lines", &long, AMPLE, "panic", "no disk no disk").await;
    });
}

/// The resident memory of this process, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// A program of its own, whose memory nobody else uses.
#[test]
fn memory_without_an_end() {
    let alone = Command::new(std::env::current_exe().unwrap())
        .args(["answers::memory_without_an_end_alone", "--exact", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&alone.stdout) + String::from_utf8_lossy(&alone.stderr);
    assert!(alone.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "another test runs it as a program"]
fn memory_without_an_end_alone() {
    run(async |bench| {
        // It touches what it takes, so that it counts.
        let guest = checker().handle(
            "(loop $more \
               (local.set $at (memory.grow (i32.const 16))) \
               (memory.fill (i32.mul (local.get $at) (i32.const 65536)) (i32.const 7) (i32.const 1048576)) \
               (br $more)) (unreachable)",
        );
        let plugin = bench.load(&guest).await.unwrap();
        let services = MockServices::default().services();
        let before = resident();
        for _ in 0..6 {
            bench.fails("memory", &plugin, services.clone(), AMPLE, "panic", "more memory than the 64 MiB").await;
            bench.settled(0).await;
        }
        let more = resident().saturating_sub(before) >> 20;
        println!("30 instances of 64 MiB left {more} MiB");
        assert!(more < 48, "30 instances of 64 MiB left {more} MiB");
    });
}

#[test]
fn a_table_without_an_end() {
    run(async |bench| {
        let tables = checker()
            .with("(table $t 1 funcref)")
            .handle("(loop $more (drop (table.grow $t (ref.null func) (i32.const 1000))) (br $more)) (unreachable)");
        answers(bench, "a table", tables, "panic", "table").await;
    });
}
