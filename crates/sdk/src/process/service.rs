//! The service that the gateway calls.

use super::Instance;
use super::calls::{Calls, Kept, Maker, NoInstance, failed};
use super::desk::{Asking, Line};
use async_task::Task;
use gatewright_plugin::{Failure, panicking};
use gatewright_proto::v1::host_client::HostClient;
use gatewright_proto::v1::plugin_server::Plugin;
use gatewright_proto::v1::{
    CloseReply, HookAnswer, HookCall, HostFrame, HostFrames, IntroduceReply, IntroduceRequest, PluginFrame,
    PluginFrames, StartReply, StartRequest, StopReply, StopRequest, StreamChunks, StreamClose, StreamPull, host_frame,
    plugin_frame,
};
use gatewright_proto::{Batches, Full, MAX_FROM_PLUGIN_BYTES, MAX_TO_PLUGIN_BYTES, Outbox, message_limit, queue};
use hyper_util::rt::TokioIo;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio_stream::Stream;
use tonic::transport::{Endpoint, Uri};
use tonic::{Request, Response, Status, Streaming};

/// The most calls at once over one session.
const AT_ONCE: usize = 8192;

/// The service.
#[derive(Clone)]
pub(super) struct Service(Calls);

/// A session, from this side.
struct Session {
    calls: Calls,
    outbox: Outbox<PluginFrame>,
    asking: Arc<Asking>,
    /// Calls and pulls under way, each by its call.
    under_way: Mutex<HashMap<u64, Option<Task<()>>>>,
    /// Ends it with what has no answer of its own.
    breaks: Mutex<Option<oneshot::Sender<Status>>>,
}

/// A call or pull under way, which is answered however it ends.
struct UnderWay {
    session: Arc<Session>,
    call: u64,
    answer: Option<plugin_frame::Frame>,
    /// What it is answered with.
    kept: Option<Kept>,
}

/// What the gateway is told. When it goes, the session is over.
pub(super) struct Telling {
    batches: Batches<PluginFrame>,
    broken: Option<oneshot::Receiver<Status>>,
    session: Arc<Session>,
}

// === impl Plugin ===

#[tonic::async_trait]
impl Plugin for Service {
    async fn introduce(&self, _: Request<IntroduceRequest>) -> Result<Response<IntroduceReply>, Status> {
        let introduction = self.0.artefact().introduction().write().into();
        Ok(Response::new(IntroduceReply { introduction, cookie: self.0.cookie().to_owned(), session: true }))
    }

    async fn start(&self, request: Request<StartRequest>) -> Result<Response<StartReply>, Status> {
        let maker = request.extensions().get::<Arc<Maker>>().cloned();
        let maker = maker.ok_or_else(|| Status::internal("of no connection"))?;
        let StartRequest { name, config, host_socket, host_token } = request.into_inner();
        let host = host(host_socket, &host_token)?;
        let started = self.run(move |calls| async move {
            let create = || calls.artefact().create(&name, &config);
            match catch_unwind(AssertUnwindSafe(create)) {
                Ok(Ok(instance)) => Ok(StartReply { instance: calls.keep(Instance::of(instance), host, &maker)? }),
                Ok(Err(error)) => Err(Status::invalid_argument(error)),
                Err(panic) => Err(Status::internal(format!("panicked: {}", panicking::caught(&*panic)))),
            }
        });
        started.await?.map(Response::new)
    }

    async fn call(&self, request: Request<HookCall>) -> Result<Response<HookAnswer>, Status> {
        let call = request.into_inner();
        // One that is given up takes with it what it was answered with.
        let (answer, kept) = self.run(|calls| async move { calls.call(call, None).await }).await??;
        Kept::went_out(kept);
        Ok(Response::new(answer))
    }

    type SessionStream = Telling;

    async fn session(&self, request: Request<Streaming<HostFrames>>) -> Result<Response<Telling>, Status> {
        let (session, telling) = Session::open(self.0.clone());
        tokio::spawn(session.listen(request.into_inner()));
        Ok(Response::new(telling))
    }

    async fn pull(&self, request: Request<StreamPull>) -> Result<Response<StreamChunks>, Status> {
        let pull = request.into_inner();
        Ok(Response::new(self.run(|calls| async move { calls.pull(pull).await }).await??))
    }

    async fn close(&self, request: Request<StreamClose>) -> Result<Response<CloseReply>, Status> {
        let StreamClose { stream, instance } = request.into_inner();
        self.run(move |calls| async move { calls.close(instance, stream) }).await?;
        Ok(Response::new(CloseReply {}))
    }

    async fn stop(&self, request: Request<StopRequest>) -> Result<Response<StopReply>, Status> {
        let StopRequest { instance } = request.into_inner();
        self.run(move |calls| async move { calls.end(instance) }).await?;
        Ok(Response::new(StopReply {}))
    }
}

impl Service {
    pub(super) fn new(calls: Calls) -> Self {
        Self(calls)
    }

    /// A connection is over.
    pub(super) fn gone(&self, maker: &Arc<Maker>) {
        self.0.gone(maker);
    }

    /// Has the crew do what is an author's work, until it is done or the request is given up.
    pub(super) async fn run<T, F>(&self, work: impl FnOnce(Calls) -> F) -> Result<T, Status>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let done = self.0.crew().spawn(work(self.0.clone())).fallible();
        done.await.ok_or_else(|| Status::internal("panicked"))
    }
}

