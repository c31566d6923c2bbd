//! Reads whole bodies.

use super::failure::Teller;
use crate::http::{ResponseBody, TransportError};
use crate::retry::Failure;
use crate::watch::Watch;
use bytes::{Bytes, BytesMut};
use http_body::Body;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Longest that the body of an error is waited for: a retry or a fallback waits for it.
const ERROR_TIME: Duration = Duration::from_secs(5);

/// The whole body, of at most `limit` bytes. One that comes in one piece is not copied.
pub(super) async fn whole(
    mut body: ResponseBody,
    watch: &mut Watch,
    limit: usize,
    teller: &Teller<'_>,
) -> Result<Bytes, Failure> {
    let announced = body.size_hint().lower();
    if announced > limit as u64 {
        return Err(teller.too_large(limit));
    }
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    loop {
        let piece = watch.over(data(&mut body)).await.map_err(|late| teller.late(late, true))?;
        let Some(piece) = piece.map_err(|error| teller.transport(error))? else { break };
        watch.touch();
        if first.len() + joined.len() + piece.len() > limit {
            return Err(teller.too_large(limit));
        }
        if first.is_empty() && joined.is_empty() {
            first = piece;
        } else {
            if joined.is_empty() {
                joined.reserve((announced as usize).max(2 * first.len() + piece.len()));
                joined.extend_from_slice(&std::mem::take(&mut first));
            }
            joined.extend_from_slice(&piece);
        }
        if body.is_end_stream() {
            break;
        }
    }
    Ok(if joined.is_empty() { first } else { joined.freeze() })
}

/// The beginning of a body, up to about `most` bytes, or as much of it as comes in time: for errors.
pub(super) async fn beginning(mut body: ResponseBody, watch: &mut Watch, most: usize) -> Bytes {
    let (mut joined, until) = (BytesMut::new(), Instant::now() + ERROR_TIME);
    while joined.len() < most {
        let Ok(Ok(Ok(Some(piece)))) = timeout_at(until, watch.over(data(&mut body))).await else { break };
        watch.touch();
        joined.extend_from_slice(&piece);
    }
    joined.freeze()
}

/// The next piece of a body; `None` at its end.
pub(super) async fn data(body: &mut ResponseBody) -> Result<Option<Bytes>, TransportError> {
    loop {
        match poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
            None => return Ok(None),
            Some(Err(error)) => return Err(TransportError::cut(&error)),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(piece) if !piece.is_empty() => return Ok(Some(piece)),
                _ => {}
            },
        }
    }
}
