//! The bodies of requests: read whole, within limits.

use crate::admission::Place;
use crate::snapshot::Limits;
use bytes::{Bytes, BytesMut};
use gatewright_model::{ErrorKind, LlmError};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::error::Error;
use std::io;
use std::time::Duration;
use tokio::time::Instant;

/// How long, and how much of, a refused body is read and thrown away. A client that is cut off while it sends never
/// reads why.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_BYTES: usize = 512 << 20;

/// How fast a body comes. What came long ago counts for nothing: it would pay for hours of a byte now and then.
struct Pace {
    /// The time over which it is measured, again and again: what a client may pause, a second at least.
    stretch: Duration,
    since: Instant,
    /// What was here at `since`.
    before: usize,
    /// What came in the stretch that ended then.
    lately: usize,
    /// It is not asked to be fast yet.
    begins: bool,
}

/// Reads a client's body whole, by `deadline`. A body in one piece is not copied. What is refused is still read for a
/// while, behind the answer.
pub(crate) async fn read(
    mut body: Incoming,
    limits: &Limits,
    place: &mut Place,
    deadline: std::time::Instant,
) -> Result<Bytes, LlmError> {
    let deadline = Instant::from_std(deadline);
    let read = collect(&mut body, limits, place, deadline).await;
    if read.is_err() {
        // At once, and not when the request is closed: others that come side by side with it would all be refused too.
        place.leave_bytes();
    }
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
    body: &mut (impl Body<Data = Bytes, Error: Error + 'static> + Unpin),
    limits: &Limits,
    place: &mut Place,
    deadline: Instant,
) -> Result<Bytes, LlmError> {
    if body.size_hint().lower() > limits.body_bytes as u64 {
        return Err(too_large(limits));
    }
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let (mut first, mut rest) = (Bytes::new(), BytesMut::new());
    let mut pace = Pace::new(limits.header_timeout);
    loop {
        let longest = limits.header_timeout.min(deadline.saturating_duration_since(Instant::now()));
        let frame = match tokio::time::timeout(longest, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) => return Err(broken(&error)),
            Ok(None) => break,
            Err(_) => return Err(too_slow()),
        };
        let Ok(data) = frame.into_data() else { continue };
        let here = first.len() + rest.len() + data.len();
        if here > limits.body_bytes {
            return Err(too_large(limits));
        }
        if !pace.keeps(here) && !body.is_end_stream() {
            return Err(too_slow());
        }
        place.hold_bytes(here.max(announced.min(pace.ahead(here))), limits.inflight_body_bytes)?;
        if first.is_empty() && rest.is_empty() {
            // No more than was taken room for: who announces much and sends little takes no memory.
            let expected = (body.size_hint().lower() as usize).min(pace.ahead(here));
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

// === impl Pace ===

impl Pace {
    /// What counts as having come lately of a body that begins.
    const AT_FIRST: usize = 32 << 10;

    /// Who sends a byte now and then holds a place.
    const BYTES_PER_SECOND: u64 = 1 << 10;

    fn new(pause: Duration) -> Self {
        let stretch = pause.max(Duration::from_secs(1));
        Self { stretch, since: Instant::now(), before: 0, lately: Self::AT_FIRST, begins: true }
    }

    /// Whether it still comes fast enough, now that so much is here.
    fn keeps(&mut self, here: usize) -> bool {
        let took = self.since.elapsed();
        if took < self.stretch {
            return true;
        }
        let begins = std::mem::take(&mut self.begins);
        self.lately = here - self.before;
        (self.since, self.before) = (Instant::now(), here);
        begins || self.lately as u64 >= took.as_secs().saturating_mul(Self::BYTES_PER_SECOND)
    }

    /// The room that is taken for a body of which so much is here: for more than has come, since bodies that come side by
    /// side must not all be refused half-way, and not for all that is announced, which costs nobody anything.
    fn ahead(&self, here: usize) -> usize {
        let lately = self.lately.max(here - self.before);
        here.saturating_add(lately.saturating_mul(8))
    }
}

/// What a body that cannot be read to its end comes to: its client went away, or wrote it badly.
fn broken(error: &(dyn Error + 'static)) -> LlmError {
    match has_gone(error) {
        true => LlmError::new(ErrorKind::Cancelled, "the client went away"),
        false => LlmError::new(ErrorKind::InvalidRequest, "the request's body broke off"),
    }
}

/// Whether it was the connection that ended, or the client that ended a stream of HTTP/2.
fn has_gone(error: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
    let ends = [BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof];
    std::iter::successors(Some(error), |error| (*error).source()).any(|error| {
        let of_http = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message);
        let of_http2 = error.downcast_ref::<h2::Error>().is_some_and(|error| error.is_remote() || error.is_io());
        let of_io = error.downcast_ref::<io::Error>().is_some_and(|error| ends.contains(&error.kind()));
        of_http || of_http2 || of_io
    })
}

fn too_slow() -> LlmError {
    LlmError::new(ErrorKind::Timeout, "the request's body came too slowly").with_status(408)
}

fn too_large(limits: &Limits) -> LlmError {
    let message = format!("the request's body is over {} bytes", limits.body_bytes);
    LlmError::new(ErrorKind::RequestTooLarge, message)
}

#[cfg(test)]
mod tests;
