use super::*;
use crate::engine::Engine;
use crate::price::Unpriced;
use gatewright_model::Codec;
use gatewright_pipeline::{Entry, Instance, Judged, PluginSet, Probe, Settings};
use gatewright_plugin::Facts;
use gatewright_plugin::hosted::link;
use gatewright_plugin::prelude::{Cx, Failure, Plugin, Verdict, plugin};
use gatewright_plugin::services::BoxFuture;
use gatewright_testkit::services::MockServices;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;
use tokio_util::task::TaskTracker;

/// A provider that never answers.
struct Silent;

impl Provider for Silent {
    fn name(&self) -> &str {
        "silent"
    }

    fn codec(&self) -> &'static dyn Codec {
        &gatewright_dialects::OPENAI
    }

    fn models(&self) -> Vec<String> {
        Vec::new()
    }

    fn attempt(&self, _: AttemptCall) -> BoxFuture<'_, Result<Answer, LlmError>> {
        Box::pin(std::future::pending())
    }
}

/// A plugin that never answers, if it is asked to.
struct Slow(bool);

#[plugin]
impl Plugin for Slow {
    async fn check_input(&self, _: &mut Cx, _: &Request) -> Result<Verdict, Failure> {
        match self.0 {
            true => std::future::pending().await,
            false => Ok(Verdict::Allow),
        }
    }
}

/// Notes what it is told.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl AttemptWatch for Notes {
    fn attempted(&self, provider: &str, error: Option<ErrorKind>, retries: u32) {
        self.0.lock().unwrap().push(format!("{provider}: {error:?}, {retries} retries"));
    }

    fn fell_back(&self, _: &str) {}
}

impl Probe for Notes {
    fn called(&self, hook: Hook, judged: Judged, _: Duration) {
        self.0.lock().unwrap().push(format!("{hook}: {judged:?}"));
    }
}

/// What is told of a request whose client goes away.
async fn told_of_a_request_that_is_cut_off(slow: bool) -> Vec<String> {
    let notes = Notes::default();
    let (services, probe) = (MockServices::default().services(), Arc::new(notes.clone()));
    let started = Instance::start("slow", link(Slow(slow)), serde_json::Value::Null, services, Some(probe), None);
    let entry = Entry { instance: started.await.unwrap(), settings: Settings::default() };
    let set = Arc::new(PluginSet::compile(1, vec![entry]).unwrap());
    let routing = Routing::new([Arc::new(Silent) as Arc<dyn Provider>], None, BTreeMap::new());
    let engine = Engine { watch: Some(Arc::new(notes.clone())), ..Engine::new(routing) };
    let mut life = Lifecycle::open(set, Facts::default(), Instant::now(), Arc::new(Unpriced), TaskTracker::new());
    let request = Request::from_chat("silent/m", false, gatewright_model::Chat::default());
    let call = LlmCall { request, headers: HeaderMap::new(), dialect: None, needs_events: false };
    let ran = tokio::time::timeout(Duration::from_millis(50), engine.run(&mut life, call)).await;
    assert!(ran.is_err(), "nobody answers");
    notes.0.lock().unwrap().clone()
}

#[tokio::test]
async fn an_attempt_that_is_cut_off_is_told_of_once() {
    let told = told_of_a_request_that_is_cut_off(false).await;
    assert_eq!(told, ["check_input: Ok", "silent: Some(Cancelled), 0 retries"]);
}

#[tokio::test]
async fn a_hook_that_is_cut_off_is_told_of_once() {
    assert_eq!(told_of_a_request_that_is_cut_off(true).await, ["check_input: CutOff"]);
}
