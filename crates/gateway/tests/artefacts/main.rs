//! WASM plugins from a path, through the real server.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test")]

#[path = "../common/mod.rs"]
mod common;
mod hostile;

use common::{Generations, House, answer_of, ask, component, core_module, get, put, stop};
use gatewright::{Error, Reload, Started};
use gatewright_host::Sha256;
use serde_json::{Value as Json, json};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// The component of `generation`, with the code of this number.
fn generation(number: usize) -> Vec<u8> {
    static BUILT: LazyLock<Generations> = LazyLock::new(|| Generations::new(component("generation")));
    BUILT.artefact(number)
}

impl House {
    /// Starts a gateway of these plugins.
    async fn start(&self, plugins: Json) -> Result<Started, Error> {
        self.start_with(self.config(plugins)).await
    }
}

/// An entry of a plugin at this path.
fn entry(path: &Path, further: Json) -> Json {
    let mut entry = json!({ "name": "guard", "path": path });
    entry.as_object_mut().unwrap().extend(further.as_object().cloned().unwrap_or_default());
    entry
}

/// The generation of the plugin set, and how many reloads succeeded, and succeeded in part.
async fn reloads(started: &Started) -> (u64, u64, u64) {
    let metrics = get(started.address(), "/metrics").await.1;
    let number = |name: &str| {
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {name} in {metrics}")).parse::<u64>().unwrap()
    };
    let reloads = |result| number(&format!("gatewright_config_reloads_total{{result=\"{result}\"}}"));
    (number("gatewright_plugin_set_generation"), reloads("success"), reloads("partial"))
}

/// Whether these lines are in the metrics.
async fn shows(started: &Started, lines: &[&str]) {
    let metrics = get(started.address(), "/metrics").await.1;
    for wanted in lines {
        assert!(metrics.lines().any(|line| line == *wanted), "no {wanted} in {metrics}");
    }
}

/// Why a gateway has no plugin of this entry: as `/readyz` says it.
async fn pending(started: &Started) -> String {
    get(started.address(), "/readyz").await.1
}

#[tokio::test]
async fn a_guard_blocks() {
    let house = House::new();
    let path = house.path("guard.wasm");
    put(&path, &generation(1));
    let started = house.start(json!([entry(&path, json!({ "instance": "single", "memory_mb": 8 }))])).await.unwrap();
    let (status, body) = ask(started.address(), "hello").await;
    assert_eq!(status, 200, "{body}");
    assert!(body.contains(&answer_of(1)), "{body}");
    let (status, body) = ask(started.address(), "something forbidden").await;
    assert_eq!(status, 403, "{body}");
    assert!(body.contains("it is forbidden"), "{body}");
    assert_eq!(house.copies(), 1);
    assert!(house.path("app/plugins/compiled").is_dir(), "what was compiled is kept");
    stop(started).await;
}

