use super::*;
use gatewright_engine::{Provider, Routing, Unpriced};
use gatewright_pipeline::{Entry, Instance, Settings};
use gatewright_plugin::hosted::link;
use gatewright_plugin::prelude::*;
use gatewright_testkit::services::MockServices;
use gatewright_testkit::{ScriptedAnswer, ScriptedProvider, request};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

/// Notes what it knows of each request.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<Facts>>>);

#[plugin]
impl Plugin for Notes {
    fn pre_llm(&self, cx: &mut Cx, _: &mut Draft<Request>) -> Result<PreLlm, Failure> {
        self.0.lock().unwrap().push(cx.facts().clone());
        Ok(PreLlm::Continue)
    }
}

/// Asks an LLM itself, each time it is asked.
struct Asks(Arc<LlmCalls>);

#[plugin]
impl Plugin for Asks {
    async fn check_input(&self, cx: &mut Cx, _: &Request) -> Result<Verdict, Failure> {
        self.0.complete(cx.facts(), asked(false)).await?;
        Ok(Verdict::Allow)
    }
}

/// What serves, and who is asked.
#[derive(Clone)]
struct Stage {
    provider: ScriptedProvider,
    plugins: Arc<Mutex<Arc<PluginSet>>>,
    tasks: TaskTracker,
}

fn asked(stream: bool) -> Request {
    let asked = request("scripted/m").user("hi");
    if stream { asked.stream().build() } else { asked.build() }
}

impl Stage {
    fn set() -> Self {
        let plugins = Arc::new(Mutex::new(Arc::new(PluginSet::empty())));
        Self { provider: ScriptedProvider::new("scripted"), plugins, tasks: TaskTracker::new() }
    }

    /// The LLM requests of a plugin.
    fn calls_of(&self, plugin: &str) -> LlmCalls {
        let stage = self.clone();
        let serving = move || {
            let providers: [Arc<dyn Provider>; 1] = [Arc::new(stage.provider.clone())];
            Some(Serving {
                plugins: stage.plugins.lock().unwrap().clone(),
                engine: Engine::new(Routing::new(providers, None, BTreeMap::new())),
                pricing: Arc::new(Unpriced),
                tasks: stage.tasks.clone(),
            })
        };
        LlmCalls::new(plugin, Arc::new(serving))
    }

    async fn stand(&self, plugins: impl IntoIterator<Item = (&str, Arc<dyn gatewright_plugin::hosted::Hosted>)>) {
        let mut entries = Vec::new();
        for (name, plugin) in plugins {
            let services = MockServices::default().services();
            let started = Instance::start(name, plugin, serde_json::Value::Null, services, None, None).await;
            let settings = Settings { failure_mode: Some(FailureMode::Closed), ..Settings::default() };
            entries.push(Entry { instance: started.unwrap(), settings });
        }
        *self.plugins.lock().unwrap() = Arc::new(PluginSet::compile(1, entries).unwrap());
    }
}

fn at_depth(depth: u32) -> Facts {
    Facts { request_id: "r-1".to_owned(), user_id: "ann".to_owned(), depth, ..Facts::default() }
}

#[tokio::test]
async fn a_plugin_is_answered_by_the_provider_it_names() {
    let stage = Stage::set();
    let answer = stage.calls_of("it").complete(&at_depth(0), asked(false)).await.unwrap();
    assert_eq!(answer.chat().unwrap().choices[0].message.joined_text(), "ok");
    assert_eq!(stage.provider.calls()[0].request.model, "m");
}

#[tokio::test]
async fn requests_nest_only_so_deep() {
    let stage = Stage::set();
    let calls = stage.calls_of("it");
    for depth in 0..MAX_LLM_DEPTH {
        assert!(calls.complete(&at_depth(depth), asked(false)).await.is_ok(), "{depth}");
    }
    let error = calls.complete(&at_depth(MAX_LLM_DEPTH), asked(false)).await.unwrap_err();
    assert_eq!((error.kind, error.plugin.as_deref()), (ErrorKind::InvalidRequest, Some("it")));
    assert_eq!(error.message, "LLM requests of plugins nest at most 3 deep");
    assert_eq!(stage.provider.calls().len(), MAX_LLM_DEPTH as usize, "and then nobody is asked");
}

