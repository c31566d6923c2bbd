use super::*;
use crate::engine::Engine;
use crate::price::Unpriced;
use gatewright_model::{Chat, Codec, Message, Role};
use gatewright_pipeline::{Entry, Instance, Judged, PluginSet, Probe, Scope, Settings};
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

    fn fell_back(&self, provider: &str) {
        self.0.lock().unwrap().push(format!("{provider}: fell back"));
    }
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
    let request = Request::from_chat("silent/m", false, Chat::default());
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

/// A provider that fails each attempt.
struct Broken(&'static str);

impl Provider for Broken {
    fn name(&self) -> &str {
        self.0
    }

    fn codec(&self) -> &'static dyn Codec {
        &gatewright_dialects::OPENAI
    }

    fn models(&self) -> Vec<String> {
        Vec::new()
    }

    fn attempt(&self, _: AttemptCall) -> BoxFuture<'_, Result<Answer, LlmError>> {
        Box::pin(std::future::ready(Err(LlmError::new(ErrorKind::Upstream, "it broke"))))
    }
}

/// What becomes of the attempt at the provider `other`.
#[derive(Clone, Copy)]
enum Turn {
    Stays,
    Moves,
    IsAnswered,
    IsBlocked,
}

#[plugin]
impl Plugin for Turn {
    fn check_input(&self, _: &mut Cx, _: &Request) -> Result<Verdict, Failure> {
        Ok(if matches!(self, Self::IsBlocked) { Verdict::block("no") } else { Verdict::Allow })
    }

    fn pre_llm(&self, _: &mut Cx, request: &mut Draft<Request>) -> Result<PreLlm, Failure> {
        match self {
            Self::Moves => request.edit().provider = Some("third".to_owned()),
            Self::IsAnswered => return Ok(PreLlm::Respond(Box::new(Response::of_text("p", "m", "by the plugin")))),
            Self::Stays | Self::IsBlocked => {}
        }
        Ok(PreLlm::Continue)
    }
}

#[tokio::test]
async fn a_fallback_is_an_attempt_at_the_provider_that_is_asked() {
    let failed = |name| format!("{name}: Some(Upstream), 0 retries");
    let fell_back = |name| format!("{name}: fell back");
    for (turn, then) in [
        (Turn::Stays, vec![fell_back("other"), failed("other")]),
        (Turn::Moves, vec![fell_back("third"), failed("third")]),
        (Turn::IsAnswered, Vec::new()),
        (Turn::IsBlocked, Vec::new()),
    ] {
        let services = MockServices::default().services();
        let started = Instance::start("turn", link(turn), serde_json::Value::Null, services, None, None);
        let scope = Scope { models: vec!["other/m".to_owned()], ..Scope::default() };
        let entry = Entry { instance: started.await.unwrap(), settings: Settings { scope, ..Settings::default() } };
        let set = Arc::new(PluginSet::compile(1, vec![entry]).unwrap());
        let providers = ["first", "other", "third"].map(|name| Arc::new(Broken(name)) as Arc<dyn Provider>);
        let fallbacks = BTreeMap::from([("*".to_owned(), vec!["other/m".to_owned()])]);
        let notes = Notes::default();
        let watch: Option<Arc<dyn AttemptWatch>> = Some(Arc::new(notes.clone()));
        let engine = Engine { watch, ..Engine::new(Routing::new(providers, None, fallbacks)) };
        let mut life = Lifecycle::open(set, Facts::default(), Instant::now(), Arc::new(Unpriced), TaskTracker::new());
        let messages = vec![Message::text(Role::User, "hello")].into();
        let request = Request::from_chat("first/m", false, Chat { messages, ..Chat::default() });
        let call = LlmCall { request, headers: HeaderMap::new(), dialect: None, needs_events: false };
        let _ = engine.run(&mut life, call).await;
        assert_eq!(*notes.0.lock().unwrap(), [vec![failed("first")], then].concat());
    }
}
