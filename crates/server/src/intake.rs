//! The bodies of requests: read whole, within limits.

use crate::admission::Place;
use crate::snapshot::Limits;
use bytes::{Bytes, BytesMut};
use gatewright_model::{ErrorKind, LlmError};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::error::Error as _;
use std::io;
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
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let (mut first, mut rest) = (Bytes::new(), BytesMut::new());
    let begun = Instant::now();
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
        if !body.is_end_stream() && here < least(begun.elapsed().saturating_sub(limits.header_timeout)) {
            return Err(too_slow());
        }
        place.hold_bytes(here.max(announced.min(ahead(here))), limits.inflight_body_bytes)?;
        if first.is_empty() && rest.is_empty() {
            // No more than was taken room for: who announces much and sends little takes no memory.
            let expected = (body.size_hint().lower() as usize).min(ahead(here));
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

/// The room that is taken for a body of which so much is here: for more than has come, since bodies that come side by side
/// must not all be refused half-way, and not for all that is announced, which costs nobody anything.
fn ahead(here: usize) -> usize {
    here.saturating_mul(8).max(256 << 10)
}

/// What must be here of a body after so long: who sends a byte now and then holds a place.
fn least(after: Duration) -> usize {
    const BYTES_PER_SECOND: usize = 1 << 10;
    usize::try_from(after.as_secs()).unwrap_or(usize::MAX).saturating_mul(BYTES_PER_SECOND)
}

/// What a body that cannot be read to its end comes to: its client went away, or wrote it badly.
fn broken(error: &hyper::Error) -> LlmError {
    match has_gone(error) {
        true => LlmError::new(ErrorKind::Cancelled, "the client went away"),
        false => LlmError::new(ErrorKind::InvalidRequest, "the request's body broke off"),
    }
}

/// Whether it was the connection that ended, or the client that ended a stream of HTTP/2.
fn has_gone(error: &hyper::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
    let mut sources = std::iter::successors(error.source(), |error| (*error).source());
    error.is_incomplete_message()
        || sources.any(|source| match (source.downcast_ref::<h2::Error>(), source.downcast_ref::<io::Error>()) {
            (Some(error), _) => error.is_remote() || error.is_io(),
            (None, Some(error)) => {
                let ends = [BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof];
                ends.contains(&error.kind())
            }
            (None, None) => false,
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
mod tests {
    use super::*;
    use crate::admission::Admission;
    use http::{Request, Response};
    use http_body_util::Empty;
    use hyper::server::conn::{http1, http2};
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use std::convert::Infallible;
    use tokio::io::AsyncWriteExt;
    use tokio::sync::{Notify, mpsc};

    /// What a body comes to of which a client sends this, and then stays or closes its connection.
    async fn sent(http2: bool, stays: bool, bytes: &[u8]) -> Result<Bytes, ErrorKind> {
        let (mut client, stream) = tokio::io::duplex(1 << 16);
        let (called, (tell, mut told)) = (Notify::new(), mpsc::unbounded_channel());
        let service = service_fn(|request: Request<Incoming>| {
            let tell = tell.clone();
            called.notify_one();
            async move {
                let mut place = Admission::default().enter(1).unwrap();
                let deadline = Instant::now() + Duration::from_secs(10);
                tell.send(read(request.into_body(), &Limits::default(), &mut place, deadline).await).unwrap();
                Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
            }
        });
        let serving = async {
            let stream = TokioIo::new(stream);
            match http2 {
                true => http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await,
                false => http1::Builder::new().serve_connection(stream, service).await,
            }
        };
        let asking = async {
            client.write_all(bytes).await.unwrap();
            called.notified().await;
            let _client = stays.then_some(client);
            told.recv().await.unwrap().map_err(|error| error.kind)
        };
        let both = async { tokio::join!(serving, asking).1 };
        tokio::time::timeout(Duration::from_secs(10), both).await.unwrap()
    }

    #[tokio::test]
    async fn a_client_that_goes_away_over_its_body_sent_no_bad_one() {
        let post = |rest: &str| format!("POST / HTTP/1.1\r\nhost: g\r\n{rest}").into_bytes();
        let whole = post("content-length: 2\r\n\r\n{}");
        assert_eq!(sent(false, true, &whole).await.unwrap(), "{}");
        for gone in ["content-length: 9\r\n\r\n{", "transfer-encoding: chunked\r\n\r\n2\r\n{"] {
            assert_eq!(sent(false, false, &post(gone)).await.unwrap_err(), ErrorKind::Cancelled, "{gone}");
        }
        let malformed = post("transfer-encoding: chunked\r\n\r\nzz\r\n{}");
        assert_eq!(sent(false, true, &malformed).await.unwrap_err(), ErrorKind::InvalidRequest);
    }

    #[tokio::test]
    async fn so_it_is_over_http2_whether_it_ends_the_connection_or_the_stream() {
        let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
            [&[0, 0, payload.len() as u8, kind, flags, 0, 0, 0, stream], payload].concat()
        };
        let begun = |length: &str| {
            // POST, https, / of the static table, and a length.
            let fields = [&[0x83, 0x87, 0x84, 0x0f, 0x0d, length.len() as u8], length.as_bytes()].concat();
            let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
            [preface, frame(4, 0, 0, &[]), frame(1, 4, 1, &fields)].concat()
        };
        let whole = [begun("2"), frame(0, 1, 1, b"{}")].concat();
        assert_eq!(sent(true, true, &whole).await.unwrap(), "{}");
        let gone = [begun("9"), frame(0, 0, 1, b"{}")].concat();
        assert_eq!(sent(true, false, &gone).await.unwrap_err(), ErrorKind::Cancelled);
        let reset = [gone, frame(3, 0, 1, &[0, 0, 0, 8])].concat();
        assert_eq!(sent(true, true, &reset).await.unwrap_err(), ErrorKind::Cancelled);
        let too_much = [begun("1"), frame(0, 0, 1, b"{}")].concat();
        assert_eq!(sent(true, true, &too_much).await.unwrap_err(), ErrorKind::InvalidRequest);
    }

    #[test]
    fn room_is_taken_ahead_of_what_comes() {
        assert_eq!(ahead(0), 256 << 10);
        assert_eq!(ahead(1 << 20), 8 << 20);
        assert_eq!(ahead(usize::MAX), usize::MAX);
    }

    #[test]
    fn a_body_may_be_slow_but_must_come() {
        assert_eq!(least(Duration::ZERO), 0);
        assert_eq!(least(Duration::from_millis(900)), 0);
        assert_eq!(least(Duration::from_secs(9)), 9 << 10);
        assert_eq!(least(Duration::MAX), usize::MAX);
    }
}