#[tokio::test]
async fn several_plugins_may_ask_and_none_is_called_in_what_comes_of_it() {
    let stage = Stage::set();
    let two = ["a", "b"].map(|name| (name, link(Asks(Arc::new(stage.calls_of(name))))));
    stage.stand(two).await;
    stage.calls_of("outside").complete(&at_depth(0), asked(false)).await.unwrap();
    // `a` asks, and in its request `b`; then `b` asks, and in its request `a`.
    assert_eq!(stage.provider.calls().len(), 5);
    stage.calls_of("a").complete(&at_depth(0), asked(false)).await.unwrap();
    assert_eq!(stage.provider.calls().len(), 7, "only `b` asks in a request of `a`");
}

#[tokio::test]
async fn more_plugins_that_ask_than_may_nest_fail_and_come_to_an_end() {
    let stage = Stage::set();
    let names = ["a", "b", "c", "d"];
    stage.stand(names.map(|name| (name, link(Asks(Arc::new(stage.calls_of(name))))))).await;
    let error = stage.calls_of("outside").complete(&at_depth(0), asked(false)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::PluginUnavailable, "{error}");
    assert!(stage.provider.calls().is_empty());
}

#[tokio::test]
async fn a_plugin_is_not_called_in_a_request_of_its_own_making() {
    let stage = Stage::set();
    let (own, other) = (Notes::default(), Notes::default());
    stage.stand([("own", link(own.clone())), ("other", link(other.clone()))]).await;
    stage.calls_of("own").complete(&at_depth(1), asked(false)).await.unwrap();
    assert!(own.0.lock().unwrap().is_empty());
    let seen = other.0.lock().unwrap().clone();
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].depth, seen[0].user_id.as_str(), seen[0].request_id.as_str()), (2, "ann", "r-1"));
    assert_eq!((seen[0].provider.as_str(), seen[0].model.as_str()), ("scripted", "m"));
}

#[tokio::test]
async fn a_stream_is_refused_before_anybody_is_asked() {
    let stage = Stage::set();
    let error = stage.calls_of("it").complete(&at_depth(0), asked(true)).await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::InvalidRequest, "a plugin's LLM request cannot be streamed")
    );
    assert!(stage.provider.calls().is_empty());
}

#[tokio::test]
async fn an_error_of_the_provider_is_the_plugins_to_handle() {
    let stage = Stage::set();
    stage.provider.push(ScriptedAnswer::error(ErrorKind::RateLimit, "slow down"));
    let error = stage.calls_of("it").complete(&at_depth(0), asked(false)).await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::RateLimit, "slow down"));
}

#[tokio::test]
async fn nobody_is_asked_while_nothing_serves() {
    let calls = LlmCalls::new("it", Arc::new(|| None));
    assert_eq!(calls.complete(&at_depth(0), asked(false)).await.unwrap_err().kind, ErrorKind::Overloaded);
}

#[tokio::test]
async fn so_many_are_under_way_and_others_wait() {
    let stage = Stage::set();
    let calls = stage.calls_of("it");
    let many = u32::try_from(MAX_UNDER_WAY).unwrap();
    let all = calls.places[0].clone().acquire_many_owned(many).await.unwrap();
    let facts = at_depth(0);
    let mut waits = Box::pin(calls.complete(&facts, asked(false)));
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut waits).await.is_err(), "all places are taken");
    // Else what one waits for could wait for it.
    assert!(calls.complete(&at_depth(1), asked(false)).await.is_ok());
    drop(all);
    assert!(waits.await.is_ok());
    stage.tasks.close();
    stage.tasks.wait().await;
    assert_eq!(calls.places[0].available_permits(), MAX_UNDER_WAY);
}
