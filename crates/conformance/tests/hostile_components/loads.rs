//! Files that are none, components that do not start, and those of another version.

use crate::bench::{AMPLE, Bench, SHORT, check, granted, run, started};
use crate::guest::{Guest, LOOP};
use gatewright_abi::wit;
use gatewright_host_wasm::{LoadError, Options};
use gatewright_plugin::{FailureMode, Hook};
use gatewright_testkit::services::MockServices;
use serde_json::Value as Json;
use std::time::Duration;

fn quiet() -> Guest {
    Guest::at(&[Hook::CheckInput])
}

/// A component in WAT.
fn component(wat: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {wat})")).unwrap()
}

/// A component that exports this interface, with two functions that take and give nothing.
fn exporting(interface: &str) -> Vec<u8> {
    component(&format!(
        "(core module $m (func (export \"f\"))) (core instance $i (instantiate $m)) \
         (func $f (canon lift (core func $i \"f\"))) \
         (instance $p (export \"introduce\" (func $f)) (export \"create\" (func $f))) \
         (export \"{interface}\" (instance $p))"
    ))
}

#[test]
fn files_that_are_none() {
    run(async |bench| {
        let whole = quiet().build();
        let no_component = "no WASM component that this gateway can run";
        for length in [9, 20, 100, whole.len() / 2, whole.len() - 1] {
            let says = [no_component, "truncated or damaged", "build it with"];
            bench.does_not_load("truncated", whole[..length].to_vec(), &says).await;
        }
        for at in [8, 16] {
            let mut damaged = whole.clone();
            damaged[at..at + 8].fill(0xff);
            bench.does_not_load("damaged", damaged, &[no_component]).await;
        }
        bench.does_not_load("empty", Vec::new(), &[no_component, "it is empty"]).await;
        for other in [b"#!/bin/sh\necho hello\n".as_slice(), b"\x7fELF\x02\x01\x01\0", b"(component)", b"\0as"] {
            bench.does_not_load("another file", other.to_vec(), &[no_component, "does not begin as one does"]).await;
        }
        let core = wat::parse_str("(module (func (export \"handle\")))").unwrap();
        bench.does_not_load("a core module", core, &["core WASM module", "`gatewright plugin build`"]).await;
        let format = b"\0asm\x0a\0\x01\0".to_vec();
        bench.does_not_load("another format", format, &[no_component, "another version of the format"]).await;
    });
}

/// Each instantiates the one in it twice.
fn nested(depth: u32) -> String {
    let inner = match depth {
        0 => return "(core module $m) (core instance (instantiate $m))".to_owned(),
        depth => nested(depth - 1),
    };
    format!("(component $c {inner}) (instance (instantiate $c)) (instance (instantiate $c))")
}

#[test]
fn components_that_are_more_than_they_look() {
    run(async |bench| {
        bench.does_not_load("some", component(&nested(5)), &["it is no plugin"]).await;
        // The compiler would need gigabytes from about the twenty-third on.
        let too_many = "it makes more than 1000 instances of the modules and components in it";
        bench.does_not_load("many", component(&nested(40)), &[too_many]).await;
        // The same with each of them beside the one that it instantiates.
        let beside = (1..40).map(|at| {
            let twice = "(instance (instantiate $x)) (instance (instantiate $x))";
            format!("(component $c{at} (alias outer 1 $c{} (component $x)) {twice})", at - 1)
        });
        let beside = beside.fold("(component $c0)".to_owned(), |before, next| before + &next);
        bench.does_not_load("beside", component(&beside), &[too_many]).await;
        let given = "(component $c (import \"x\" (component)))";
        bench.does_not_load("handed over", component(given), &["is handed over from one to another"]).await;
    });
}

#[test]
fn components_that_begin_with_more_memory_than_they_may_have() {
    run(async |bench| {
        let large = quiet().pages(1600);
        bench.does_not_load("large", large.build(), &["100 MiB", "the 64 MiB that `memory_mb` of its entry"]).await;
        let ample = Options { memory_bytes: 100 << 20, ..granted() };
        assert!(bench.host.load(large.build(), &Json::Null, ample).await.is_ok());
        assert!(bench.host.introduce(large.build()).await.is_ok(), "who looks at it has no entry");
    });
}

