//! A host that does not keep to the contract: its answers are malformed, and nothing of them is kept.

#![expect(clippy::unwrap_used, reason = "a test")]

use gatewright_pipeline::{Entry, Exchange, Instance, PluginSet, Settings};
use gatewright_plugin::hosted::{Call, CallRef, Hosted, Reply, Returned, point};
use gatewright_plugin::payload::Shutdown;
use gatewright_plugin::services::BoxFuture;
use gatewright_plugin::{Cx, Draft, Facts, FailureMode, Hook, HookSet, Manifest, PreLlm, Value};
use gatewright_testkit::{request, services::MockServices};
use std::sync::Arc;

struct Liar {
    manifest: Manifest,
    immediate: HookSet,
    /// What it gives back of a call.
    gives_back: fn(Call) -> Call,
    answers: fn() -> Reply,
}

impl Hosted for Liar {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn hooks(&self) -> HookSet {
        HookSet::of(&[Hook::PreLlm])
    }

    fn immediate(&self) -> HookSet {
        self.immediate
    }

    fn call_now(&self, cx: &mut Cx, call: CallRef<'_>) -> Reply {
        cx.set("trace", true).unwrap();
        if let CallRef::PreLlm(request) = call {
            request.edit().model = "edited".to_owned();
        }
        (self.answers)()
    }

    fn call(self: Arc<Self>, mut cx: Cx, mut call: Call) -> BoxFuture<'static, Returned> {
        cx.set("trace", true).unwrap();
        if let Call::PreLlm(request) = &mut call {
            request.edit().model = "edited".to_owned();
        }
        let returned = Returned { cx, call: (self.gives_back)(call), reply: (self.answers)() };
        Box::pin(std::future::ready(returned))
    }
}

/// Takes a request through `pre_llm` of the liar.
async fn is_malformed(immediate: bool, gives_back: fn(Call) -> Call, answers: fn() -> Reply) {
    let immediate = if immediate { HookSet::ALL } else { HookSet::EMPTY };
    let liar = Arc::new(Liar { manifest: Manifest::new("liar", "0.1.0"), immediate, gives_back, answers });
    let services = MockServices::default().services();
    let instance = Instance::start("liar", liar, serde_json::Value::Null, services, None, None).await.unwrap();
    let settings = Settings { failure_mode: Some(FailureMode::Closed), ..Settings::default() };
    let set = PluginSet::compile(1, vec![Entry { instance, settings }]).unwrap();
    let mut exchange = Exchange::new(Arc::new(set), Facts::default());
    let mut payload = Draft::from(request("m").user("hello").build());
    let fault = exchange.run::<point::PreLlm>(&mut payload).await.unwrap_err();
    assert_eq!(fault.failure.cause(), "malformed");
    assert_eq!(payload.model, "m", "its edit is given up");
    assert_eq!(exchange.state().get("trace"), None::<&Value>, "what it wrote is given up");
}

#[tokio::test]
async fn an_answer_to_another_hook() {
    is_malformed(false, |call| call, || Reply::OnShutdown(())).await;
    is_malformed(true, |call| call, || Reply::OnShutdown(())).await;
}

#[tokio::test]
async fn another_hooks_payload() {
    is_malformed(false, |_| Call::OnShutdown(Shutdown), || Reply::PreLlm(PreLlm::Continue)).await;
}
