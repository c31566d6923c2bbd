//! Processes that a test plays: what the gateway makes there it ends, and how long it waits for whom.

#![expect(clippy::unwrap_used, reason = "a test")]

use gatewright_host_process::{Address, LoadError, Options, Patience, Process, Processes};
use gatewright_pipeline::Instance;
use gatewright_plugin::hosted::{Call, Hosted, Reply};
use gatewright_plugin::{Cx, Draft, Facts, Failure, Hook, HookSet, Manifest, State};
use gatewright_proto::v1::plugin_server::{Plugin, PluginServer};
use gatewright_proto::v1::{
    Cancel, CloseReply, HookAnswer, HookCall, HostFrames, IntroduceReply, IntroduceRequest, PluginFrame, PluginFrames,
    StartReply, StartRequest, StopReply, StopRequest, StreamChunks, StreamClose, StreamPull, host_frame, plugin_frame,
};
use gatewright_sdk::abi::{Introduction, Part, document, guest};
use gatewright_testkit::request;
use gatewright_testkit::services::MockServices;
use serde_json::{Value as Json, json};
use std::collections::HashSet;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;
use tokio_stream::Stream;
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tonic::{Request, Response, Status, Streaming};

/// The longest that anything here is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// More calls, and bytes of each, than a session takes that is not read.
const MANY: usize = 4000;
const LONG: usize = 3000;

/// What is played.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It keeps its rules.
    Plain,
    /// It ends its session in a call, and says other things of itself when it is asked again.
    Another,
    /// It ends its session in a call, and does not start again.
    StartsOnce,
    /// It takes no session.
    NoSession,
    /// It answers a call with a stream once that is cancelled.
    Late,
    /// It answers in a message of more frames than anybody needs.
    Stuffs,
}

/// What happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Started(u64),
    Stopped(u64),
    Called(u64),
    Cancelled(u64),
    Closed(u64),
}

#[derive(Clone)]
struct Played(Arc<Actor>);

struct Actor {
    role: Role,
    events: Mutex<Vec<Event>>,
    instances: AtomicU64,
    introduced: AtomicU64,
    startups: AtomicU64,
    /// Whether it reads.
    reads: watch::Sender<bool>,
}

/// Where it is played, until the end of the test.
struct Stage {
    played: Played,
    address: Address,
    _folder: TempDir,
    _serving: JoinSet<()>,
}

impl Stage {
    fn of(role: Role) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("it.sock");
        let incoming = UnixListenerStream::new(UnixListener::bind(&path).unwrap());
        let actor = Actor {
            role,
            events: Mutex::default(),
            instances: AtomicU64::new(0),
            introduced: AtomicU64::new(0),
            startups: AtomicU64::new(0),
            reads: watch::Sender::new(true),
        };
        let played = Played(Arc::new(actor));
        let served = tonic::transport::Server::builder().add_service(PluginServer::new(played.clone()));
        let mut serving = JoinSet::new();
        serving.spawn(async move { served.serve_with_incoming(incoming).await.unwrap() });
        let address = format!("grpc+unix://{}", path.display()).parse().unwrap();
        Self { played, address, _folder: folder, _serving: serving }
    }

    async fn load(&self, processes: &Processes, unread: Duration) -> Result<Arc<Process>, LoadError> {
        let mut options = Options::new("it", Json::Null, MockServices::default().log.clone());
        options.patience = Patience {
            heed: Duration::from_millis(200),
            unheeded: 2,
            unread,
            // Long enough that a test sees why it is away.
            restart_least: Duration::from_millis(200),
            ..Patience::default()
        };
        options.timeout = Some(Duration::from_millis(200));
        processes.load(&self.address, options).await
    }

    /// One that does not read, with more calls than there is room for.
    async fn backlog(&self, processes: &Processes, unread: Duration) -> (Arc<Process>, Vec<Checking>) {
        let process = self.load(processes, unread).await.unwrap();
        let started = Instant::now();
        while process.status().connections == 0 {
            assert!(started.elapsed() < PATIENCE, "{:?}", process.status());
            check(process.clone(), "warm".to_owned()).await.unwrap();
            sleep(Duration::from_millis(2)).await;
        }
        self.played.0.reads.send_replace(false);
        let checks = (0..MANY).map(|_| tokio::spawn(check(process.clone(), "x".repeat(LONG)))).collect();
        sleep(Duration::from_millis(500)).await;
        (process, checks)
    }

    async fn until(&self, what: &str, happened: impl Fn(&[Event]) -> bool) {
        let started = Instant::now();
        while !happened(&self.played.0.events.lock().unwrap()) {
            assert!(started.elapsed() < PATIENCE, "waited in vain: {what}");
            sleep(Duration::from_millis(5)).await;
        }
    }
}

