use super::*;
use crate::call::{LlmCall, Reply};
use crate::engine::Engine;
use crate::price::Unpriced;
use crate::provider::{Answer, AttemptCall, Provider};
use crate::routing::Routing;
use gatewright_model::{Chat, Codec, Request};
use gatewright_pipeline::{Entry, Instance, PluginSet, Settings};
use gatewright_plugin::hosted::link;
use gatewright_plugin::prelude::{Cx, Failure, Plugin, plugin};
use gatewright_plugin::services::BoxFuture;
use gatewright_plugin::{Facts, hosted::Hosted};
use gatewright_testkit::services::MockServices;
use http::HeaderMap;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio_util::task::TaskTracker;

/// A provider that takes all the time there is, and then fails.
struct Slow;

impl Provider for Slow {
    fn name(&self) -> &str {
        "slow"
    }

    fn codec(&self) -> &'static dyn Codec {
        &gatewright_dialects::OPENAI
    }

    fn models(&self) -> Vec<String> {
        Vec::new()
    }

    fn attempt(&self, call: AttemptCall) -> BoxFuture<'_, Result<Answer, LlmError>> {
        Box::pin(async move {
            tokio::time::sleep_until(call.deadline.unwrap().into()).await;
            Err(late())
        })
    }
}

/// Puts an answer in the place of an error.
struct Apologetic;

#[plugin]
impl Plugin for Apologetic {
    fn post_llm(&self, _: &mut Cx, result: &mut Draft<LlmResult>) -> Result<PostLlm, Failure> {
        if result.error().is_some() {
            result.replace(LlmResult::Response(Response::of_text("p", "m", "sorry")));
        }
        Ok(PostLlm::Continue)
    }
}

async fn entry(plugin: Arc<dyn Hosted>, settings: Settings) -> Entry {
    let services = MockServices::default().services();
    let started = Instance::start("it", plugin, serde_json::Value::Null, services, None, None).await;
    Entry { instance: started.unwrap(), settings }
}

/// The texts of an answer that a client gets of the slow provider, as a stream or whole, in so much time.
async fn texts(plugins: Vec<Entry>, stream: bool, time: Duration) -> Result<String, LlmError> {
    let engine = Engine::new(Routing::new([Arc::new(Slow) as Arc<dyn Provider>], None, BTreeMap::new()));
    let (set, began) = (Arc::new(PluginSet::compile(1, plugins).unwrap()), Instant::now());
    let facts = Facts { deadline: Some(began + time), ..Facts::default() };
    let mut life = Lifecycle::open(set, facts, began, Arc::new(Unpriced), TaskTracker::new());
    let request = Request::from_chat("slow/m", stream, Chat::default());
    let call = LlmCall { request, headers: HeaderMap::new(), dialect: None, needs_events: true };
    let mut chunks = Vec::new();
    match engine.run(&mut life, call).await?.reply {
        Reply::Whole(response) => chunks = replay(&response).unwrap(),
        Reply::Chunks(mut driver) => {
            while let Some(chunk) = driver.next(&mut life).await {
                chunks.push(chunk?);
            }
        }
        Reply::Bytes(_) => panic!("it needs the events"),
    }
    Ok(chunks.iter().flat_map(Chunk::parts).filter_map(text_of).collect())
}

fn text_of(part: &Part) -> Option<&str> {
    match part {
        Part::Text { text, .. } => Some(text),
        _ => None,
    }
}

#[tokio::test]
async fn what_is_recovered_when_the_time_is_over_reaches_the_client_whole_and_streamed() {
    for stream in [false, true] {
        let plugins = vec![entry(link(Apologetic), Settings::default()).await];
        assert_eq!(texts(plugins, stream, Duration::from_millis(20)).await, Ok("sorry".to_owned()), "{stream}");
    }
}
