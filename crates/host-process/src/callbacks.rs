//! The service by which plugins that serve single calls alone reach their host.

use crate::accept::{Connection, Connections};
use crate::flights::{Flights, To, What};
use bytes::Bytes;
use gatewright_proto::v1::{HostAsk, PartFetch};
use gatewright_proto::{MAX_FROM_PLUGIN_BYTES, MAX_TO_PLUGIN_BYTES, Room, message_limit, single};
use http::header::AUTHORIZATION;
use http::{Request, Response};
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use prost::Message;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::net::UnixListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tonic::{Status, body};

/// What is asked for.
const PART: &str = "/gatewright.plugin.v1.Host/Part";
const ASK: &str = "/gatewright.plugin.v1.Host/Ask";

/// The most requests at once over one connection, as many as clients take for granted.
const AT_ONCE: u32 = 100;

/// What a request, and all of a connection together, may be sent before they are read: all may wait for room, and none keeps
/// those from going on that have it.
const STREAM_WINDOW: u32 = 64 << 10;
const WINDOW: u32 = AT_ONCE * STREAM_WINDOW;

/// The most bytes of questions that are read, and of answers until the process has read them, but for small ones: of all
/// connections of a process.
const QUESTIONS: usize = 64 << 20;
const ANSWERS: usize = 128 << 20;

/// The service, for one process. Copies share what it has room for.
#[derive(Clone)]
struct Callbacks {
    flights: Arc<Flights>,
    /// What a request says of who makes it.
    expected: Arc<str>,
    questions: Room,
    answers: Room,
}

/// A message and its status, or a status alone.
type Answer = Either<single::Answer, body::Body>;

/// Serves a process, which says this token, until the future is dropped, and its connections with it.
pub(crate) async fn serve(listener: UnixListener, token: String, flights: Arc<Flights>) -> Infallible {
    let (questions, answers) = (Room::new(QUESTIONS), Room::new(ANSWERS));
    let callbacks = Callbacks { flights, expected: format!("Bearer {token}").into(), questions, answers };
    let (connections, mut served) = (Connections::to(listener), JoinSet::new());
    loop {
        tokio::select! {
            connection = connections.next() => {
                served.spawn(callbacks.clone().serve(connection));
            }
            Some(_over) = served.join_next() => {}
        }
    }
}

/// Takes the same time however much is right.
fn equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differ, (one, other)| differ | (one ^ other)) == 0
}

fn over<E>(_: E) -> Status {
    Status::failed_precondition("the call is over")
}

// === impl Callbacks ===

impl Callbacks {
    /// Serves a connection until it is no more.
    async fn serve(self, connection: Connection) {
        let answer = service_fn(move |request: Request<Incoming>| {
            let callbacks = self.clone();
            async move { Ok::<_, Infallible>(callbacks.answer(request).await) }
        });
        let served = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(AT_ONCE)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(WINDOW)
            .auto_date_header(false)
            .serve_connection(TokioIo::new(connection), answer);
        // Why it ended is the other side's to say.
        let _ended = served.await;
    }

    async fn answer(self, request: Request<Incoming>) -> Response<Answer> {
        let answered = match self.knows(&request) {
            true => self.answered(request).await,
            false => Err(Status::unauthenticated("the token is another")),
        };
        match answered {
            Ok(message) => single::response(message).map(Either::Left),
            Err(status) => status.into_http::<body::Body>().map(Either::Right),
        }
    }

    /// Whether it is the process that asks.
    fn knows<B>(&self, request: &Request<B>) -> bool {
        let said = request.headers().get(AUTHORIZATION).map(|said| said.as_bytes()).unwrap_or_default();
        equal(said, self.expected.as_bytes())
    }

    async fn answered(&self, request: Request<Incoming>) -> Result<Bytes, Status> {
        if request.headers().get("grpc-encoding").is_some_and(|how| how != "identity") {
            return Err(Status::unimplemented("what is compressed is not read"));
        }
        match request.uri().path() {
            PART => {
                let PartFetch { call, part } = self.read(request).await?;
                let (tell, told) = oneshot::channel();
                self.flights.wanted(call, What::Part(part), To::Part(tell)).await.map_err(|_| over(()))?;
                self.write(&told.await.map_err(over)?).await
            }
            ASK => {
                let HostAsk { call, function, argument, .. } = self.read(request).await?;
                let (tell, told) = oneshot::channel();
                let what = What::Function { function, argument: argument.to_vec() };
                self.flights.wanted(call, what, To::Function(tell)).await.map_err(|_| over(()))?;
                // It has room over there.
                drop(argument);
                // Its place is given back once there is room for it as an answer.
                let (result, _place) = told.await.map_err(over)?;
                self.write(&result).await
            }
            path => Err(Status::unimplemented(format!("there is no {path}"))),
        }
    }

    async fn read<M: Message + Default>(&self, request: Request<Incoming>) -> Result<M, Status> {
        let most = message_limit(MAX_FROM_PLUGIN_BYTES);
        let (message, _) = single::read(request.into_body(), most, Some(&self.questions)).await?;
        message.ok_or_else(|| Status::internal("there is no message"))
    }

    async fn write(&self, message: &impl Message) -> Result<Bytes, Status> {
        single::write_within(message, message_limit(MAX_TO_PLUGIN_BYTES), &self.answers).await
    }
}

#[cfg(test)]
mod tests;
