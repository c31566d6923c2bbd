use super::*;
use crate::logged::Logged;
use crate::price::Unpriced;
use gatewright_pipeline::{Entry, Instance, Settings};
use gatewright_plugin::hosted::{Hosted, link};
use gatewright_plugin::prelude::*;
use gatewright_testkit::services::MockServices;
use std::sync::Mutex;

/// Notes what it is told at the end.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Noted>>);

#[derive(Default)]
struct Noted {
    calls: Vec<String>,
    summaries: Vec<RequestSummary>,
    errors: Vec<ErrorKind>,
}

#[plugin]
impl Plugin for Notes {
    fn pre_llm(&self, _: &mut Cx, _: &mut Draft<Request>) -> Result<PreLlm, Failure> {
        Ok(PreLlm::Continue)
    }

    fn post_llm(&self, _: &mut Cx, result: &mut Draft<LlmResult>) -> Result<PostLlm, Failure> {
        let mut noted = self.0.lock().unwrap();
        noted.calls.push("post_llm".to_owned());
        noted.errors.extend(result.error().map(|error| error.kind));
        Ok(PostLlm::Continue)
    }

    fn on_error(&self, _: &mut Cx, error: &LlmError) -> Result<(), Failure> {
        self.0.lock().unwrap().calls.push(format!("on_error: {error}"));
        Ok(())
    }

    fn post_request(&self, cx: &mut Cx, summary: &RequestSummary) -> Result<(), Failure> {
        cx.metadata("counted", true);
        self.note("post_request", summary)
    }

    async fn request_end(&self, _: &mut Cx, summary: &RequestSummary) -> Result<(), Failure> {
        self.note("request_end", summary)
    }
}

impl Notes {
    fn note(&self, hook: &str, summary: &RequestSummary) -> Result<(), Failure> {
        let mut noted = self.0.lock().unwrap();
        noted.calls.push(hook.to_owned());
        noted.summaries.push(summary.clone());
        Ok(())
    }

    fn calls(&self) -> Vec<String> {
        self.0.lock().unwrap().calls.clone()
    }

    /// What both hooks at the end were told.
    fn summary(&self) -> RequestSummary {
        let noted = self.0.lock().unwrap();
        let [first, last] = noted.summaries.as_slice() else { panic!("{:?}", noted.calls) };
        assert_eq!((first.status, first.http_status, first.latency), (last.status, last.http_status, last.latency));
        last.clone()
    }
}

/// A dollar for each token.
struct Dear;

impl Pricing for Dear {
    fn cost(&self, _: &str, model: &str, usage: &Usage) -> Option<f64> {
        (model == "priced").then_some(usage.total_tokens() as f64)
    }
}

/// A request in the middle, with one plugin that notes.
struct Scene {
    notes: Notes,
    tasks: TaskTracker,
    life: Lifecycle,
}

impl Scene {
    async fn set() -> Self {
        let notes = Notes::default();
        let (life, tasks) = open("notes", link(notes.clone()), Settings::default()).await;
        Self { notes, tasks, life }
    }

    /// Ends the request in this way, and waits until all is closed.
    async fn end(self, how: impl FnOnce(Lifecycle)) -> Notes {
        how(self.life);
        until_closed(self.tasks).await;
        self.notes
    }
}

/// A request with one plugin.
async fn open(name: &str, plugin: Arc<dyn Hosted>, settings: Settings) -> (Lifecycle, TaskTracker) {
    let services = MockServices::default().services();
    let started = Instance::start(name, plugin, serde_json::Value::Null, services, None, None);
    let entry = Entry { instance: started.await.unwrap(), settings };
    let set = PluginSet::compile(1, vec![entry]).unwrap();
    let (tasks, facts) = (TaskTracker::new(), Facts { request_id: "r-1".to_owned(), ..Facts::default() });
    (Lifecycle::open(Arc::new(set), facts, Instant::now(), Arc::new(Dear), tasks.clone()), tasks)
}

async fn until_closed(tasks: TaskTracker) {
    tasks.close();
    tasks.wait().await;
}

