//! The bodies of requests: read whole, within limits.

use crate::admission::Place;
use crate::snapshot::Limits;
use bytes::{Bytes, BytesMut};
use gatewright_model::{ErrorKind, LlmError};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::time::{Duration, Instant};

/// How long, and how much of, a refused body is read and thrown away. A client that is cut off while it sends never
/// reads why.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_BYTES: usize = 512 << 20;

/// Reads a client's body whole, by `deadline`. A body in one piece is not copied. What is refused is still read for a
/// while, behind the answer.
pub(crate) async fn read(
    mut body: Incoming,
    limits: &Limits,
    place: &mut Place,
    deadline: Instant,
) -> Result<Bytes, LlmError> {
    let read = collect(&mut body, limits, place, deadline).await;
    if matches!(&read, Err(error) if error.status() != 408) {
        discard(body);
    }
    read
}

/// Throws away what a client still sends.
pub(crate) fn discard(mut body: Incoming) {
    if body.is_end_stream() {
        return;
    }
    tokio::spawn(tokio::time::timeout(LINGER, async move {
        let mut left = LINGER_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    }));
}

async fn collect(
    body: &mut Incoming,
    limits: &Limits,
    place: &mut Place,
    deadline: Instant,
) -> Result<Bytes, LlmError> {
    if body.size_hint().lower() > limits.body_bytes as u64 {
        return Err(too_large(limits));
    }
    // Room for all of it is taken at once: bodies that come side by side must not all be refused half-way.
    let mut room = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    place.take_bytes(room, limits.inflight_body_bytes)?;
    let (mut first, mut rest) = (Bytes::new(), BytesMut::new());
    loop {
        let longest = limits.header_timeout.min(deadline.saturating_duration_since(Instant::now()));
        let frame = match tokio::time::timeout(longest, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) => return Err(LlmError::new(ErrorKind::InvalidRequest, "the request's body broke off")),
            Ok(None) => break,
            Err(_) => {
                let message = "the request's body came too slowly";
                return Err(LlmError::new(ErrorKind::Timeout, message).with_status(408));
            }
        };
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + rest.len() + data.len() > limits.body_bytes {
            return Err(too_large(limits));
        }
        let beyond = (first.len() + rest.len() + data.len()).saturating_sub(room);
        if beyond > 0 {
            place.take_bytes(beyond, limits.inflight_body_bytes)?;
            room += beyond;
        }
        if first.is_empty() && rest.is_empty() {
            let expected = body.size_hint().lower() as usize;
            if expected > 0 {
                rest.reserve(data.len() + expected);
                rest.extend_from_slice(&data);
            } else {
                first = data;
            }
        } else {
            if !first.is_empty() {
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&data);
        }
        if body.is_end_stream() {
            break;
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

fn too_large(limits: &Limits) -> LlmError {
    let message = format!("the request's body is over {} bytes", limits.body_bytes);
    LlmError::new(ErrorKind::RequestTooLarge, message)
}
