//! Bodies of one message, as gRPC has them: for requests that are made too often for what tonic does around each.

use crate::room::{Crowded, Room};
use bytes::{BufMut, Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, StreamBody};
use prost::Message;
use std::convert::Infallible;
use std::error::Error;
use std::pin::pin;
use tokio_stream::Iter;
use tonic::Status;

/// A message and its status.
pub type Answer = StreamBody<Iter<std::array::IntoIter<Result<Frame<Bytes>, Infallible>, 2>>>;

/// What stands before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// Makes a message a body. One of more bytes than this is an error.
pub fn write(message: &impl Message, most: usize) -> Result<Bytes, Status> {
    let length = message.encoded_len();
    let prefixed = u32::try_from(length).ok().filter(|_| length <= most).ok_or_else(|| too_long(length, most))?;
    let mut body = BytesMut::with_capacity(PREFIX + length);
    body.put_u8(0);
    body.put_u32(prefixed);
    message.encode(&mut body).map_err(|error| Status::internal(error.to_string()))?;
    Ok(body.freeze())
}

/// The same, once there is room for it, which it holds.
pub async fn write_within(message: &impl Message, most: usize, room: &Room) -> Result<Bytes, Status> {
    let taken = room.take(message.encoded_len().min(most)).await;
    Ok(taken.hold(write(message, most)?))
}

/// The response that answers with this body.
pub fn response(body: Bytes) -> Response<Answer> {
    const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
    const STATUS: HeaderName = HeaderName::from_static("grpc-status");
    const OK: HeaderValue = HeaderValue::from_static("0");
    let frames = [Frame::data(body), Frame::trailers(HeaderMap::from_iter([(STATUS, OK)]))];
    let mut response = Response::new(StreamBody::new(tokio_stream::iter(frames.map(Ok))));
    response.headers_mut().insert(CONTENT_TYPE, GRPC);
    response
}

/// Reads a body to its end: the message, if there is one, and the trailers. A message of more bytes than this is an
/// error, and so is one that is compressed, since nobody offers that. A large one is read on once there is room for it,
/// which it holds; what has come of it until then has a place in nothing but the connection's window.
pub async fn read<M, B>(body: B, most: usize, room: Option<&Room>) -> Result<(Option<M>, Option<HeaderMap>), Status>
where
    M: Message + Default,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
{
    let mut body = pin!(body);
    // Most bodies come in one piece, which is not copied.
    let (mut first, mut all, mut trailers) = (Bytes::new(), BytesMut::new(), None);
    let (mut said, mut taken) = (None, None);
    while let Some(frame) = body.frame().await {
        match frame.map_err(|error| Status::from_error(error.into()))?.into_data() {
            Ok(data) if first.is_empty() => first = data,
            Ok(data) => {
                if all.is_empty() {
                    all.reserve(PREFIX + said.unwrap_or_default());
                    all.extend_from_slice(&first);
                }
                all.extend_from_slice(&data);
            }
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
        let read = if all.is_empty() { &first[..] } else { &all[..] };
        if said.is_none() {
            said = length_said(read);
            if let Some(length) = said.filter(|length| *length > most) {
                return Err(too_long(length, most));
            }
            if let (Some(length), Some(room)) = (said, room) {
                let crowded = |Crowded| Status::unavailable("too much else is to be read, and waits for room");
                taken = Some(room.take_to_read(length).await.map_err(crowded)?);
            }
        }
        if said.is_some_and(|length| read.len() > PREFIX + length) {
            return Err(not_one());
        }
    }
    let whole = if all.is_empty() { first } else { all.freeze() };
    let whole = match taken {
        Some(taken) => taken.hold(whole),
        None => whole,
    };
    Ok((message(&whole)?, trailers))
}

/// How long a body says that its message is, once it does.
fn length_said(body: &[u8]) -> Option<usize> {
    let ([_, length @ ..], _) = body.split_first_chunk::<PREFIX>()?;
    usize::try_from(u32::from_be_bytes(*length)).ok()
}

fn message<M: Message + Default>(body: &Bytes) -> Result<Option<M>, Status> {
    if body.is_empty() {
        return Ok(None);
    }
    let Some(length) = length_said(body) else {
        return Err(Status::internal("the body ends before its message begins"));
    };
    if body[0] != 0 {
        return Err(Status::internal("the message is compressed, and nothing says how"));
    }
    let message = body.slice(PREFIX..);
    if length != message.len() {
        return Err(not_one());
    }
    M::decode(message)
        .map(Some)
        .map_err(|error| Status::internal(format!("not the message that it should be: {error}")))
}

fn not_one() -> Status {
    Status::internal("the body is not one message")
}

fn too_long(length: usize, most: usize) -> Status {
    Status::out_of_range(format!("a message of {length} bytes, where {most} are taken"))
}

#[cfg(test)]
mod tests;
