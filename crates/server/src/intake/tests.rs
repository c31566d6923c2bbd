use super::*;
use crate::admission::Admission;
use http_body::{Frame, SizeHint};
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
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
async fn read_all(mut body: impl Body<Data = Bytes> + Unpin, place: &mut Place) -> (Result<usize, u16>, u64) {
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