#[test]
fn components_that_are_no_plugin() {
    run(async |bench| {
        bench.does_not_load("nothing", component(""), &["it is no plugin", "it exports nothing"]).await;
        let other = exporting("acme:other/thing@1.0.0");
        bench.does_not_load("another", other, &["it is no plugin", "`acme:other/thing@1.0.0`"]).await;
        let wasi = component("(import \"wasi:cli/environment@0.2.0\" (instance))");
        bench
            .does_not_load("WASI", wasi, &["it imports `wasi:cli/environment@0.2.0`", "plugins get no such thing"])
            .await;
        let types = exporting(&wit::interface("plugin"));
        bench
            .does_not_load("other types", types, &["`gatewright:plugin/plugin@1.0.0.introduce` has another type"])
            .await;
    });
}

#[test]
fn versions_that_are_too_old_and_too_new() {
    run(async |bench| {
        let (newer, older) = ("upgrade the gateway", "build the plugin with a newer SDK");
        for (version, says) in [("2.0.0", newer), ("0.9.0", older)] {
            let interface = format!("gatewright:plugin/kv@{version}");
            let imports = component(&format!("(import \"{interface}\" (instance (export \"get\" (func))))"));
            bench.does_not_load("it imports another version", imports, &[&interface, says]).await;
            let interface = format!("gatewright:plugin/plugin@{version}");
            bench.does_not_load("it exports another version", exporting(&interface), &[&interface, says]).await;
        }
        let later = component("(import \"gatewright:plugin/teleport@1.3.0\" (instance (export \"go\" (func))))");
        bench.does_not_load("what came later", later, &["gatewright:plugin/teleport@1.3.0", newer]).await;
        for (contract, says) in [((2, 0), newer), ((0, 3), older)] {
            let of_another = quiet().introduces(|introduction| introduction.contract = contract);
            let version = format!("version {}", contract.0);
            bench.does_not_load("it says another version", of_another.build(), &[&version, says]).await;
        }
    });
}

#[test]
fn what_they_say_of_themselves() {
    run(async |bench| {
        let silent = quiet().before_introduction("(return (call $give (i32.const 0) (i32.const 0)))");
        bench.does_not_load("nothing", silent.build(), &["what it says of itself is not a legal document"]).await;
        let garbage =
            quiet().data(vec![0xff; 64]).before_introduction("(return (call $give (i32.const 16384) (i32.const 64)))");
        bench.does_not_load("garbage", garbage.build(), &["what it says of itself is not a legal document"]).await;
        let refuses = |message: &str| {
            let refused = format!(
                "(i32.store (i32.const 80) (i32.const 1)) (i32.store (i32.const 84) (i32.const 16384)) \
                 (i32.store (i32.const 88) (i32.const {})) (i32.const 80)",
                message.len()
            );
            quiet().data(message.as_bytes().to_vec()).create(refused)
        };
        bench.does_not_load("its config", refuses("there is\nno\n`key`").build(), &["there is no `key`"]).await;
        let endless = "no ".repeat(10_000);
        bench.does_not_load("a long refusal", refuses(&endless).build(), &["no no no"]).await;
        let mut no_text = refuses("xxxx");
        no_text = no_text.data(vec![0xff; 4]);
        bench.does_not_load("no text", no_text.build(), &["it failed while it was started", "utf-8"]).await;
        let tag = quiet().create("(i32.store8 (i32.const 80) (i32.const 9)) (i32.const 80)");
        bench.does_not_load("no result", tag.build(), &["it failed while it was started"]).await;
    });
}

#[test]
fn starts_that_trap() {
    run(async |bench| {
        let started = "it failed while it was started";
        for (what, guest, says) in [
            ("at its start", quiet().with("(func $s unreachable) (start $s)"), "unreachable"),
            ("at its introduction", quiet().before_introduction("(unreachable)"), "unreachable"),
            ("at its creation", quiet().create("(unreachable)"), "unreachable"),
            (
                "of much memory",
                quiet().with("(func $s (drop (memory.grow (i32.const 2000)))) (start $s)"),
                "more memory",
            ),
        ] {
            bench.does_not_load(what, guest.build(), &[started, says]).await;
        }
        let table = quiet().with("(table 200000 funcref)").build();
        bench.does_not_load("of a large table", table, &["asks for more than plugins get", "limit of 100000"]).await;
    });
}

