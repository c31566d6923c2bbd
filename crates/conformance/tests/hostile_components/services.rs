//! Host functions, called without an end, with what is no argument, and where nobody may call them.

use crate::bench::{AMPLE, SHORT, check, run, started};
use crate::guest::{ANSWER, Guest};
use gatewright_abi::document;
use gatewright_plugin::{FailureMode, Hook};
use gatewright_testkit::services::MockServices;
use serde_json::json;

/// What a host function is given and gives: tag, place and length of the result at 96.
const OUT: &str = "(i32.const 96)";

fn checker() -> Guest {
    Guest::at(&[Hook::CheckInput])
}

/// Calls a host function for ever, with the document at [`ANSWER`].
fn storm(function: &str, argument: Vec<u8>) -> Guest {
    let call = format!("(call {function} (i32.const {ANSWER}) (i32.const {}) {OUT})", argument.len());
    // What the host gives back has its place again.
    let again = format!("(loop $again (global.set $top (i32.const 1048576)) {call} (br $again)) (unreachable)");
    checker().calls(&[function]).data(argument).handle(again)
}

#[test]
fn storms() {
    run(async |bench| {
        let increment = document::write(&json!({ "key": "storm", "by": 1 }));
        bench.misbehaves("kv.increment", &storm("$kv_increment", increment), SHORT, "timeout", "timed out").await;
        let set = document::write(&json!({ "key": "storm", "value": [1, 2, 3], "ttl_ms": null }));
        bench.misbehaves("kv.set", &storm("$kv_set", set), SHORT, "timeout", "timed out").await;
        let list = document::write(&json!({ "prefix": "", "limit": 1_000_000 }));
        bench.misbehaves("kv.list", &storm("$kv_list", list), SHORT, "timeout", "timed out").await;
        bench.misbehaves("no argument", &storm("$http_send", vec![0xff; 100]), SHORT, "timeout", "timed out").await;
    });
}

#[test]
fn a_host_function_that_hangs_ends_with_the_call() {
    run(async |bench| {
        let request =
            json!({ "method": "GET", "url": "https://api.acme.com/", "headers": [], "body": [], "timeout_ms": 60_000 });
        let guest = storm("$http_send", document::write(&request));
        let plugin = bench.load(&guest).await.unwrap();
        let mocks = MockServices::default();
        (0..5).for_each(|_| mocks.http.hang());
        bench.fails("http.send", &plugin, mocks.services(), SHORT, "timeout", "timed out").await;
        drop(plugin);
        bench.settled(0).await;
    });
}

/// Calls a host function once with these bytes and goes on; traps if it was not refused.
fn refused(function: &str, argument: Vec<u8>) -> Guest {
    let length = argument.len();
    checker().calls(&[function]).data(argument).handle(format!(
        "(call {function} (i32.const {ANSWER}) (i32.const {length}) {OUT}) \
         (if (i32.ne (i32.load8_u {OUT}) (i32.const 1)) (then (unreachable))) (call $give (i32.const 0) (i32.const 0))"
    ))
}

#[test]
fn arguments_that_are_none_are_refused() {
    run(async |bench| {
        let deep = |mut begin: Vec<u8>| {
            begin.extend(vec![0x81; 900_000]);
            begin
        };
        for function in ["$log", "$kv_set", "$kv_list", "$http_send", "$llm"] {
            for (what, argument) in [
                ("garbage", vec![0xff; 64]),
                ("nothing", Vec::new()),
                ("no end", vec![0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
                ("nested lists", deep(Vec::new())),
                ("a nested member", deep(b"\xa1\x66fields".to_vec())),
                ("a nested conversation", deep(b"\xa2\x65model\x61m\x64chat".to_vec())),
            ] {
                let plugin = bench.load(&refused(function, argument)).await.unwrap();
                let it = started(plugin, MockServices::default().services()).await;
                let outcome = bench.beside(what, check(&it, AMPLE, FailureMode::Closed)).await;
                assert_eq!(outcome, Ok(()), "{function}: {what}");
            }
        }
    });
}

#[test]
fn arguments_that_are_not_there_trap() {
    run(async |bench| {
        for function in ["$log", "$kv_set", "$llm"] {
            let guest = checker().calls(&[function]).handle(format!(
                "(call {function} (i32.const 0) (i32.const 0x7fffffff) {OUT}) (call $give (i32.const 0) (i32.const 0))"
            ));
            bench.misbehaves(function, &guest, AMPLE, "panic", "").await;
            let guest = checker().calls(&[function]).handle(format!(
                "(call {function} (i32.const 0) (i32.const 0) (i32.const -4)) (call $give (i32.const 0) (i32.const 0))"
            ));
            bench.misbehaves(function, &guest, AMPLE, "panic", "").await;
        }
    });
}

#[test]
fn host_functions_are_for_hooks() {
    run(async |bench| {
        let argument = document::write(&json!("key"));
        for function in ["$log", "$kv_set", "$kv_list", "$http_send", "$llm"] {
            let length = argument.len();
            let guest = checker().calls(&[function]).data(argument.clone()).create(format!(
                "(call {function} (i32.const {ANSWER}) (i32.const {length}) {OUT}) \
                 (if (i32.ne (i32.load8_u {OUT}) (i32.const 1)) (then (unreachable))) \
                 (i32.store8 (i32.const 80) (i32.const 0)) (i32.const 80)"
            ));
            assert!(bench.load(&guest).await.is_ok(), "{function}: it was not refused");
        }
    });
}

#[test]
fn a_result_for_which_there_is_no_room_traps() {
    run(async |bench| {
        // Its allocator gives a place behind its memory.
        let key = document::write(&json!({ "prefix": "", "limit": 10 }));
        let call = format!("(call $kv_list (i32.const {ANSWER}) (i32.const {}) {OUT})", key.len());
        let guest = checker()
            .calls(&["$kv_list"])
            .data(key)
            .handle(format!("(global.set $top (i32.const -65536)) {call} (call $give (i32.const 0) (i32.const 0))"));
        bench.misbehaves("no room", &guest, AMPLE, "panic", "").await;
    });
}
