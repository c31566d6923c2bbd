use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use http_body::Body;
use http_body_util::BodyExt;

use super::PacedBody;
use crate::openai;

#[test]
fn a_saturated_body_is_pending_between_events() {
    let mut body = PacedBody::new(openai::stream(3, false), Duration::ZERO);
    let mut cx = Context::from_waker(Waker::noop());
    let mut polls = String::new();
    while !body.is_end_stream() {
        polls.push(match Pin::new(&mut body).poll_frame(&mut cx) {
            Poll::Ready(_) => 'r',
            Poll::Pending => 'p',
        });
    }
    assert_eq!(polls, "rprprprprpr");
}

#[tokio::test]
async fn a_paced_body_takes_its_time() {
    let started = Instant::now();
    let body = PacedBody::new(openai::stream(4, false), Duration::from_millis(5));
    let bytes = body.collect().await.unwrap().to_bytes();
    assert!(bytes.ends_with(b"data: [DONE]\n\n"));
    assert!(started.elapsed() >= Duration::from_millis(20));
}