type Checking = JoinHandle<Result<(), Failure>>;

/// A call of this request.
async fn check(process: Arc<Process>, id: String) -> Result<(), Failure> {
    let facts = Facts { request_id: id, ..Facts::default() };
    let cx = Cx::new(Arc::new(facts), State::default(), None, MockServices::default().services());
    let call = Call::CheckInput(Arc::new(request("m").user("hello").build()));
    match process.call(cx, call).await.reply {
        Reply::Failed(failure) => Err(failure),
        _ => Ok(()),
    }
}

async fn all_answer(checks: Vec<Checking>) {
    for check in checks {
        assert_eq!(tokio::time::timeout(PATIENCE, check).await.unwrap().unwrap(), Ok(()));
    }
}

fn serves(process: &Process) -> bool {
    let status = process.status();
    status.restarts == 0 && status.away.is_none()
}

impl Actor {
    fn note(&self, event: Event) {
        self.events.lock().unwrap().push(event);
    }

    /// What it answers; `None` ends the session.
    fn answer(&self, call: &HookCall) -> Option<PluginFrames> {
        // It looks at the facts, so that they come with the next call.
        let quiet = HookAnswer { call: call.id, looked: 1 << Part::Facts as u32, ..HookAnswer::default() };
        let starts = call.hook == Hook::OnStartup as u32;
        let answer = match self.role {
            Role::StartsOnce if starts && self.startups.fetch_add(1, Ordering::AcqRel) > 0 => {
                HookAnswer { answer: guest::fail(Failure::new("once is enough")).into(), ..quiet }
            }
            Role::Another | Role::StartsOnce if !starts => return None,
            _ => quiet,
        };
        let mut frames = vec![PluginFrame { frame: Some(plugin_frame::Frame::Answer(answer)) }];
        if self.role == Role::Stuffs {
            frames.resize(5000, PluginFrame::default());
        }
        Some(PluginFrames { frames })
    }
}

#[tonic::async_trait]
impl Plugin for Played {
    async fn introduce(&self, _: Request<IntroduceRequest>) -> Result<Response<IntroduceReply>, Status> {
        let again = self.0.introduced.fetch_add(1, Ordering::AcqRel) > 0;
        let version = if again && self.0.role == Role::Another { "0.2.0" } else { "0.1.0" };
        let hooks = match self.0.role {
            Role::StartsOnce => HookSet::of(&[Hook::CheckInput, Hook::OnStartup]),
            Role::Late => HookSet::of(&[Hook::PreLlm]),
            _ => HookSet::of(&[Hook::CheckInput]),
        };
        let introduction = Introduction::new(Manifest::new("played", version), hooks, HookSet::EMPTY).write().into();
        Ok(Response::new(IntroduceReply { introduction, session: true, ..IntroduceReply::default() }))
    }

    async fn start(&self, _: Request<StartRequest>) -> Result<Response<StartReply>, Status> {
        let instance = self.0.instances.fetch_add(1, Ordering::AcqRel) + 1;
        self.0.note(Event::Started(instance));
        Ok(Response::new(StartReply { instance }))
    }