#[tokio::test]
async fn a_request_that_is_finished_is_closed_once() {
    let notes = Scene::set().await.end(|life| life.finish(200)).await;
    assert_eq!(notes.calls(), ["post_request", "request_end"]);
    let summary = notes.summary();
    assert_eq!((summary.status, summary.http_status), (RequestStatus::Success, 200));
    assert!(summary.error.is_none());
}

#[tokio::test]
async fn a_request_that_is_dropped_was_cancelled_and_is_closed_once() {
    let notes = Scene::set().await.end(drop).await;
    assert_eq!(notes.calls(), ["post_request", "request_end"], "nobody gets an error");
    let summary = notes.summary();
    assert_eq!((summary.status, summary.http_status), (RequestStatus::Cancelled, 499));
    assert_eq!(summary.error.unwrap().kind, ErrorKind::Cancelled);
}

#[tokio::test]
async fn an_open_attempt_is_closed_with_the_error_and_only_once() {
    let mut scene = Scene::set().await;
    let mut request = Draft::from(Request::from_chat("m", false, Default::default()));
    scene.life.request().exchange.enter::<point::PreLlm>(Round::Attempt, &mut request).await.unwrap();
    let notes = scene.end(drop).await;
    assert_eq!(notes.calls(), ["post_llm", "post_request", "request_end"]);
    assert_eq!(notes.0.lock().unwrap().errors, [ErrorKind::Cancelled]);
}

/// Fails as its attempt is closed.
struct NoDisk;

#[plugin]
impl Plugin for NoDisk {
    fn post_llm(&self, _: &mut Cx, _: &mut Draft<LlmResult>) -> Result<PostLlm, Failure> {
        Err("no disk".into())
    }
}

#[tokio::test]
async fn what_fails_as_a_request_is_closed_is_logged_whatever_its_mode() {
    let words = [(FailureMode::Open, "goes on without it"), (FailureMode::Closed, "was already decided")];
    for (failure_mode, then) in words {
        let logged = Logged::from_now_on();
        let settings = Settings { failure_mode: Some(failure_mode), ..Settings::default() };
        let (mut life, tasks) = open("it", link(NoDisk), settings).await;
        let mut request = Draft::from(Request::from_chat("m", false, Default::default()));
        life.request().exchange.enter::<point::PreLlm>(Round::Attempt, &mut request).await.unwrap();
        drop(life);
        until_closed(tasks).await;
        let fields = r#"plugin=it hook="post_llm" request_id=r-1 cause="error" error="no disk""#;
        assert_eq!(logged.lines(), [format!("WARN plugin failed: the request {then} {fields}")]);
    }
}

#[tokio::test]
async fn the_first_error_is_the_one_that_is_told() {
    let mut scene = Scene::set().await;
    scene.life.fail(&LlmError::new(ErrorKind::RateLimit, "first"));
    scene.life.fail(&LlmError::new(ErrorKind::Internal, "second"));
    let notes = scene.end(|life| life.finish(429)).await;
    assert_eq!(notes.calls(), ["on_error: first", "post_request", "request_end"]);
    let summary = notes.summary();
    assert_eq!((summary.status, summary.http_status), (RequestStatus::Error, 429));
    assert_eq!(summary.error.unwrap().message, "first");
}

#[tokio::test]
async fn an_error_stays_one_although_the_client_went_away_with_it() {
    let mut scene = Scene::set().await;
    scene.life.fail(&LlmError::new(ErrorKind::Upstream, "broken"));
    let notes = scene.end(drop).await;
    assert_eq!(notes.summary().status, RequestStatus::Error);
}

#[tokio::test]
async fn a_block_is_no_error_of_anybody() {
    let mut scene = Scene::set().await;
    scene.life.fail(&LlmError::new(ErrorKind::GuardrailBlocked, "no"));
    assert_eq!(scene.end(|life| life.finish(403)).await.summary().status, RequestStatus::GuardrailBlocked);
}

