use super::*;
use crate::admission::Admission;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use http_body_util::Empty;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tokio::io::AsyncWriteExt;
use tokio::sync::{Notify, mpsc};
use tokio::time::Sleep;

const MIB: usize = 1 << 20;

/// A body that announces so much, and of which so much comes after each such pause.
struct Coming<P> {
    announced: usize,
    pieces: P,
    next: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<P: Iterator<Item = (Duration, usize)>> Coming<P> {
    fn new(announced: usize, pieces: impl IntoIterator<IntoIter = P>) -> Self {
        let mut body = Self { announced, pieces: pieces.into_iter(), next: None };
        body.wait();
        body
    }

    fn wait(&mut self) {
        let next = self.pieces.next().filter(|_| self.announced > 0);
        self.next = next.map(|(pause, bytes)| (Box::pin(tokio::time::sleep(pause)), bytes.min(self.announced)));
    }
}

impl<P: Iterator<Item = (Duration, usize)> + Unpin> Body for Coming<P> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let Some((pause, bytes)) = &mut self.next else { return Poll::Ready(None) };
        std::task::ready!(pause.as_mut().poll(cx));
        let piece = Bytes::from(vec![b' '; *bytes]);
        self.announced -= piece.len();
        self.wait();
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.announced == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced as u64)
    }
}

/// Pieces of so many bytes, so many seconds apart.
fn drip(seconds: u64, bytes: usize) -> impl Iterator<Item = (Duration, usize)> + Unpin {
    std::iter::repeat((Duration::from_secs(seconds), bytes))
}

/// A piece that comes at once.
fn at_once(bytes: usize) -> impl Iterator<Item = (Duration, usize)> + Unpin {
    std::iter::once((Duration::ZERO, bytes))
}

/// How the reading of a body ends: with so many bytes or a status, after so many seconds.
async fn read_all(
    mut body: impl Body<Data = Bytes, Error = Infallible> + Unpin,
    place: &mut Place,
) -> (Result<usize, u16>, u64) {
    let begun = Instant::now();
    let read = collect(&mut body, &Limits::default(), place, begun + Duration::from_secs(600)).await;
    (read.map(|read| read.len()).map_err(|error| error.status()), begun.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn a_body_that_was_fast_once_must_go_on_coming() {
    let mut place = Admission::default().enter(1).unwrap();
    let body = Coming::new(32 * MIB, at_once(4 * MIB).chain(drip(9, 1)));
    let (read, seconds) = read_all(body, &mut place).await;
    assert_eq!(read, Err(408));
    assert!((20..40).contains(&seconds), "after {seconds} s");
}

#[tokio::test(start_paused = true)]
async fn a_body_may_be_slow_but_must_come() {
    let admission = Admission::default();
    for (pieces, bytes) in [(drip(1, 1 << 10), 1 << 10), (drip(9, 9 << 10), 9 << 10), (drip(4, 64 << 10), 64 << 10)] {
        let mut place = admission.enter(1).unwrap();
        assert_eq!(read_all(Coming::new(50 * bytes, pieces), &mut place).await.0, Ok(50 * bytes));
    }
    for pieces in [drip(1, 1 << 9), drip(9, 1 << 10), drip(11, MIB)] {
        let mut place = admission.enter(1).unwrap();
        assert_eq!(read_all(Coming::new(MIB, pieces), &mut place).await.0, Err(408));
    }
}

#[tokio::test(start_paused = true)]
async fn room_is_taken_ahead_of_a_body_that_comes_and_given_back_if_it_does_not() {
    let (admission, most) = (Admission::default(), Limits::default().inflight_body_bytes);
    let (mut place, mut other) = (admission.enter(9).unwrap(), admission.enter(9).unwrap());
    let body = Coming::new(32 * MIB, at_once(4 * MIB).chain(drip(1, 2 << 10)));
    let mut reading = pin!(read_all(body, &mut place));
    assert!(tokio::time::timeout(Duration::from_secs(9), reading.as_mut()).await.is_err(), "it comes");
    assert!(other.hold_bytes(most - 31 * MIB, most).is_err(), "the rest of it may come as fast");
    assert!(tokio::time::timeout(Duration::from_secs(20), reading.as_mut()).await.is_err(), "it comes");
    assert!(other.hold_bytes(most - 5 * MIB, most).is_ok(), "the rest of it did not");
}

#[tokio::test(start_paused = true)]
async fn who_announces_much_and_sends_little_takes_little() {
    let (admission, most) = (Admission::default(), Limits::default().inflight_body_bytes);
    let mut places: Vec<Place> = (0..1000).map(|_| admission.enter(1000).unwrap()).collect();
    let begin = |place| read_all(Coming::new(32 * MIB, drip(1, 1)), place);
    let reading = futures_util::future::join_all(places.iter_mut().map(begin));
    assert!(tokio::time::timeout(Duration::from_secs(9), reading).await.is_err(), "none is refused");
    assert!(admission.enter(1001).unwrap().hold_bytes(most / 4, most).is_ok());
}

/// What a body comes to of which a client sends this, and then stays or closes its connection.
async fn sent(http2: bool, stays: bool, bytes: &[u8]) -> Result<Bytes, ErrorKind> {
    let (mut client, stream) = tokio::io::duplex(1 << 16);
    let (called, (tell, mut told)) = (Notify::new(), mpsc::unbounded_channel());
    let service = service_fn(|request: Request<Incoming>| {
        let tell = tell.clone();
        called.notify_one();
        async move {
            let mut place = Admission::default().enter(1).unwrap();
            let deadline = std::time::Instant::now() + Duration::from_secs(10);
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