#[test]
fn the_memories_of_its_modules_count_together() {
    run(async |bench| {
        let modules = |count: usize| {
            let big = "(core instance (instantiate $big))".repeat(count);
            component(&format!(
                "(core module $big (memory 600)) {big} \
                 (core module $m (memory (export \"memory\") 1) \
                   (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 1024)) \
                   (func (export \"introduce\") (result i32) (i32.const 0)) \
                   (func (export \"create\") (param i32 i32) (result i32) (i32.const 0))) \
                 (core instance $i (instantiate $m)) \
                 (alias core export $i \"memory\" (core memory $memory)) \
                 (alias core export $i \"realloc\" (core func $realloc)) \
                 (func $introduce (result (list u8)) \
                   (canon lift (core func $i \"introduce\") (memory $memory) (realloc $realloc))) \
                 (func $create (param \"config\" (list u8)) (result (result (error string))) \
                   (canon lift (core func $i \"create\") (memory $memory) (realloc $realloc))) \
                 (instance $p (export \"introduce\" (func $introduce)) (export \"create\" (func $create))) \
                 (export \"{}\" (instance $p))",
                wit::interface("plugin")
            ))
        };
        bench.does_not_load("one has its room", modules(1), &["what it says of itself is not a legal document"]).await;
        bench.does_not_load("two have not", modules(2), &["more memory than the 64 MiB"]).await;
    });
}

#[test]
fn starts_that_never_end() {
    run(async |bench| {
        for (what, guest) in [
            ("at its start", quiet().with(&format!("(func $s {LOOP}) (start $s)"))),
            ("at its introduction", quiet().before_introduction(LOOP)),
            ("at its creation", quiet().create(LOOP)),
        ] {
            let load = tokio::time::timeout(SHORT, bench.load(&guest));
            assert!(bench.beside_a_loop(what, load).await.is_err(), "{what}: it came to an end");
            bench.settled(0).await;
        }
    });
}

#[test]
fn a_load_that_never_ends_is_given_up() {
    run(async |bench| {
        tokio::time::pause();
        let minutes = async {
            loop {
                tokio::time::advance(Duration::from_secs(1)).await;
            }
        };
        let guest = quiet().before_introduction(LOOP).build();
        let introduced =
            tokio::select! { said = bench.host.introduce(guest) => said.map(|_| ()), () = minutes => Ok(()) };
        assert!(matches!(introduced, Err(LoadError::Slow)), "{introduced:?}");
        tokio::time::resume();
        bench.settled(0).await;
    });
}

/// Takes so many milliseconds to be created.
fn slow(milliseconds: u64) -> Guest {
    quiet()
        .imports("$monotonic", "(result i64)", "clock", "monotonic")
        .create(format!(
            "(local.set $end (i64.add (call $monotonic) (i64.const {}))) \
             (loop $wait (br_if $wait (i64.lt_u (call $monotonic) (local.get $end)))) \
             (i32.store8 (i32.const 80) (i32.const 0)) (i32.const 80)",
            milliseconds * 1_000_000
        ))
        // Its second call traps.
        .handle("(if (i32.gt_u (global.get $calls) (i32.const 1)) (then (unreachable))) (call $give (i32.const 0) (i32.const 0))")
}

#[test]
fn a_slow_start_is_waited_for() {
    run(async |bench| {
        let plugin = bench.beside_a_loop("slow", bench.load(&slow(900))).await.unwrap();
        let it = started(plugin.clone(), MockServices::default().services()).await;
        assert_eq!(bench.beside("slow", check(&it, AMPLE, FailureMode::Closed)).await, Ok(()));
        // The instance traps, and the next takes longer to be made than a call has: others go on with making it.
        let failed = check(&it, AMPLE, FailureMode::Closed).await.unwrap_err();
        assert_eq!(failed.cause(), "panic", "{failed}");
        let mut late = 0;
        let short = Duration::from_millis(250);
        loop {
            let it = started(plugin.clone(), MockServices::default().services()).await;
            match bench.beside("slow", check(&it, short, FailureMode::Closed)).await {
                Ok(()) => break,
                Err(failure) => assert_eq!(failure.cause(), "timeout", "{failure}"),
            }
            late += 1;
            assert!(late < 100, "it is never there");
        }
        assert!(late >= 2, "{late} calls were too late: it was not slow");
        drop((plugin, it));
        bench.settled(0).await;
    });
}

#[test]
fn a_start_that_is_given_up_for_good_is_forgotten() {
    run(async |bench: &Bench| {
        // Nobody keeps what a request or a call would have had to itself.
        for instances in
            [gatewright_host_wasm::InstancePolicy::PerCall, gatewright_host_wasm::InstancePolicy::PerRequest]
        {
            let options = gatewright_host_wasm::Options { instances: Some(instances), ..granted() };
            let plugin = bench.host.load(slow(300).build(), &Json::Null, options).await.unwrap();
            let it = started(plugin.clone(), MockServices::default().services()).await;
            let failed = check(&it, Duration::from_millis(60), FailureMode::Closed).await.unwrap_err();
            assert_eq!(failed.cause(), "timeout");
            bench.settled(0).await;
            assert_eq!(check(&it, AMPLE, FailureMode::Closed).await, Ok(()));
            bench.settled(0).await;
        }
    });
}