#[tokio::test]
async fn what_was_learned_on_the_way_is_summed_up() {
    let mut scene = Scene::set().await;
    let usage = Usage { input_tokens: 2, output_tokens: 3, ..Usage::default() };
    scene.life.request().progress = Progress {
        provider: "openai".to_owned(),
        model: "priced".to_owned(),
        attempts: 2,
        stream: true,
        usage: Some(usage),
        finish: Some(FinishReason::Length),
        first_token: Some(Duration::from_millis(7)),
        overhead: Duration::from_micros(9),
        ..Progress::default()
    };
    let summary = scene.end(|life| life.finish(200)).await.summary();
    assert_eq!((summary.provider.as_str(), summary.model.as_str(), summary.attempts), ("openai", "priced", 2));
    assert_eq!((summary.usage, summary.cost, summary.priced), (Some(usage), 5.0, true));
    assert_eq!(summary.finish_reason.as_deref(), Some("length"));
    assert_eq!((summary.stream, summary.time_to_first_token), (true, Some(Duration::from_millis(7))));
    assert_eq!(summary.overhead, Duration::from_micros(9));
}

#[tokio::test]
async fn what_the_provider_counted_stays_although_a_plugin_put_another_answer_in_its_place() {
    let mut scene = Scene::set().await;
    let body = r#"{"choices":[],"usage":{"prompt_tokens":2,"completion_tokens":3}}"#;
    let came = Response::from_wire(Kind::Chat, "p", "m", &gatewright_dialects::OPENAI, body.into());
    scene.life.request().note(&came);
    scene.life.request().note(&Response::of_text("p", "m", "another"));
    let usage = Usage { input_tokens: 2, output_tokens: 3, ..Usage::default() };
    assert_eq!(scene.end(|life| life.finish(200)).await.summary().usage, Some(usage));
}

#[tokio::test]
async fn what_attempts_used_adds_up() {
    let usage = Usage { input_tokens: 2, output_tokens: 3, ..Usage::default() };
    for (first, cost, priced) in [("priced", 10.0, true), ("another", 5.0, false)] {
        let mut scene = Scene::set().await;
        for model in [first, "priced"] {
            let open = scene.life.request();
            open.spend();
            (open.progress.model, open.progress.usage) = (model.to_owned(), Some(usage));
        }
        let summary = scene.end(|life| life.finish(200)).await.summary();
        assert_eq!(summary.usage, Some(Usage { input_tokens: 4, output_tokens: 6, ..usage }));
        assert_eq!((summary.cost, summary.priced), (cost, priced), "{first}");
    }
}

#[tokio::test]
async fn what_has_no_price_or_no_usage_costs_nothing_and_says_so() {
    let mut scene = Scene::set().await;
    scene.life.request().progress.usage = Some(Usage { input_tokens: 2, ..Usage::default() });
    let summary = scene.end(|life| life.finish(200)).await.summary();
    assert_eq!((summary.cost, summary.priced), (0.0, false));
}

#[tokio::test]
async fn the_last_hook_sees_what_the_one_before_attached() {
    let notes = Scene::set().await.end(|life| life.finish(200)).await;
    let kept = notes.summary().metadata;
    assert_eq!(kept.len(), 1);
    assert_eq!(
        (&*kept[0].plugin, kept[0].hook, &kept[0].metadata["counted"]),
        ("notes", Hook::PostRequest, &true.into())
    );
}

#[tokio::test]
async fn a_request_without_plugins_leaves_nothing_to_do() {
    let tasks = TaskTracker::new();
    for finished in [true, false] {
        let set = Arc::new(PluginSet::empty());
        let mut life = Lifecycle::open(set, Facts::default(), Instant::now(), Arc::new(Unpriced), tasks.clone());
        life.fail(&LlmError::new(ErrorKind::Internal, "no"));
        match finished {
            true => life.finish(500),
            false => drop(life),
        }
    }
    assert!(tasks.is_empty());
}

#[test]
fn a_request_that_is_dropped_outside_of_the_runtime_does_no_harm() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let scene = runtime.block_on(Scene::set());
    drop(scene.life);
    assert!(scene.notes.calls().is_empty() && scene.tasks.is_empty());
}
