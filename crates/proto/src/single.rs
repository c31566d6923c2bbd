//! Bodies of one message, as gRPC has them: for requests that are made too often for what tonic does around each.

use bytes::{BufMut, Bytes, BytesMut};
use http::HeaderMap;
use http_body::Body;
use http_body_util::BodyExt;
use prost::Message;
use std::error::Error;
use std::pin::pin;
use tonic::Status;

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

/// Reads a body to its end: the message, if there is one, and the trailers. A message of more bytes than this is an
/// error, and so is one that is compressed, since nobody offers that.
pub async fn read<M, B>(body: B, most: usize) -> Result<(Option<M>, Option<HeaderMap>), Status>
where
    M: Message + Default,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
{
    let mut body = pin!(body);
    // Most bodies come in one piece, which is not copied.
    let (mut first, mut all, mut trailers) = (Bytes::new(), BytesMut::new(), None);
    while let Some(frame) = body.frame().await {
        match frame.map_err(|error| Status::from_error(error.into()))?.into_data() {
            Ok(data) if first.is_empty() => first = data,
            Ok(data) => {
                if all.is_empty() {
                    all.reserve(expected(&first, most));
                    all.extend_from_slice(&first);
                }
                all.extend_from_slice(&data);
            }
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
        let length = first.len().max(all.len()).saturating_sub(PREFIX);
        if length > most {
            return Err(too_long(length, most));
        }
    }
    let whole = if all.is_empty() { first } else { all.freeze() };
    Ok((message(&whole)?, trailers))
}

/// How long a body says that it is, as far as that may be.
fn expected(first: &Bytes, most: usize) -> usize {
    let said = first.split_first_chunk::<PREFIX>().map(|([_, length @ ..], _)| u32::from_be_bytes(*length));
    PREFIX + most.min(said.and_then(|length| usize::try_from(length).ok()).unwrap_or_default())
}

fn message<M: Message + Default>(body: &Bytes) -> Result<Option<M>, Status> {
    if body.is_empty() {
        return Ok(None);
    }
    let Some(([compressed, length @ ..], _)) = body.split_first_chunk::<PREFIX>() else {
        return Err(Status::internal("the body ends before its message begins"));
    };
    if *compressed != 0 {
        return Err(Status::internal("the message is compressed, and nothing says how"));
    }
    let message = body.slice(PREFIX..);
    if usize::try_from(u32::from_be_bytes(*length)) != Ok(message.len()) {
        return Err(Status::internal("the body is not one message"));
    }
    M::decode(message)
        .map(Some)
        .map_err(|error| Status::internal(format!("not the message that it should be: {error}")))
}

fn too_long(length: usize, most: usize) -> Status {
    Status::out_of_range(format!("a message of {length} bytes, where {most} are taken"))
}

#[cfg(test)]
mod tests;
