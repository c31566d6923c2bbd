use super::*;
use crate::engine::WasmHost;
use crate::options::Options;
use crate::sample::{Guest, cx, load, run};
use gatewright_model::{Chat, Request};
use gatewright_plugin::hosted::{Call, Reply};
use std::sync::Arc;

/// Asks for a value, at a hook that it exports.
fn asking() -> Guest {
    Guest::at(&[Hook::CheckInput]).imports("$get", "kv", "get").calls("$get")
}

/// Why a guest does not load, where all is granted.
async fn refused(guest: &Guest) -> String {
    let host = WasmHost::new(None).unwrap();
    match load(&host, guest, Options::default()).await {
        Ok(_) => panic!("it loads"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_guest_of_a_later_minor_version_that_uses_nothing_new_loads_and_serves() {
    run(async {
        let host = WasmHost::new(None).unwrap();
        for minor in [0, 1, 12] {
            let guest = asking().of_minor(minor);
            let names = guest.build();
            let named = format!("gatewright:plugin/kv@1.{minor}.0");
            assert!(names.windows(named.len()).any(|name| name == named.as_bytes()), "{named}");
            let plugin = load(&host, &guest, Options::default()).await.unwrap();
            assert_eq!(plugin.hooks(), HookSet::of(&[Hook::CheckInput]));
            let call = Call::CheckInput(Arc::new(Request::from_chat("m", false, Chat::default())));
            let returned = plugin.call(cx(|_| ()), call).await;
            assert!(matches!(returned.reply, Reply::CheckInput(_)), "{:?}", returned.reply);
        }
    });
}

#[test]
fn a_function_that_is_there_and_not_used_keeps_no_guest_out() {
    run(async {
        let host = WasmHost::new(None).unwrap();
        let guest = asking().of_minor(1).of_wit("interface kv {\n", TELEPORT);
        load(&host, &guest, Options::default()).await.unwrap();
    });
}

/// A function that came later, in an interface that was there before.
const TELEPORT: &str = "interface kv {\n  %teleport: func(argument: list<u8>) -> result<list<u8>, list<u8>>;\n";

#[test]
fn a_function_that_came_later_is_named() {
    run(async {
        let kv = Guest::at(&[Hook::CheckInput]).imports("$teleport", "kv", "teleport").calls("$teleport");
        let of_kv = kv.of_minor(1).of_wit("interface kv {\n", TELEPORT);
        let types = Guest::at(&[Hook::CheckInput]).imports("$peek", "types", "[method]call.peek");
        let handle =
            "(call $peek (local.get $call) (i32.const 0) (i32.const 96)) (call $give (i32.const 0) (i32.const 0))";
        let of_types = types
            .handle(handle)
            .of_minor(1)
            .of_wit("resource call {\n", "resource call {\n    peek: func(number: u32) -> result<list<u8>, string>;\n");
        for (guest, function) in [
            (&of_kv, "the function `teleport` of `gatewright:plugin/kv@1.1.0`"),
            (&of_types, "the function `[method]call.peek` of `gatewright:plugin/types@1.1.0`"),
        ] {
            let says = format!(
                "it needs {function}, and this gateway speaks version 1.0 of the plugin contract: upgrade the gateway"
            );
            let error = refused(guest).await;
            assert!(error.starts_with(&says), "{error}");
        }
        // What is missing of the gateway, the operator cannot grant.
        let host = WasmHost::new(None).unwrap();
        let not_granted = host.load(of_kv.build(), &serde_json::Value::Null, Options::default()).await;
        assert!(matches!(not_granted, Err(LoadError::TooNew { .. })));
    });
}

#[test]
fn a_function_of_another_type_is_named() {
    run(async {
        let ours = "%get: func(argument: list<u8>) -> result<list<u8>, list<u8>>;";
        let guest = asking().of_wit(ours, "%get: func(argument: string) -> result<list<u8>, list<u8>>;");
        let error = refused(&guest).await;
        assert!(error.starts_with("its function `gatewright:plugin/kv@1.0.0.get` has another type"), "{error}");
    });
}
