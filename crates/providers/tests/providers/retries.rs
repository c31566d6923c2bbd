//! What is tried again, with which key, and when.

use crate::support::*;
use gatewright_model::ErrorKind;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test]
async fn trouble_is_retried_with_the_same_key() {
    let upstream = Upstream::playing(vec![
        vec![Step::Reset],
        error(500, "server_error", "oops"),
        error(503, "server_error", "later"),
        json(200, ANSWER),
    ])
    .await;
    let answer = provider(retrying(&upstream, &["k1", "k2", "k3"], 3)).attempt(call(false)).await.unwrap();
    assert_eq!(answer.retries, 3);
    let keys = upstream.keys();
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert_eq!(answer.key_name, keys[0]);
    let bodies: Vec<String> = upstream.seen().into_iter().map(|seen| seen.body).collect();
    assert!(bodies.iter().all(|body| *body == bodies[0] && !body.is_empty()));
}

#[tokio::test]
async fn a_limit_rotates_the_keys_in_rounds() {
    let upstream = Upstream::playing(vec![error(429, "rate_limit_error", "slow down")]).await;
    let error = failure(&provider(retrying(&upstream, &["k1", "k2", "k3"], 5)), call(false)).await;
    assert_eq!((error.kind, error.status()), (ErrorKind::RateLimit, 429));
    let keys = upstream.keys();
    assert_eq!(keys.len(), 6);
    for round in keys.chunks(3) {
        let mut round = round.to_vec();
        round.sort();
        assert_eq!(round, ["k1", "k2", "k3"]);
    }
}

#[tokio::test]
async fn what_looks_like_a_limit_rotates_too() {
    let upstream = Upstream::playing(vec![
        error(400, "invalid_request_error", "Rate limit reached for requests"),
        error(403, "rate_limit_exceeded", "no"),
        json(200, ANSWER),
    ])
    .await;
    let answer = provider(retrying(&upstream, &["k1", "k2", "k3"], 3)).attempt(call(false)).await.unwrap();
    assert_eq!(answer.retries, 2);
    let mut keys = upstream.keys();
    keys.sort();
    assert_eq!(keys, ["k1", "k2", "k3"]);
}

#[tokio::test]
async fn refusals_are_final() {
    for status in [400, 401, 403, 404, 408, 413, 422] {
        let upstream = Upstream::playing(vec![error(status, "x", "no")]).await;
        let error = failure(&provider(retrying(&upstream, &["k1", "k2"], 3)), call(false)).await;
        assert_eq!(error.message, "no");
        assert_eq!(upstream.seen().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn retries_end() {
    let upstream = Upstream::playing(vec![error(500, "server_error", "oops")]).await;
    for (retries, tries) in [(0, 1), (2, 4)] {
        let error = failure(&provider(retrying(&upstream, &["k1"], retries)), call(false)).await;
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Upstream, "oops"));
        assert_eq!(upstream.seen().len(), tries);
    }
}

#[tokio::test(start_paused = true)]
async fn waits_double_within_their_jitter() {
    let upstream = Upstream::playing(vec![error(500, "server_error", "oops")]).await;
    let mut settings = retrying(&upstream, &["k1"], 4);
    settings.retry.backoff_initial = Duration::from_millis(500);
    settings.retry.backoff_max = Duration::from_secs(3);
    failure(&provider(settings), call(false)).await;
    let seen = upstream.seen();
    for (pair, expected) in seen.windows(2).zip([0.5, 1.0, 2.0, 3.0]) {
        let waited = (pair[1].at - pair[0].at).as_secs_f64();
        assert!((0.8 * expected..=1.2 * expected + 0.01).contains(&waited), "{waited} s instead of about {expected} s");
    }
}

#[tokio::test(start_paused = true)]
async fn the_wait_that_the_provider_asks_for_is_obeyed() {
    let limited = |after| raw(429, &[("content-type", "application/json"), ("retry-after", after)], "{}");
    let upstream = Upstream::playing(vec![limited("3"), limited("60"), json(200, ANSWER)]).await;
    let mut settings = retrying(&upstream, &["k1"], 2);
    settings.retry.backoff_initial = Duration::from_millis(100);
    settings.retry.backoff_max = Duration::from_secs(5);
    provider(settings).attempt(call(false)).await.unwrap();
    let waits: Vec<f64> = upstream.seen().windows(2).map(|pair| (pair[1].at - pair[0].at).as_secs_f64()).collect();
    assert!((3.0..3.01).contains(&waits[0]), "{waits:?}");
    assert!((0.16..0.25).contains(&waits[1]), "over the maximum it is not obeyed: {waits:?}");
}

#[tokio::test(start_paused = true)]
async fn another_key_waits_for_nobody_and_the_limited_one_is_left_alone() {
    let limited = raw(429, &[("content-type", "application/json"), ("retry-after", "4")], "{}");
    let upstream = Upstream::playing(vec![limited, json(200, ANSWER), json(200, ANSWER), json(200, ANSWER)]).await;
    let provider = provider(retrying(&upstream, &["k1", "k2"], 2));
    let begun = Instant::now();
    for _ in 0..3 {
        provider.attempt(call(false)).await.unwrap();
    }
    assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
    let keys = upstream.keys();
    assert!(keys[1] != keys[0] && keys[1] == keys[2] && keys[2] == keys[3], "{keys:?}");
}

#[tokio::test]
async fn the_client_is_told_when_to_come_back() {
    let limited = raw(429, &[("content-type", "application/json"), ("retry-after", "60")], "{}");
    let upstream = Upstream::playing(vec![limited]).await;
    let error = failure(&provider(settings(&upstream, &["k1"])), call(false)).await;
    assert_eq!(error.retry_after, Some(Duration::from_secs(60)));
}

#[tokio::test(start_paused = true)]
async fn no_retry_begins_after_the_deadline() {
    let upstream = Upstream::playing(vec![error(500, "server_error", "oops")]).await;
    let mut settings = retrying(&upstream, &["k1"], 9);
    settings.retry.backoff_initial = Duration::from_secs(2);
    settings.retry.backoff_max = Duration::from_secs(2);
    let start = Instant::now();
    let error = failure(&provider(settings), within(call(false), Duration::from_secs(5))).await;
    assert_eq!(error.message, "oops");
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!((2..=4).contains(&upstream.seen().len()), "{}", upstream.seen().len());
}
