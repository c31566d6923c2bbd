use super::*;
use crate::call::{LlmCall, Reply};
use crate::engine::Engine;
use crate::logged::Logged;
use crate::price::Unpriced;
use crate::provider::{Answer, AttemptCall, Provider};
use crate::routing::Routing;
use gatewright_model::{Block, Channel, Chat, Codec, Request, Role};
use gatewright_pipeline::{Entry, Instance, Judged, PluginSet, Probe, Settings};
use gatewright_plugin::hosted::link;
use gatewright_plugin::prelude::{ChunkSource, ChunkStream, Cx, Failure, Message, Plugin, PreLlm, plugin};
use gatewright_plugin::services::BoxFuture;
use gatewright_plugin::{Facts, StreamMode, hosted::Hosted};
use gatewright_testkit::poll_once;
use gatewright_testkit::services::MockServices;
use http::HeaderMap;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Mutex;
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

/// Answers with a stream that says no more after its first word.
struct Stuck;

struct OneWord(bool);

#[plugin]
impl Plugin for Stuck {
    fn pre_llm(&self, _: &mut Cx, _: &mut Draft<Request>) -> Result<PreLlm, Failure> {
        Ok(PreLlm::Stream(ChunkStream::new(OneWord(false))))
    }
}

impl ChunkSource for OneWord {
    fn next_chunk(&mut self) -> BoxFuture<'_, Option<Result<Chunk, LlmError>>> {
        match std::mem::replace(&mut self.0, true) {
            false => Box::pin(std::future::ready(Some(Ok(Chunk::text(Channel::TEXT, "one"))))),
            true => Box::pin(std::future::pending()),
        }
    }
}

/// Notes how calls were judged.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<(Hook, Judged)>>>);

impl Probe for Notes {
    fn called(&self, hook: Hook, judged: Judged, _: Duration) {
        self.0.lock().unwrap().push((hook, judged));
    }
}

async fn entry(plugin: Arc<dyn Hosted>, settings: Settings, probe: &Notes) -> Entry {
    let (services, probe) = (MockServices::default().services(), Arc::new(probe.clone()));
    let started = Instance::start("it", plugin, serde_json::Value::Null, services, Some(probe), None).await;
    Entry { instance: started.unwrap(), settings }
}

/// The texts of an answer that a client gets, as a stream or whole, in so much time.
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
        let plugins = vec![entry(link(Apologetic), Settings::default(), &Notes::default()).await];
        assert_eq!(texts(plugins, stream, Duration::from_millis(20)).await, Ok("sorry".to_owned()), "{stream}");
    }
}

/// Of an answer of [`Stuck`], with this time for each chunk: the error, how calls were judged, and the log.
async fn stuck(timeout: Duration, time: Duration) -> (LlmError, Vec<(Hook, Judged)>, Vec<String>) {
    let (notes, logged) = (Notes::default(), Logged::from_now_on());
    let settings = Settings { timeout: Some(timeout), ..Settings::default() };
    let error = texts(vec![entry(link(Stuck), settings, &notes).await], true, time).await.unwrap_err();
    let judged = notes.0.lock().unwrap().clone();
    (error, judged, logged.lines())
}

#[tokio::test]
async fn a_plugins_stream_lasts_no_longer_than_the_request_which_is_not_its_fault() {
    let began = Instant::now();
    let (error, judged, logged) = stuck(Duration::from_secs(20), Duration::from_millis(20)).await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Timeout, Some("deadline_exceeded")));
    assert_eq!((judged, logged), (vec![(Hook::PreLlm, Judged::Ok)], Vec::new()));
}

#[tokio::test]
async fn a_plugins_stream_that_takes_too_long_is_logged_and_counted() {
    let (error, judged, logged) = stuck(Duration::from_millis(20), Duration::from_secs(20)).await;
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::PluginUnavailable, Some("timeout")));
    assert_eq!(judged, [(Hook::PreLlm, Judged::Ok), (Hook::PreLlm, Judged::Failed("timeout"))]);
    let told = r#"WARN a plugin's stream failed plugin=it cause="timeout" error="timed out: each chunk may take 20ms""#;
    assert_eq!(logged, [told]);
}

