use super::*;
use std::future::ready;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

#[tokio::test]
async fn what_cannot_be_accepted_is_not_tried_again_at_once() {
    let (attempts, since) = (AtomicUsize::new(0), Instant::now());
    let attempt = || {
        ready(match attempts.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => Err(io::Error::other("too many open files")),
            _ => Ok("accepted"),
        })
    };
    assert_eq!(persistently(attempt).await, "accepted");
    assert!(since.elapsed() >= PAUSE * 2);
}