    async fn call(&self, _: Request<HookCall>) -> Result<Response<HookAnswer>, Status> {
        Err(Status::unimplemented("it serves sessions"))
    }

    type SessionStream = Pin<Box<dyn Stream<Item = Result<PluginFrames, Status>> + Send>>;

    async fn session(&self, request: Request<Streaming<HostFrames>>) -> Result<Response<Self::SessionStream>, Status> {
        if self.0.role == Role::NoSession {
            return Err(Status::unavailable("not now"));
        }
        let (tell, told) = mpsc::channel(64);
        let (actor, mut frames) = (self.0.clone(), request.into_inner());
        tokio::spawn(async move {
            let mut reads = actor.reads.subscribe();
            loop {
                reads.wait_for(|reads| *reads).await.unwrap();
                let Ok(Some(HostFrames { frames })) = frames.message().await else { return };
                for frame in frames {
                    match frame.frame {
                        Some(host_frame::Frame::Call(call)) => {
                            actor.note(Event::Called(call.id));
                            if actor.role == Role::Late {
                                continue;
                            }
                            let Some(answer) = actor.answer(&call) else { return };
                            // The gateway may be gone.
                            let _ = tell.send(Ok(answer)).await;
                        }
                        Some(host_frame::Frame::Cancel(Cancel { call })) => {
                            actor.note(Event::Cancelled(call));
                            if actor.role == Role::Late {
                                let answer = document::write(&json!({ "outcome": { "stream": 7 } })).into();
                                let answer = HookAnswer { call, answer, ..HookAnswer::default() };
                                let frame = Some(plugin_frame::Frame::Answer(answer));
                                // The gateway may be gone.
                                let _ = tell.send(Ok(PluginFrames { frames: vec![PluginFrame { frame }] })).await;
                            }
                        }
                        Some(host_frame::Frame::Close(close)) => actor.note(Event::Closed(close.stream)),
                        _ => {}
                    }
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(told))))
    }

    async fn pull(&self, _: Request<StreamPull>) -> Result<Response<StreamChunks>, Status> {
        Err(Status::unimplemented("it has no streams"))
    }

    async fn close(&self, _: Request<StreamClose>) -> Result<Response<CloseReply>, Status> {
        Ok(Response::new(CloseReply {}))
    }

    async fn stop(&self, request: Request<StopRequest>) -> Result<Response<StopReply>, Status> {
        self.0.note(Event::Stopped(request.into_inner().instance));
        Ok(Response::new(StopReply {}))
    }
}

/// Whoever was made is ended, whatever it was that ended it.
async fn what_was_made_is_ended(role: Role) {
    let (processes, stage) = (Processes::start().unwrap(), Stage::of(role));
    let process = stage.load(&processes, PATIENCE).await.unwrap();
    let services = MockServices::default().services();
    Instance::start("it", process.clone(), Json::Null, services, None, None).await.unwrap();
    assert_eq!(check(process.clone(), "it".to_owned()).await.err().map(|failure| failure.cause()), Some("unavailable"));
    stage.until("the one of which it ended the session", |events| events.contains(&Event::Stopped(1))).await;
    stage.until("the one that did not come to serve", |events| events.contains(&Event::Stopped(2))).await;
    drop(process);
    processes.close().await;
    let events = stage.played.0.events.lock().unwrap();
    for event in events.iter() {
        if let Event::Started(instance) = event {
            let stops = events.iter().filter(|event| **event == Event::Stopped(*instance)).count();
            assert_eq!(stops, 1, "{instance}: {events:?}");
        }
    }
}

#[tokio::test]
async fn an_instance_of_one_that_is_another_is_ended() {
    what_was_made_is_ended(Role::Another).await;
}

#[tokio::test]
async fn an_instance_that_does_not_start_is_ended() {
    what_was_made_is_ended(Role::StartsOnce).await;
}

#[tokio::test]
async fn an_instance_without_its_session_is_ended() {
    let (processes, stage) = (Processes::start().unwrap(), Stage::of(Role::NoSession));
    assert!(stage.load(&processes, PATIENCE).await.is_err());
    stage.until("it is ended", |events| events == [Event::Started(1), Event::Stopped(1)]).await;
    processes.close().await;
}

/// Whoever never heard of a call cannot heed its cancel.
#[tokio::test]
async fn calls_that_were_not_sent_are_not_cancelled() {
    let (processes, stage) = (Processes::start().unwrap(), Stage::of(Role::Plain));
    let (process, mut checks) = stage.backlog(&processes, PATIENCE).await;
    for unsent in checks.split_off(MANY - 10) {
        unsent.abort();
    }
    sleep(Duration::from_secs(1)).await;
    assert!(serves(&process), "{:?}", process.status());
    stage.played.0.reads.send_replace(true);
    all_answer(checks).await;
    let (mut called, mut cancelled) = (HashSet::new(), 0);
    for event in stage.played.0.events.lock().unwrap().iter() {
        match event {
            Event::Called(call) => assert!(called.insert(*call)),
            Event::Cancelled(_) => cancelled += 1,
            Event::Started(_) | Event::Stopped(_) | Event::Closed(_) => {}
        }
    }
    assert_eq!(cancelled, 0);
    assert!(called.len() >= MANY - 10);
    assert!(serves(&process), "{:?}", process.status());
    drop(process);
    processes.close().await;
}

/// A cancel waits with everything else, and its time begins when it leaves.
#[tokio::test]
async fn a_cancel_waits_for_room() {
    let (processes, stage) = (Processes::start().unwrap(), Stage::of(Role::Plain));
    let (process, mut checks) = stage.backlog(&processes, PATIENCE).await;
    // Behind what was read before it stopped.
    for sent in checks.drain(200..204) {
        sent.abort();
    }
    sleep(Duration::from_secs(1)).await;
    assert!(serves(&process), "{:?}", process.status());
    stage.played.0.reads.send_replace(true);
    all_answer(checks).await;
    stage
        .until("they are cancelled", |events| {
            events.iter().filter(|event| matches!(event, Event::Cancelled(_))).count() == 4
        })
        .await;
    assert!(serves(&process), "{:?}", process.status());
    drop(process);
    processes.close().await;
}

#[tokio::test]
async fn whoever_does_not_read_is_left() {
    let (processes, stage) = (Processes::start().unwrap(), Stage::of(Role::Plain));
    let (process, checks) = stage.backlog(&processes, Duration::from_millis(500)).await;
    checks[200].abort();
    let started = Instant::now();
    while process.status().restarts == 0 {
        assert!(started.elapsed() < PATIENCE, "{:?}", process.status());
        sleep(Duration::from_millis(5)).await;
    }
    stage.played.0.reads.send_replace(true);
    drop((checks, process));
    processes.close().await;
}

#[tokio::test]
async fn a_stream_that_comes_too_late_is_closed() {
    let (processes, stage) = (Processes::start().unwrap(), Stage::of(Role::Late));
    let process = stage.load(&processes, PATIENCE).await.unwrap();
    let cx = Cx::new(Arc::new(Facts::default()), State::default(), None, MockServices::default().services());
    let call = process.clone().call(cx, Call::PreLlm(Draft::from(request("m").user("hello").build())));
    assert!(tokio::time::timeout(Duration::from_millis(100), call).await.is_err());
    stage.until("it is closed", |events| events.contains(&Event::Closed(7))).await;
    assert!(serves(&process), "{:?}", process.status());
    drop(process);
    processes.close().await;
}

#[tokio::test]
async fn a_message_of_too_many_frames_is_not_taken() {
    let (processes, stage) = (Processes::start().unwrap(), Stage::of(Role::Stuffs));
    let process = stage.load(&processes, PATIENCE).await.unwrap();
    let failure = check(process.clone(), "it".to_owned()).await.unwrap_err();
    assert!(failure.to_string().contains("at most 4096 frames"), "{failure}");
    drop(process);
    processes.close().await;
}
