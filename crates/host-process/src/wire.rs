//! gRPC's HTTP/2, with nothing between a call and its socket.
//!
//! tonic's own channel has two queues and four tasks on the way of a call. Here a call puts its frames into the connection
//! itself and reads what came for it, and one future moves the connection along, wherever its owner polls it.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use gatewright_proto::{MAX_FROM_PLUGIN_BYTES, MAX_TO_PLUGIN_BYTES, Room, message_limit, single};
use h2::client::{Connection, ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::header::{CONTENT_TYPE, TE};
use http::{Request, Response, StatusCode, Uri};
use http_body::{Body, Frame};
use http_body_util::Full;
use prost::Message;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tonic::{Code, Status};
use tower::Service;

/// What a stream, and all of them together, may be sent before they are read: all those that wait for room have theirs there,
/// and do not keep the others from going on.
const STREAM_WINDOW: u32 = 4 << 20;
const WINDOW: u32 = STREAM_WINDOW * (WAITING as u32 + 4);

/// The largest frame that is taken.
const FRAME: u32 = 256 << 10;

/// The most bytes of headers that are taken.
const HEADERS: u32 = 16 << 10;

/// The most bytes of a stream that wait to be written before more are asked of its body.
const UNWRITTEN: usize = 1 << 20;

/// The most bytes of answers, one message each, that are read and looked at, but for small ones; and the most answers that
/// wait until there is room for them.
const ANSWERS: usize = 64 << 20;
const WAITING: usize = 64;

/// A connection, as requests see it. Copies share it.
#[derive(Clone)]
pub(crate) struct Wire {
    requests: SendRequest<Bytes>,
    /// Bodies that outlive the heads of their responses: each request under way puts at most its own there.
    rest: mpsc::UnboundedSender<Sending>,
    answers: Room,
}

/// What moves a connection along until it is over; says why it is.
pub(crate) type Moving = BoxFuture<'static, String>;

/// A request on its way to the head of its response. Dropping it cancels the request.
pub(crate) enum Exchanging {
    Begun { response: ResponseFuture, sending: Option<Sending>, rest: mpsc::UnboundedSender<Sending> },
    Refused(Option<Status>),
}

/// The body of a response. Dropping it before its end cancels the request.
pub(crate) struct Received {
    stream: RecvStream,
    /// Bytes of the piece that was read last. Only when the next one is asked for, there is room for more.
    last: usize,
    read: bool,
}

/// The body of a request, on its way out.
pub(crate) struct Sending {
    body: tonic::body::Body,
    stream: SendStream<Bytes>,
    held: Option<Bytes>,
    /// Whether what the request begins with is sent.
    begun: bool,
}

// === impl Wire ===

impl Wire {
    /// Speaks HTTP/2 over a stream.
    pub(crate) async fn over(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<(Self, Moving), h2::Error> {
        let (requests, connection) = h2::client::Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_frame_size(FRAME)
            .max_header_list_size(HEADERS)
            .max_send_buffer_size(UNWRITTEN)
            .enable_push(false)
            .handshake(stream)
            .await?;
        let (rest, rests) = mpsc::unbounded_channel();
        Ok((Self { requests, rest, answers: Room::with_places(ANSWERS, WAITING) }, Box::pin(moved(connection, rests))))
    }

    /// Asks with one message, and is answered with one, without what tonic's client does around that. `uri` has
    /// [the origin](Self::origin) of all.
    pub(crate) async fn single<A: Message + Default>(
        &self,
        uri: &'static str,
        message: &impl Message,
    ) -> Result<A, Status> {
        self.ask(uri, message).await?.await
    }

    /// Asks so, once there is room. What it gives waits for the answer; dropping that cancels the request.
    pub(crate) async fn ask<A: Message + Default, M: Message>(
        &self,
        uri: &'static str,
        message: &M,
    ) -> Result<impl Future<Output = Result<A, Status>> + use<A, M>, Status> {
        let body = tonic::body::Body::new(Full::new(single::write(message, message_limit(MAX_TO_PLUGIN_BYTES))?));
        let request = Request::post(uri).header(TE, "trailers").header(CONTENT_TYPE, "application/grpc");
        let request = request.body(body).map_err(|error| Status::internal(error.to_string()))?;
        let mut wire = self.clone();
        poll_fn(|cx| wire.poll_ready(cx)).await?;
        let exchanging = wire.call(request);
        Ok(answered(exchanging, wire.answers))
    }

    /// What stands in requests for where they go to.
    pub(crate) fn origin() -> Uri {
        Uri::from_static("http://plugin")
    }
}

/// The answer, one message, of a request on its way.
async fn answered<A: Message + Default>(exchanging: Exchanging, room: Room) -> Result<A, Status> {
    let response = exchanging.await?;
    match Status::from_header_map(response.headers()) {
        Some(status) if status.code() != Code::Ok => return Err(status),
        _ if response.status() != StatusCode::OK => {
            return Err(Status::unknown(format!("it answers as HTTP does: {}", response.status())));
        }
        _ => {}
    }
    let (answer, trailers) =
        single::read(response.into_body(), message_limit(MAX_FROM_PLUGIN_BYTES), Some(&room)).await?;
    match trailers.as_ref().and_then(Status::from_header_map) {
        Some(status) if status.code() != Code::Ok => Err(status),
        Some(_) => answer.ok_or_else(|| Status::internal("it answers without a message")),
        None => Err(Status::unknown("it answers without a status")),
    }
}

/// Moves a connection along, and the bodies that outlive the heads of their responses.
async fn moved<T: AsyncRead + AsyncWrite + Unpin>(
    mut connection: Connection<T, Bytes>,
    mut rests: mpsc::UnboundedReceiver<Sending>,
) -> String {
    let mut bodies: Vec<Sending> = Vec::new();
    let ended = poll_fn(|cx| {
        while let Poll::Ready(Some(body)) = rests.poll_recv(cx) {
            bodies.push(body);
        }
        bodies.retain_mut(|body| body.poll(cx).is_pending());
        // Behind them, so that what they say is written in the same turn.
        Pin::new(&mut connection).poll(cx)
    });
    match ended.await {
        Ok(()) => "it was closed".to_owned(),
        Err(error) => error.to_string(),
    }
}

impl Service<Request<tonic::body::Body>> for Wire {
    type Response = Response<Received>;
    type Error = Status;
    type Future = Exchanging;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.requests.poll_ready(cx).map_err(status)
    }

    fn call(&mut self, request: Request<tonic::body::Body>) -> Exchanging {
        let (head, body) = request.into_parts();
        let empty = body.is_end_stream();
        match self.requests.send_request(Request::from_parts(head, ()), empty) {
            Ok((response, stream)) => {
                let sending = (!empty).then_some(Sending { body, stream, held: None, begun: false });
                Exchanging::Begun { response, sending, rest: self.rest.clone() }
            }
            Err(error) => Exchanging::Refused(Some(status(error))),
        }
    }
}

/// What an error of HTTP/2 means. `Unavailable` is a connection that is no more.
fn status(error: h2::Error) -> Status {
    match error.is_io() || error.is_go_away() {
        true => Status::unavailable(error.to_string()),
        false => Status::from_error(Box::new(error)),
    }
}

// === impl Exchanging ===

impl Future for Exchanging {
    type Output = Result<Response<Received>, Status>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (response, sending, rest) = match &mut *self {
            Self::Begun { response, sending, rest } => (response, sending, rest),
            Self::Refused(why) => return why.take().map_or(Poll::Pending, |why| Poll::Ready(Err(why))),
        };
        if sending.as_mut().is_some_and(|sending| sending.poll(cx).is_ready()) {
            *sending = None;
        }
        let response = ready!(Pin::new(response).poll(cx)).map_err(status)?;
        if let Some(sending) = sending.take() {
            // A connection that is no more has no use for it.
            let _ = rest.send(sending);
        }
        Poll::Ready(Ok(response.map(|stream| Received { stream, last: 0, read: false })))
    }
}

