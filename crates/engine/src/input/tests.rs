use crate::call::LlmCall;
use crate::engine::Engine;
use crate::lifecycle::Lifecycle;
use crate::price::Unpriced;
use crate::provider::{Answer, AttemptCall, Provider};
use crate::routing::Routing;
use gatewright_model::{Chat, Codec, ErrorKind, LlmError, Request};
use gatewright_pipeline::{Entry, Instance, PluginSet, Settings};
use gatewright_plugin::Facts;
use gatewright_plugin::hosted::link;
use gatewright_plugin::prelude::{Cx, Draft, Failure, Plugin, PreLlm, Verdict, plugin};
use gatewright_plugin::services::BoxFuture;
use gatewright_testkit::services::MockServices;
use http::HeaderMap;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio_util::task::TaskTracker;

/// Notes where each hook sees that the request goes.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn note(&self, hook: &str, request: &Request) {
        let (provider, model) = (request.provider.as_deref().unwrap_or("nobody"), &request.model);
        self.0.lock().unwrap().push(format!("{hook}: {model} of {provider}"));
    }
}

#[plugin]
impl Plugin for Seen {
    fn pre_request(&self, _: &mut Cx, request: &Request) -> Result<(), Failure> {
        self.note("pre_request", request);
        Ok(())
    }

    fn check_input(&self, _: &mut Cx, request: &Request) -> Result<Verdict, Failure> {
        self.note("check_input", request);
        Ok(Verdict::Allow)
    }

    fn pre_llm(&self, _: &mut Cx, request: &mut Draft<Request>) -> Result<PreLlm, Failure> {
        self.note("pre_llm", request);
        Ok(PreLlm::Continue)
    }
}

/// A provider that lists `gpt-4o` and answers nobody.
struct Listing;

impl Provider for Listing {
    fn name(&self) -> &str {
        "openai"
    }

    fn codec(&self) -> &'static dyn Codec {
        &gatewright_dialects::OPENAI
    }

    fn models(&self) -> Vec<String> {
        vec!["gpt-4o".to_owned()]
    }

    fn attempt(&self, _: AttemptCall) -> BoxFuture<'_, Result<Answer, LlmError>> {
        Box::pin(std::future::ready(Err(LlmError::new(ErrorKind::Upstream, "nobody is there"))))
    }
}

#[tokio::test]
async fn guards_see_where_a_request_goes_however_it_was_asked_for() {
    for asked in ["openai/gpt-4o", "gpt-4o"] {
        let (seen, services) = (Seen::default(), MockServices::default().services());
        let started = Instance::start("seen", link(seen.clone()), serde_json::Value::Null, services, None, None);
        let entry = Entry { instance: started.await.unwrap(), settings: Settings::default() };
        let set = Arc::new(PluginSet::compile(1, vec![entry]).unwrap());
        let engine = Engine::new(Routing::new([Arc::new(Listing) as Arc<dyn Provider>], None, BTreeMap::new()));
        let mut life = Lifecycle::open(set, Facts::default(), Instant::now(), Arc::new(Unpriced), TaskTracker::new());
        let request = Request::from_chat(asked, false, Chat::default());
        let call = LlmCall { request, headers: HeaderMap::new(), dialect: None, needs_events: false };
        assert!(engine.run(&mut life, call).await.is_err(), "nobody answers");
        let expected = ["pre_request", "check_input", "pre_llm"].map(|hook| format!("{hook}: gpt-4o of openai"));
        assert_eq!(*seen.0.lock().unwrap(), expected, "{asked}");
    }
}