#[tokio::test]
async fn a_stream_that_says_nothing_gives_others_their_turn() {
    let set = Arc::new(PluginSet::empty());
    let mut life = Lifecycle::open(set, Facts::default(), Instant::now(), Arc::new(Unpriced), TaskTracker::new());
    let silent = std::iter::repeat_with(|| Chunk::from_parts([])).take(100_000);
    let mut driver = Driver::new(&mut life, Source::Replay(silent.collect()), STREAM_BUFFER_BYTES);
    // As where a `post_llm` wants the whole: nothing leaves before the end.
    driver.plan.collect = true;
    let mut next = pin!(driver.next(&mut life));
    assert!(poll_once(next.as_mut()).is_none(), "it is not gone through at one go");
    let error = next.await.unwrap().unwrap_err();
    assert_eq!(error.message, "the provider's stream ended too early");
}

/// Says each chunk in so many blocks, that of the next chunk behind them, and a whole answer in as many.
struct Splits(u32);

#[plugin]
impl Plugin for Splits {
    fn post_llm(&self, cx: &mut Cx, result: &mut Draft<LlmResult>) -> Result<PostLlm, Failure> {
        match result.edit() {
            LlmResult::Chunk(chunk) if chunk.has(|part| matches!(part, Part::Text { .. })) => {
                let before: u32 = cx.scratch().unwrap_or_default();
                cx.set_scratch(&(before + self.0))?;
                let channel = |block| Channel { block, ..Channel::TEXT };
                let text = |block| Part::Text { channel: channel(block), text: "a".to_owned() };
                *chunk.parts_mut() = (before..before + self.0).map(text).collect();
            }
            LlmResult::Response(response) => {
                let blocks = (0..self.0).map(|_| Block::text("a")).collect();
                let chat = response.chat_mut().ok_or_else(|| Failure::Malformed("no answer".to_owned()))?;
                chat.choices[0].message = Message::new(Role::Assistant, blocks);
            }
            _ => result.undo(),
        }
        Ok(PostLlm::Continue)
    }
}

/// The texts that come out of two chunks where a plugin splits them, or the error.
async fn split(blocks: u32, mode: StreamMode) -> Result<usize, LlmError> {
    let services = MockServices::default().services();
    let instance = Instance::start("it", link(Splits(blocks)), serde_json::Value::Null, services, None, None);
    let settings = Settings { stream_modes: BTreeMap::from([(Hook::PostLlm, mode)]), ..Settings::default() };
    let set = PluginSet::compile(1, vec![Entry { instance: instance.await.unwrap(), settings }]).unwrap();
    let (facts, tasks) = (Facts::default(), TaskTracker::new());
    let mut life = Lifecycle::open(Arc::new(set), facts, Instant::now(), Arc::new(Unpriced), tasks);
    let mut request = Draft::from(Request::from_chat("m", true, Default::default()));
    life.request().exchange.enter::<point::PreLlm>(Round::Attempt, &mut request).await.unwrap();
    let said = || Chunk::text(Channel::TEXT, "text");
    let chunks = [said(), said(), Chunk::from_parts([Part::Done])];
    let mut driver = Driver::new(&mut life, Source::Replay(chunks.into()), STREAM_BUFFER_BYTES);
    let mut texts = 0;
    while let Some(chunk) = driver.next(&mut life).await {
        texts += chunk?.parts().iter().filter(|part| matches!(part, Part::Text { .. })).count();
    }
    Ok(texts)
}

#[tokio::test]
async fn what_a_hook_makes_of_a_stream_has_no_more_texts_than_one_that_comes() {
    for (blocks, texts) in [(512, Some(1024)), (513, None)] {
        let came = split(blocks, StreamMode::Chunk).await;
        assert_eq!(came.as_ref().ok().copied(), texts);
        assert!(came.err().is_none_or(|error| error.kind == ErrorKind::Upstream));
    }
}

#[tokio::test]
async fn an_edited_answer_is_streamed_with_no_more_texts_than_one_that_comes() {
    for (blocks, texts) in [(1024, Some(1024)), (1025, None)] {
        let came = split(blocks, StreamMode::Buffer).await;
        assert_eq!(came.as_ref().ok().copied(), texts);
        assert!(came.err().is_none_or(|error| error.kind == ErrorKind::Upstream));
    }
}