/// The way to the gateway's own service.
fn host(socket: String, token: &str) -> Result<Line, Status> {
    if socket.is_empty() {
        return Ok(Line::Host(None));
    }
    let token = format!("Bearer {token}").parse().map_err(|_| Status::invalid_argument("not a token"))?;
    let path = PathBuf::from(socket);
    let connect = tower::service_fn(move |_: Uri| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    let channel = Endpoint::from_static("http://gateway").connect_with_connector_lazy(connect);
    let client = HostClient::new(channel)
        .max_decoding_message_size(message_limit(MAX_TO_PLUGIN_BYTES))
        .max_encoding_message_size(message_limit(MAX_FROM_PLUGIN_BYTES));
    Ok(Line::Host(Some((client, token))))
}

// === impl Session ===

impl Session {
    fn open(calls: Calls) -> (Arc<Self>, Telling) {
        let (outbox, batches) = queue();
        let (breaks, broken) = oneshot::channel();
        let (asking, breaks) = (Arc::new(Asking::new(outbox.clone())), Mutex::new(Some(breaks)));
        let session = Arc::new(Self { calls, outbox, asking, under_way: Mutex::default(), breaks });
        let telling = Telling { batches, broken: Some(broken), session: session.clone() };
        (session, telling)
    }

    async fn listen(self: Arc<Self>, mut frames: Streaming<HostFrames>) {
        // An error is the end, too: the gateway comes back if it wants.
        while let Ok(Some(HostFrames { frames })) = frames.message().await {
            for HostFrame { frame } in frames {
                self.take(frame);
            }
        }
        self.end();
    }

    fn take(self: &Arc<Self>, frame: Option<host_frame::Frame>) {
        match frame {
            Some(host_frame::Frame::Call(call)) => {
                let (session, line) = (self.clone(), Line::Session(self.asking.clone()));
                self.spawn(call.id, async move {
                    let (answer, kept) = session.calls.call(call, Some(line)).await?;
                    Ok((plugin_frame::Frame::Answer(answer), kept))
                });
            }
            Some(host_frame::Frame::Pull(pull)) => {
                let calls = self.calls.clone();
                self.spawn(pull.call, async move {
                    let chunks = calls.pull(pull).await?;
                    Ok((plugin_frame::Frame::Pulled(chunks), None))
                });
            }
            Some(host_frame::Frame::Cancel(cancel)) => {
                // Who has ended already was answered.
                let task = self.under_way().get_mut(&cancel.call).and_then(Option::take);
                drop(task);
            }
            Some(host_frame::Frame::Part(part)) => self.asking.part(part),
            Some(host_frame::Frame::Result(result)) => self.asking.result(result),
            Some(host_frame::Frame::Close(close)) => {
                let calls = self.calls.clone();
                let closing = async move { calls.close(close.instance, close.stream) };
                // What an author's `Drop` does must not keep this from reading on.
                self.calls.crew().spawn(closing).detach();
            }
            // Of a newer gateway.
            None => {}
        }
    }

    fn spawn(
        self: &Arc<Self>,
        call: u64,
        work: impl Future<Output = Result<(plugin_frame::Frame, Option<Kept>), NoInstance>> + Send + 'static,
    ) {
        let mut under_way = UnderWay { session: self.clone(), call, answer: None, kept: None };
        let many = {
            let mut tasks = self.under_way();
            tasks.insert(call, None);
            tasks.len() > AT_ONCE
        };
        if many {
            let failure = Failure::Unavailable(format!("it has {AT_ONCE} calls at once"));
            under_way.answer = Some(plugin_frame::Frame::Answer(failed(call, failure)));
            return;
        }
        let task = self.calls.crew().spawn(async move {
            match work.await {
                Ok((answer, kept)) => under_way.end(answer, kept),
                // All of its calls name the same one.
                Err(unknown) => under_way.session.broken(unknown.into()),
            }
        });
        // It may have ended already, and taken itself out.
        if let Some(place) = self.under_way().get_mut(&call) {
            *place = Some(task);
        }
    }

    /// Ends the session with this.
    fn broken(&self, why: Status) {
        if let Some(breaks) = self.breaks.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // The other side may have ended it.
            let _ = breaks.send(why);
        }
    }

    fn end(&self) {
        let tasks: Vec<_> = self.under_way().drain().collect();
        drop(tasks);
        self.asking.end();
    }

    /// No code of ours panics while it holds the lock.
    fn under_way(&self) -> MutexGuard<'_, HashMap<u64, Option<Task<()>>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl UnderWay ===

impl UnderWay {
    fn end(mut self, answer: plugin_frame::Frame, kept: Option<Kept>) {
        (self.answer, self.kept) = (Some(answer), kept);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.session.under_way().remove(&self.call);
        // A call that was given up is answered too, so that the gateway knows that it ended. Of any other an empty answer
        // would say that the request may go on.
        let died = || {
            let failure = Failure::Unavailable("it ended without an answer".to_owned());
            plugin_frame::Frame::Answer(failed(self.call, failure))
        };
        let frame = PluginFrame { frame: Some(self.answer.take().unwrap_or_else(died)) };
        let kept = self.kept.take();
        match self.session.outbox.try_send(frame) {
            Ok(()) => Kept::went_out(kept),
            Err((Full::Full, frame)) => {
                if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                    let outbox = self.session.outbox.clone();
                    runtime.spawn(async move { outbox.send(frame).await.map(|()| Kept::went_out(kept)) });
                }
            }
            Err((Full::Gone, _)) => {}
        }
    }
}

// === impl Telling ===

impl Stream for Telling {
    type Item = Result<PluginFrames, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(Poll::Ready(broken)) = self.broken.as_mut().map(|broken| Pin::new(broken).poll(cx)) {
            self.broken = None;
            if let Ok(why) = broken {
                return Poll::Ready(Some(Err(why)));
            }
        }
        Pin::new(&mut self.batches).poll_next(cx).map(|frames| frames.map(Ok))
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        self.session.end();
    }
}

#[cfg(test)]
mod tests;
