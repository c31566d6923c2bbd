//! What a component cannot do: what the cases, which hold for every host, do not say. What one that means ill does is
//! in `hostile_components`.

#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "common/components.rs"]
mod components;

use components::{COMPONENTS, ENGINE};
use gatewright_host_wasm::{InstancePolicy, Options};
use gatewright_plugin::Permission;
use gatewright_plugin::hosted::{Call, Hosted, Reply, Returned};
use gatewright_testkit::{MockCx, request};
use serde_json::Value as Json;
use std::sync::Arc;

async fn load(name: &str, config: Json, options: Options) -> Result<Arc<dyn Hosted>, String> {
    ENGINE.load(COMPONENTS[name].clone(), &config, options).await.map_err(|error| error.to_string())
}

fn granted() -> Options {
    Options { granted: Permission::ALL.into(), ..Options::default() }
}

async fn check_input(plugin: &Arc<dyn Hosted>) -> Reply {
    let cx = (*MockCx::new("r-1", "user", "key", "model", "/v1/chat/completions")).clone();
    let call = Call::CheckInput(Arc::new(request("model").user("hello").build()));
    let Returned { reply, .. } = plugin.clone().call(cx, call).await;
    reply
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn a_component_has_the_memory_that_it_was_given() {
    run(async {
        let grows = serde_json::json!({ "hooks": { "check_input": [{ "scratch_bytes": 50_000_000 }] } });
        let options = Options { memory_bytes: 16 << 20, ..granted() };
        let plugin = load("one_hook", grows, options).await.unwrap();
        for _ in 0..3 {
            let Reply::Failed(failure) = check_input(&plugin).await else { panic!("it had the memory") };
            assert!(failure.to_string().contains("memory"), "{failure}");
        }
    });
}

/// A guest keeps its last answer, and no more than that.
#[test]
fn an_answer_is_freed_at_the_next_call() {
    run(async {
        let answers = serde_json::json!({ "hooks": { "check_input": [{ "scratch_bytes": 1_000_000 }] } });
        let options = Options { memory_bytes: 16 << 20, instances: Some(InstancePolicy::Single), ..granted() };
        let plugin = load("one_hook", answers, options).await.unwrap();
        for call in 0..40 {
            let reply = check_input(&plugin).await;
            assert!(matches!(reply, Reply::CheckInput(_)), "{call}: {reply:?}");
        }
    });
}

#[test]
fn what_was_not_granted_is_not_linked() {
    run(async {
        let error = load("one_hook", serde_json::json!({}), Options::default()).await.err().unwrap();
        assert!(error.contains("`records`, which is not granted"), "{error}");
        assert!(error.contains("`permissions`"), "it does not say what to do: {error}");
    });
}

#[test]
fn a_config_that_is_wrong_fails_the_load() {
    run(async {
        let error = load("one_hook", serde_json::json!({ "hoks": {} }), granted()).await.err().unwrap();
        assert!(error.contains("hoks"), "{error}");
    });
}

#[test]
fn an_introduction_says_what_it_is() {
    run(async {
        let introduction = ENGINE.introduce(COMPONENTS["declared"].clone()).await.unwrap();
        assert_eq!(introduction.manifest, (gatewright_conformance::plugins::DECLARED.manifest)());
        assert_eq!(introduction.hooks(), gatewright_conformance::plugins::DECLARED.hooks);
    });
}