// === impl Sending ===

impl Sending {
    /// Sends what there is, until the end. What a request begins with is there already, and leaves with its head; for
    /// what comes later there must be room.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.stream.poll_reset(cx).is_ready() || (self.begun && !ready!(self.poll_room(cx))) {
                return Poll::Ready(());
            }
            let (data, last) = match Pin::new(&mut self.body).poll_frame(cx) {
                // Requests have no trailers. One is held, so that the last one can say that it is: what follows it
                // would be written by itself, and wake the other side once more.
                Poll::Ready(Some(Ok(frame))) => (self.held.replace(frame.into_data().unwrap_or_default()), false),
                Poll::Ready(None) => (Some(self.held.take().unwrap_or_default()), true),
                // What could not be made into a message.
                Poll::Ready(Some(Err(_))) => {
                    self.stream.send_reset(h2::Reason::CANCEL);
                    return Poll::Ready(());
                }
                Poll::Pending => {
                    self.begun = true;
                    match self.held.take().map(|data| self.stream.send_data(data, false)) {
                        Some(Err(_)) => return Poll::Ready(()),
                        Some(Ok(())) | None => return Poll::Pending,
                    }
                }
            };
            // A stream that cannot be sent to any more was ended by the other side, which says why.
            if data.is_some_and(|data| self.stream.send_data(data, last).is_err()) || last {
                return Poll::Ready(());
            }
        }
    }

    /// Waits until something may be sent; whether it ever may.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        self.stream.reserve_capacity(1);
        while self.stream.capacity() == 0 {
            match ready!(self.stream.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Poll::Ready(false),
            }
        }
        Poll::Ready(true)
    }
}

// === impl Received ===

impl Body for Received {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let last = std::mem::take(&mut self.last);
        // It fails only for more than there was.
        let _ = self.stream.flow_control().release_capacity(last);
        if !self.read {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(data)) => {
                    self.last = data.len();
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) if error.reason() == Some(h2::Reason::NO_ERROR) => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(status(error)))),
                None => self.read = true,
            }
        }
        match ready!(self.stream.poll_trailers(cx)) {
            Ok(trailers) => Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers)))),
            Err(error) if error.reason() == Some(h2::Reason::NO_ERROR) => Poll::Ready(None),
            Err(error) => Poll::Ready(Some(Err(status(error)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }
}

#[cfg(test)]
mod tests;
