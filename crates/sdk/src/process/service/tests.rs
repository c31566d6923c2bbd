use super::{Service, Session, Telling};
use crate::process::calls::{Calls, Maker};
use crate::process::crew::Crew;
use crate::process::desk::Line;
use crate::process::{Artefact, Instance};
use gatewright_abi::{Introduction, MAX_ANSWER_BYTES, document};
use gatewright_plugin::hosted::{Hosted, link};
use gatewright_plugin::model::{Chunk, LlmError, Request};
use gatewright_plugin::payload::{ChunkSource, ChunkStream};
use gatewright_plugin::services::BoxFuture;
use gatewright_plugin::{Cx, Draft, Failure, Hook, HookSet, Manifest, Plugin, PreLlm, plugin};
use gatewright_proto::v1::{HookCall, PluginFrames, StreamClose, host_frame, plugin_frame};
use serde_json::{Value as Json, json};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};
use tokio_stream::StreamExt;
use tonic::{Code, Status};

/// The longest that anything here is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Makes no instance.
struct Nothing;

impl Artefact for Nothing {
    fn introduction(&self) -> Introduction {
        Introduction::new(Manifest::new("nothing", "0.1.0"), HookSet::EMPTY, HookSet::EMPTY)
    }

    fn create(&self, _: &str, _: &[u8]) -> Result<Arc<dyn Hosted>, String> {
        Err("it makes none".to_owned())
    }
}

/// Answers with a stream once it is let, behind an edit of so many bytes.
struct Streamer {
    meets: Arc<Barrier>,
    dropped: Arc<AtomicU32>,
    edit: usize,
}

struct Source(Arc<AtomicU32>);

#[plugin(name = "streamer", version = "1.0.0")]
impl Plugin for Streamer {
    fn pre_llm(&self, _: &mut Cx, draft: &mut Draft<Request>) -> Result<PreLlm, Failure> {
        self.meets.wait();
        self.meets.wait();
        if self.edit > 0 {
            draft.provider = Some("m".repeat(self.edit));
        }
        Ok(PreLlm::Stream(ChunkStream::new(Source(self.dropped.clone()))))
    }
}

impl ChunkSource for Source {
    fn next_chunk(&mut self) -> BoxFuture<'_, Option<Result<Chunk, LlmError>>> {
        Box::pin(std::future::ready(None))
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// An instance that answers with streams.
struct Streams {
    calls: Calls,
    meets: Arc<Barrier>,
    dropped: Arc<AtomicU32>,
    call: HookCall,
}

impl Streams {
    fn new(edit: usize) -> Self {
        let calls = Calls::new(Arc::new(Nothing), String::new(), Crew::start().unwrap());
        let (meets, dropped) = (Arc::new(Barrier::new(2)), Arc::default());
        let plugin = link(Streamer { meets: meets.clone(), dropped: Arc::clone(&dropped), edit });
        let instance = calls.keep(Instance::of(plugin), Line::Host(None), &Arc::new(Maker::default())).ok().unwrap();
        let head = document::write(&json!({ "model": "m" })).into();
        let call = HookCall { id: 1, hook: Hook::PreLlm as u32, head, instance, ..HookCall::default() };
        Self { calls, meets, dropped, call }
    }

    /// Waits until the hook runs, and later lets it answer.
    fn meet(&self) {
        self.meets.wait();
    }

    async fn is_dropped(&self) {
        let began = Instant::now();
        while self.dropped.load(Ordering::Acquire) == 0 {
            assert!(began.elapsed() < PATIENCE, "the stream is still there");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// What the call is answered with over a session.
    async fn answer(&self, session: &Arc<Session>, telling: &mut Telling) -> Json {
        session.take(Some(host_frame::Frame::Call(self.call.clone())));
        self.meet();
        self.meet();
        let frame = told(telling).await.unwrap().frames.remove(0).frame.unwrap();
        let plugin_frame::Frame::Answer(answer) = frame else { panic!("{frame:?}") };
        document::read(&answer.answer).unwrap()
    }
}

#[tokio::test]
async fn a_stream_whose_answer_went_out_is_there_until_it_is_closed() {
    let streams = Streams::new(0);
    let (session, mut telling) = Session::open(streams.calls.clone());
    assert_eq!(streams.answer(&session, &mut telling).await["outcome"]["stream"], 1);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(streams.dropped.load(Ordering::Acquire), 0);
    let close = StreamClose { stream: 1, instance: streams.call.instance };
    session.take(Some(host_frame::Frame::Close(close)));
    streams.is_dropped().await;
}

#[tokio::test]
async fn a_stream_is_not_kept_for_a_session_that_is_over() {
    let streams = Streams::new(0);
    let (session, telling) = Session::open(streams.calls.clone());
    session.take(Some(host_frame::Frame::Call(streams.call.clone())));
    streams.meet();
    drop(telling);
    streams.meet();
    streams.is_dropped().await;
}

#[tokio::test]
async fn a_stream_is_not_kept_for_a_single_call_that_is_given_up() {
    let streams = Streams::new(0);
    let (service, call) = (Service::new(streams.calls.clone()), streams.call.clone());
    let answering = tokio::spawn(async move { service.run(|calls| async move { calls.call(call, None).await }).await });
    tokio::task::yield_now().await;
    streams.meet();
    answering.abort();
    assert!(answering.await.is_err());
    streams.meet();
    streams.is_dropped().await;
}

#[tokio::test]
async fn a_stream_is_not_kept_behind_an_answer_that_is_too_large() {
    let streams = Streams::new(MAX_ANSWER_BYTES);
    let (session, mut telling) = Session::open(streams.calls.clone());
    let said = streams.answer(&session, &mut telling).await;
    assert!(said["failure"]["oversized"].is_string(), "{said}");
    streams.is_dropped().await;
}

fn session() -> (Arc<Session>, Telling) {
    Session::open(Calls::new(Arc::new(Nothing), String::new(), Crew::start().unwrap()))
}

async fn told(telling: &mut Telling) -> Result<PluginFrames, Status> {
    tokio::time::timeout(PATIENCE, telling.next()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_call_that_dies_without_an_answer_fails() {
    let (session, mut telling) = session();
    session.spawn(7, async { panic!("it dies") });
    let frame = told(&mut telling).await.unwrap().frames.remove(0).frame.unwrap();
    let plugin_frame::Frame::Answer(answer) = frame else { panic!("{frame:?}") };
    assert_eq!(answer.call, 7);
    let said: Json = document::read(&answer.answer).unwrap();
    assert_eq!(said["failure"]["unavailable"], "it ended without an answer", "{said}");
}

#[tokio::test]
async fn a_call_of_no_instance_ends_the_session() {
    let (session, mut telling) = session();
    session.take(Some(host_frame::Frame::Call(HookCall { id: 1, instance: 9, ..HookCall::default() })));
    let status = told(&mut telling).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound, "{status}");
}
