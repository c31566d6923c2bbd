use super::{Failure, Retry, jitter, retry_after};
use crate::RetrySettings;
use gatewright_model::{ErrorKind, LlmError};
use http::HeaderMap;
use std::time::{Duration, SystemTime};

const POLICY: RetrySettings =
    RetrySettings { max_retries: 5, backoff_initial: Duration::from_millis(500), backoff_max: Duration::from_secs(5) };

#[test]
fn backoff_doubles_up_to_the_maximum() {
    let waits: Vec<u64> = (0..6).map(|n| POLICY.wait(n, None, 1.0).as_millis() as u64).collect();
    assert_eq!(waits, [500, 1000, 2000, 4000, 5000, 5000]);
    assert_eq!(POLICY.wait(1000, None, 1.0), Duration::from_secs(5));
    assert_eq!(POLICY.wait(0, None, 0.8), Duration::from_millis(400));
    assert_eq!(POLICY.wait(9, None, 1.2), Duration::from_secs(6));
}

#[test]
fn jitter_stays_within_a_fifth() {
    let drawn: Vec<f64> = (0..1000).map(|_| jitter()).collect();
    assert!(drawn.iter().all(|factor| (0.8..=1.2).contains(factor)));
    assert!(drawn.iter().any(|factor| *factor < 0.9) && drawn.iter().any(|factor| *factor > 1.1));
}

#[test]
fn what_the_provider_asks_for_is_obeyed_up_to_the_maximum() {
    assert_eq!(POLICY.wait(0, Some(Duration::from_secs(3)), 1.2), Duration::from_secs(3));
    assert_eq!(POLICY.wait(3, Some(Duration::ZERO), 1.0), Duration::ZERO);
    assert_eq!(POLICY.wait(0, Some(Duration::from_secs(60)), 1.0), Duration::from_millis(500));
}

#[test]
fn retry_after_comes_in_three_forms() {
    let now = httpdate::parse_http_date("Wed, 21 Oct 2015 07:28:00 GMT").unwrap();
    for (name, value, expected) in [
        ("retry-after", "2", Some(Duration::from_secs(2))),
        ("retry-after", "0.5", Some(Duration::from_millis(500))),
        ("retry-after-ms", "250", Some(Duration::from_millis(250))),
        ("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT", Some(Duration::from_secs(30))),
        ("retry-after", "Wed, 21 Oct 2015 07:00:00 GMT", Some(Duration::ZERO)),
        ("retry-after", "soon", None),
        ("retry-after", "-1", None),
        ("retry-after", "1e400", None),
        ("other", "1", None),
    ] {
        let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
        assert_eq!(retry_after(&headers, now), expected, "{name}: {value}");
    }
    assert_eq!(retry_after(&HeaderMap::new(), SystemTime::now()), None);
}

#[test]
fn what_is_worth_another_try() {
    let of = |status, kind| Failure::told(status, LlmError::new(kind, "")).retry;
    for (status, kind, expected) in [
        (429, ErrorKind::RateLimit, Retry::NextKey),
        (429, ErrorKind::InsufficientQuota, Retry::NextKey),
        (400, ErrorKind::RateLimit, Retry::NextKey),
        (503, ErrorKind::RateLimit, Retry::NextKey),
        (200, ErrorKind::RateLimit, Retry::NextKey),
        (500, ErrorKind::Upstream, Retry::SameKey),
        (529, ErrorKind::Overloaded, Retry::SameKey),
        (500, ErrorKind::Authentication, Retry::SameKey),
        (200, ErrorKind::Overloaded, Retry::SameKey),
        (200, ErrorKind::InvalidRequest, Retry::Never),
        (400, ErrorKind::InvalidRequest, Retry::Never),
        (401, ErrorKind::Authentication, Retry::Never),
        (408, ErrorKind::Timeout, Retry::Never),
        (302, ErrorKind::Upstream, Retry::Never),
    ] {
        assert_eq!(of(status, kind), expected, "{status} {kind:?}");
    }
}