#[tokio::test]
async fn without_an_app_dir_it_leaves_nothing_behind() {
    let house = House::new();
    let path = house.path("guard.wasm");
    put(&path, &generation(1));
    let config = house.config(json!([entry(&path, json!({}))]));
    let started = gatewright::Gateway::builder().config(config).start().await.unwrap();
    assert_eq!(ask(started.address(), "something forbidden").await.0, 403);
    stop(started).await;
    assert!(!house.path("app").exists());
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_said_and_a_guard_still_guards() {
    let house = House::new();
    let path = house.path("guard.wasm");
    let good = generation(1);
    let sha256 = json!({ "sha256": "0".repeat(64) });
    let cases: [(&str, &[u8], Json, &str); 4] = [
        ("another", &good, sha256, "and the config says 0000"),
        ("truncated", &good[..good.len() / 2], json!({}), "the file is no WASM component"),
        ("core module", &core_module("generation"), json!({}), "is a core WASM module and no component"),
        ("config", &good, json!({ "config": { "fails": true } }), "it was told to fail"),
    ];
    for (what, content, further, expected) in cases {
        put(&path, content);
        let started = house.start(json!([entry(&path, further)])).await.unwrap();
        let (status, body) = get(started.address(), "/readyz").await;
        assert_eq!(status, 503, "{what}: {body}");
        assert!(body.contains(expected), "{what}: {body}");
        assert_eq!(ask(started.address(), "hello").await.0, 503, "{what}");
        let metrics = get(started.address(), "/metrics").await.1;
        assert!(metrics.contains("gatewright_plugin_load_failures_total{plugin=\"guard\"} 1"), "{what}: {metrics}");
        stop(started).await;
    }
}

#[tokio::test]
async fn one_that_may_fail_open_is_left_out() {
    let house = House::new();
    let path = house.path("nowhere.wasm");
    let open = json!({ "failure_mode": "fail_open" });
    let started = house.start(json!([entry(&path, open)])).await.unwrap();
    assert_eq!(ask(started.address(), "hello").await.0, 503, "it may be what authenticates");
    assert_eq!(get(started.address(), "/v1/models").await.0, 503);
    stop(started).await;
    let named = json!({ "failure_mode": "fail_open", "hooks": ["check_input"] });
    for further in [named, json!({ "hooks": ["post_request"] })] {
        let mut started = house.start(json!([entry(&path, further.clone())])).await.unwrap();
        assert_eq!(ask(started.address(), "hello").await.0, 200);
        let said = pending(&started).await;
        assert!(said.contains("there is no file") && said.contains("requests go on without it"), "{said}");
        started.reload(house.config(json!([entry(&path, further)]))).await.unwrap();
        stop(started).await;
    }
    let mut started = house.start(json!([])).await.unwrap();
    let config = house.config(json!([entry(&path, json!({}))]));
    let refused = started.reload(config).await.unwrap_err().to_string();
    assert!(refused.contains("plugins[0]: plugin `guard` did not start: there is no file"), "{refused}");
    assert_eq!(ask(started.address(), "hello").await.0, 200, "a new plugin that is not there refuses the reload");
    stop(started).await;
}

#[tokio::test]
async fn a_permission_that_is_missing_is_named() {
    let house = House::new();
    let path = house.path("guard.wasm");
    put(&path, &component("some_hooks"));
    let mut started = house.start(json!([])).await.unwrap();
    let of = |permissions: Json| house.config(json!([entry(&path, json!({ "permissions": permissions }))]));
    let refused = started.reload(of(json!([]))).await.unwrap_err().to_string();
    assert!(refused.contains("the permissions `records`, `kv`, which are not granted"), "{refused}");
    assert!(refused.contains("add \"records\", \"kv\" to `permissions`"), "{refused}");
    let refused = started.reload(of(json!(["kv"]))).await.unwrap_err().to_string();
    assert!(refused.contains("the permission `records`, which is not granted"), "{refused}");
    assert!(refused.contains("add \"records\" to `permissions`"), "{refused}");
    started.reload(of(json!(["kv", "records"]))).await.unwrap();
    assert_eq!(ask(started.address(), "hello").await.0, 200);
    stop(started).await;
}

#[tokio::test]
async fn what_no_host_runs_is_refused_with_the_config() {
    let house = House::new();
    let mut started = house.start(json!([])).await.unwrap();
    for (path, further, expected) in [
        ("http://guard:9000", json!({}), "is no address of a plugin's process"),
        ("guard", json!({}), "did not start: there is no file"),
        (
            "guard.wasm",
            json!({ "permissions": [{ "http": ["a b"] }] }),
            "plugins[0].permissions[0].http[0]: `a b` is no host",
        ),
    ] {
        let refused =
            started.reload(house.config(json!([entry(path.as_ref(), further)]))).await.unwrap_err().to_string();
        assert!(refused.contains(expected), "{path}: {refused}");
    }
    stop(started).await;
}

#[tokio::test]
async fn all_plugins_that_do_not_load_are_named() {
    let house = House::new();
    put(&house.path("text.wasm"), b"hello");
    let named = |name: &str, file: &str, further: Json| {
        let mut entry = entry(&house.path(file), further);
        entry["name"] = name.into();
        entry
    };
    let (first, second) = (named("first", "none.wasm", json!({})), named("second", "text.wasm", json!({})));
    let mut started = house.start(json!([])).await.unwrap();
    let (none, text) = ("there is no file", "is no WASM component");
    for (third, places) in [
        (json!({ "name": "logging" }), [("plugins[0]: ", none), ("plugins[1]: ", text)]),
        (json!({ "name": "nobody" }), [("plugins[0].path: ", none), ("plugins[1].path: ", text)]),
    ] {
        let refused = started.reload(house.config(json!([first, second, third]))).await.unwrap_err().to_string();
        let shown = pending(&started).await;
        for said in [&refused, &shown] {
            for (place, why) in places {
                let at = said.find(place).unwrap_or_else(|| panic!("no {place} in {said}"));
                assert!(said[at..].contains(why), "{said}");
            }
        }
    }
    // What shows only once they were loaded stands beside it.
    put(&house.path("good.wasm"), &generation(1));
    let third = named("third", "good.wasm", json!({ "hooks": ["endpoint"] }));
    let refused = started.reload(house.config(json!([first, third]))).await.unwrap_err().to_string();
    assert!(refused.contains("plugins[0]: plugin `first` did not load: there is no file"), "{refused}");
    assert!(refused.contains("plugins[1].hooks[0]: the plugin has no `endpoint`"), "{refused}");
    stop(started).await;
}

#[tokio::test]
async fn a_file_that_cannot_be_used_leaves_the_one_before() {
    let house = House::new();
    let path = house.path("guard.wasm");
    put(&path, &generation(1));
    let plugins = json!([entry(&path, json!({}))]);
    let mut started = house.start(plugins.clone()).await.unwrap();
    put(&path, b"no component");
    // Another change of the config is taken all the same.
    let mut config = house.config(plugins.clone());
    config.server.max_body_bytes = 2048;
    started.reload(config).await.unwrap();
    assert_eq!(started.config().server.max_body_bytes, 2048);
    let (status, body) = ask(started.address(), "hello").await;
    assert!(status == 200 && body.contains(&answer_of(1)), "{status} {body}");
    let (status, said) = get(started.address(), "/readyz").await;
    assert_eq!(status, 200, "{said}");
    assert!(said.contains("its new file was not taken") && said.contains("the one before goes on"), "{said}");
    // With an entry that changed too, nobody knows what was meant.
    let changed = house.config(json!([entry(&path, json!({ "memory_mb": 8 }))]));
    started.reload(changed).await.unwrap_err();
    let said = pending(&started).await;
    assert!(said.contains("the last good config goes on"), "{said}");
    assert!(said.contains("its new file was not taken"), "that is still so: {said}");
    assert!(ask(started.address(), "hello").await.1.contains(&answer_of(1)));
    // Once it is good, it is taken, and nothing is left to say.
    put(&path, &generation(2));
    started.reload(house.config(plugins)).await.unwrap();
    assert!(ask(started.address(), "hello").await.1.contains(&answer_of(2)));
    assert!(pending(&started).await.contains("\"pending\":[]"), "{}", pending(&started).await);
    let metrics = get(started.address(), "/metrics").await.1;
    assert!(metrics.contains("gatewright_plugin_load_failures_total{plugin=\"guard\"} 2"), "{metrics}");
    assert_eq!(house.copies(), 1, "copies that are of no use are gone");
    stop(started).await;
}

#[tokio::test]
async fn what_did_not_change_is_kept() {
    let house = House::new();
    let path = house.path("guard.wasm");
    put(&path, &generation(1));
    let plugins = json!([entry(&path, json!({}))]);
    let mut started = house.start(plugins.clone()).await.unwrap();
    let instance = |started: &Started| {
        let plugins = started.plugins();
        plugins.members().iter().find(|member| &**member.instance.name() == "guard").unwrap().instance.clone()
    };
    let (before, counted) = (instance(&started), reloads(&started).await);
    put(&path, &generation(1));
    assert_eq!(started.reload(house.config(plugins)).await.unwrap(), Reload::Nothing);
    assert!(Arc::ptr_eq(&before, &instance(&started)), "the same content is no change");
    assert_eq!(reloads(&started).await, counted);
    drop(before);
    stop(started).await;
}

#[tokio::test]
async fn what_serves_and_what_did_not_load_is_in_the_metrics() {
    let house = House::new();
    let path = house.path("guard.wasm");
    let sha256 = |content: Vec<u8>| Sha256::of(content.as_slice()).unwrap();
    let (first, second) = (sha256(generation(1)), sha256(generation(2)));
    put(&path, &generation(1));
    let plugins = json!([entry(&path, json!({}))]);
    let mut started = house.start(plugins.clone()).await.unwrap();
    let info = |sha256| format!("gatewright_plugin_info{{plugin=\"guard\",version=\"1.0.0\",sha256=\"{sha256}\"}} 1");
    let failed = |failed: u8| format!("gatewright_plugin_load_failed{{plugin=\"guard\"}} {failed}");
    shows(&started, &[&info(first), &failed(0)]).await;
    let before = reloads(&started).await;
    // A file that is no good changes nothing, and is no success.
    put(&path, b"no component");
    assert_eq!(started.reload(house.config(plugins.clone())).await.unwrap(), Reload::Nothing);
    shows(&started, &[&info(first), &failed(1)]).await;
    assert_eq!(reloads(&started).await, (before.0, before.1, before.2 + 1));
    // One that is gone is said to be.
    std::fs::remove_file(&path).unwrap();
    assert_eq!(started.reload(house.config(plugins.clone())).await.unwrap(), Reload::Nothing);
    let said = pending(&started).await;
    assert!(said.contains("its file is gone") && !said.contains("new file"), "{said}");
    shows(&started, &[&info(first), &failed(1)]).await;
    put(&path, &generation(2));
    assert_eq!(started.reload(house.config(plugins)).await.unwrap(), Reload::Taken);
    shows(&started, &[&info(second), &failed(0)]).await;
    assert_eq!(reloads(&started).await, (before.0 + 1, before.1 + 1, before.2 + 2));
    started.reload(house.config(json!([]))).await.unwrap();
    let metrics = get(started.address(), "/metrics").await.1;
    assert!(!metrics.contains("plugin_info{plugin=\"guard\"") && !metrics.contains("load_failed{plugin=\"guard\""));
    stop(started).await;
}

#[tokio::test]
async fn a_plugin_that_does_not_load_again_changes_nothing() {
    let house = House::new();
    let path = house.path("guard.wasm");
    let plugins = json!([entry(&path, json!({}))]);
    let mut started = house.start(plugins.clone()).await.unwrap();
    let before = reloads(&started).await;
    assert_eq!(started.reload(house.config(plugins.clone())).await.unwrap(), Reload::Nothing);
    shows(&started, &["gatewright_plugin_load_failed{plugin=\"guard\"} 1"]).await;
    assert_eq!(reloads(&started).await, (before.0, before.1, before.2 + 1));
    put(&path, &generation(1));
    assert_eq!(started.reload(house.config(plugins)).await.unwrap(), Reload::Taken);
    assert_eq!(ask(started.address(), "hello").await.0, 200);
    stop(started).await;
}

#[tokio::test]
async fn a_bad_file_is_noted_though_the_config_is_refused_for_another() {
    let house = House::new();
    let path = house.path("guard.wasm");
    put(&path, &generation(1));
    let plugins = json!([entry(&path, json!({}))]);
    let mut started = house.start(plugins.clone()).await.unwrap();
    put(&path, b"no component");
    let mut other = entry(&house.path("none.wasm"), json!({}));
    other["name"] = "other".into();
    let refused = started.reload(house.config(json!([plugins[0], other]))).await.unwrap_err().to_string();
    assert!(refused.contains("plugins[0]: ") && refused.contains("plugins[1]: "), "{refused}");
    let said = pending(&started).await;
    assert!(said.contains("plugin guard: its new file was not taken") && said.contains("config: it was not"), "{said}");
    shows(&started, &["gatewright_plugin_load_failed{plugin=\"guard\"} 1"]).await;
    put(&path, &generation(1));
    assert_eq!(started.reload(house.config(plugins)).await.unwrap(), Reload::Nothing);
    assert!(pending(&started).await.contains("\"pending\":[]"), "the config that was there is good again");
    stop(started).await;
}

#[tokio::test]
async fn who_has_none_pays_nothing() {
    let house = House::new();
    let begun = Instant::now();
    let started = house.start(json!([])).await.unwrap();
    let took = begun.elapsed();
    assert!(!house.path("app/plugins").exists(), "no folder of copies");
    assert!(took < Duration::from_secs(1), "{took:?}");
    stop(started).await;
}
