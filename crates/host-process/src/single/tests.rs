use super::*;
use crate::flights::Flights;
use crate::wire::Wire;
use gatewright_abi::document;
use gatewright_proto::v1::plugin_server::{Plugin, PluginServer};
use gatewright_proto::v1::{
    CloseReply, HostFrames, IntroduceReply, IntroduceRequest, PluginFrames, StartReply, StartRequest, StopReply,
    StopRequest, StreamChunks, StreamClose, StreamPull,
};
use serde_json::json;
use std::sync::Mutex;
use tokio::net::UnixStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_stream::{Empty, once};
use tonic::{Request, Response, Streaming};

const PATIENCE: Duration = Duration::from_secs(20);

/// More than a call takes to be there, or to be found reset.
const BRIEFLY: Duration = Duration::from_millis(100);

/// A plugin that answers with a stream once it is told to.
#[derive(Clone, Default)]
struct Played(Arc<Actor>);

#[derive(Default)]
struct Actor {
    answers: Notify,
    events: Mutex<Vec<Event>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Called,
    Reset,
    Closed(u64),
}

/// Notes that a call was reset, unless it is answered.
struct Called<'a>(&'a Actor);

impl Actor {
    fn note(&self, event: Event) {
        self.events.lock().unwrap().push(event);
    }

    fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    async fn until(&self, event: Event) {
        let happened = async {
            while !self.events().contains(&event) {
                sleep(Duration::from_millis(2)).await;
            }
        };
        assert!(timeout(PATIENCE, happened).await.is_ok(), "no {event:?} in {:?}", self.events());
    }
}

impl Drop for Called<'_> {
    fn drop(&mut self) {
        self.0.note(Event::Reset);
    }
}

#[tonic::async_trait]
impl Plugin for Played {
    async fn introduce(&self, _: Request<IntroduceRequest>) -> Result<Response<IntroduceReply>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn start(&self, _: Request<StartRequest>) -> Result<Response<StartReply>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn call(&self, request: Request<HookCall>) -> Result<Response<HookAnswer>, Status> {
        self.0.note(Event::Called);
        let called = Called(&self.0);
        self.0.answers.notified().await;
        std::mem::forget(called);
        let answer = document::write(&json!({ "outcome": { "stream": 7 } })).into();
        Ok(Response::new(HookAnswer { call: request.into_inner().id, answer, looked: 0 }))
    }

    type SessionStream = Empty<Result<PluginFrames, Status>>;

    async fn session(&self, _: Request<Streaming<HostFrames>>) -> Result<Response<Self::SessionStream>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn pull(&self, _: Request<StreamPull>) -> Result<Response<StreamChunks>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn close(&self, request: Request<StreamClose>) -> Result<Response<CloseReply>, Status> {
        self.0.note(Event::Closed(request.into_inner().stream));
        Ok(Response::new(CloseReply {}))
    }

    async fn stop(&self, _: Request<StopRequest>) -> Result<Response<StopReply>, Status> {
        Err(Status::unimplemented(""))
    }
}

/// A connection to the plugin; both live as long as the tasks.
async fn connected() -> (Arc<Actor>, Arc<Link>, JoinSet<()>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (played, mut tasks) = (Played::default(), JoinSet::new());
    let served = tonic::transport::Server::builder().add_service(PluginServer::new(played.clone()));
    tasks.spawn(async move { served.serve_with_incoming(once(Ok::<_, std::io::Error>(theirs))).await.unwrap() });
    let (wire, moving) = Wire::over(ours).await.unwrap();
    tasks.spawn(async move { drop(moving.await) });
    (played.0, Arc::new(Link::base(wire, Flights::new())), tasks)
}

/// Gives up a call of this hook that may take so long, once the plugin is at it.
async fn given_up(actor: &Actor, link: &Arc<Link>, hook: Hook, limit: Duration) {
    let call = HookCall { id: 1, hook: hook as u32, ..HookCall::default() };
    let mut single = Single::send(link, hook, limit, &call).await.unwrap();
    assert!(timeout(BRIEFLY, &mut single).await.is_err());
    assert_eq!(actor.events(), [Event::Called]);
}

#[tokio::test]
async fn the_stream_of_a_call_that_was_given_up_is_closed() {
    let (actor, link, _tasks) = connected().await;
    given_up(&actor, &link, Hook::PreLlm, PATIENCE).await;
    sleep(BRIEFLY).await;
    actor.answers.notify_one();
    actor.until(Event::Closed(7)).await;
    assert_eq!(actor.events(), [Event::Called, Event::Closed(7)]);
}

#[tokio::test]
async fn an_answer_that_was_taken_closes_nothing() {
    let (actor, link, _tasks) = connected().await;
    actor.answers.notify_one();
    let call = HookCall { id: 1, ..HookCall::default() };
    let answer = Single::send(&link, Hook::PreLlm, PATIENCE, &call).await.unwrap().await.unwrap();
    assert_eq!(host::unclaimed(Hook::PreLlm, &answer.answer), Some(7));
    sleep(BRIEFLY).await;
    assert_eq!(actor.events(), [Event::Called]);
}

#[tokio::test]
async fn a_call_that_cannot_answer_with_a_stream_is_reset_at_once() {
    let (actor, link, _tasks) = connected().await;
    given_up(&actor, &link, Hook::CheckInput, PATIENCE).await;
    sleep(BRIEFLY).await;
    assert_eq!(actor.events(), [Event::Called, Event::Reset]);
}

#[tokio::test]
async fn a_call_that_has_had_its_time_is_reset() {
    let (actor, link, _tasks) = connected().await;
    given_up(&actor, &link, Hook::PreLlm, BRIEFLY).await;
    actor.until(Event::Reset).await;
    assert_eq!(link.flights.late().available_permits(), MOST_LATE);
}

#[tokio::test]
async fn where_too_many_go_on_a_call_is_reset() {
    let (actor, link, _tasks) = connected().await;
    let _taken = link.flights.late().try_acquire_many_owned(MOST_LATE as u32).unwrap();
    given_up(&actor, &link, Hook::PreLlm, PATIENCE).await;
    sleep(BRIEFLY).await;
    assert_eq!(actor.events(), [Event::Called, Event::Reset]);
}
