//! Every case against the test plugins as WASM components.

#![expect(clippy::unwrap_used, reason = "a test")]

mod common;

use gatewright_abi::View;
use gatewright_conformance::Host;
use gatewright_conformance::plugins::TestPlugin;
use gatewright_host_wasm::{Options, WasmHost};
use gatewright_plugin::hosted::{Call, Hosted, Reply, Returned};
use gatewright_plugin::services::BoxFuture;
use gatewright_plugin::{Failure, Permission};
use gatewright_testkit::{MockCx, request};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock};

struct Wasm;

groups!({
    LazyLock::force(&COMPILED);
    &Wasm
});

/// The components, by the name of their plugin.
static COMPONENTS: LazyLock<BTreeMap<String, Vec<u8>>> = LazyLock::new(|| {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/wasm-examples.sh");
    let built = Command::new(script).arg("gatewright-test-plugins").stderr(Stdio::inherit()).output().unwrap();
    assert!(built.status.success(), "the test plugins cannot be built");
    let modules = String::from_utf8(built.stdout).unwrap();
    let packed = modules.lines().map(PathBuf::from).map(|module| {
        let name = module.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, gatewright_pack::pack(&std::fs::read(&module).unwrap()).unwrap())
    });
    packed.collect()
});

/// One engine for all cases, which keeps what it compiled.
static ENGINE: LazyLock<WasmHost> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_TARGET_TMPDIR"), "/compiled");
    WasmHost::new(Some(folder.as_ref())).unwrap()
});

/// Everything built and compiled: a case has no time for it.
static COMPILED: LazyLock<()> = LazyLock::new(|| {
    run(async {
        for component in COMPONENTS.values() {
            ENGINE.introduce(component.clone()).await.unwrap();
        }
    });
});

// === impl Host ===

impl Host for Wasm {
    fn name(&self) -> &'static str {
        "wasm"
    }

    fn patience(&self) -> u32 {
        // Its calls have their turn millisecond by millisecond, on a machine that may be busy.
        4
    }

    fn load<'a>(
        &'a self,
        plugin: &'static TestPlugin,
        config: Json,
    ) -> BoxFuture<'a, Result<Arc<dyn Hosted>, Failure>> {
        // Cases about answers that are too large need the room to make them.
        let memory_bytes = 512 << 20;
        let options = Options { memory_bytes, view: Some(View::all()), ..granted() };
        Box::pin(async move {
            let component = COMPONENTS[plugin.name].clone();
            ENGINE.load(component, &config, options).await.map_err(|error| Failure::new(error.to_string()))
        })
    }
}

// What the cases do not say: what a component cannot do. What one that means ill does is in `hostile_components`.

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

#[test]
fn what_was_not_granted_is_not_linked() {
    run(async {
        let error = load("one_hook", serde_json::json!({}), Options::default()).await.err().unwrap();
        assert!(error.contains("`records` is not granted"), "{error}");
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
