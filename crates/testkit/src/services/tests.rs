use super::MockServices;
use crate::{block_on, poll_once, request, response};
use bytes::Bytes;
use gatewright_model::{ErrorKind, LlmError};
use gatewright_plugin::services::{
    Http, HttpCall, Kv, Llm, Metrics, Record, Records, Sample, SampleKind, ServiceError,
};
use gatewright_plugin::{Facts, Permission};
use serde_json::json;
use std::pin::pin;
use std::time::Duration;

fn call() -> HttpCall {
    HttpCall::post_json("https://hooks.test/a", &json!({"a": 1}))
}

#[test]
fn http_keeps_calls_and_follows_the_script() {
    let mocks = MockServices::default();
    mocks.http.reply(201, "made");
    mocks.http.fail(ServiceError::Deadline);
    mocks.http.hang();
    let first = block_on(mocks.http.send(call())).unwrap();
    assert_eq!((first.status, &*first.body), (201, &b"made"[..]));
    assert_eq!(block_on(mocks.http.send(call())).unwrap_err(), ServiceError::Deadline);
    assert!(poll_once(pin!(mocks.http.send(call()))).is_none());
    assert!(matches!(block_on(mocks.http.send(call())), Err(ServiceError::Failed(_))));
    assert_eq!(mocks.http.calls().len(), 4);
    assert_eq!(mocks.http.bodies()[0], json!({"a": 1}));
}

#[test]
fn llm_keeps_requests_and_follows_the_script() {
    let mocks = MockServices::default();
    mocks.llm.reply(response("yes").build());
    mocks.llm.fail(LlmError::new(ErrorKind::RateLimit, "slow down"));
    let facts = Facts::default();
    let ask = || request("judge").user("Is it good?").build();
    assert!(block_on(mocks.llm.complete(&facts, ask())).is_ok());
    assert_eq!(block_on(mocks.llm.complete(&facts, ask())).unwrap_err().kind, ErrorKind::RateLimit);
    assert_eq!(block_on(mocks.llm.complete(&facts, ask())).unwrap_err().kind, ErrorKind::Upstream);
    assert_eq!(mocks.llm.requests()[0].model, "judge");
}

#[test]
fn kv_counts_compares_expires_and_limits() {
    let mocks = MockServices::default();
    let kv = &*mocks.kv;
    assert_eq!(block_on(kv.increment("n", 2)), Ok(2));
    assert_eq!(block_on(kv.increment("n", -5)), Ok(-3));
    assert_eq!(block_on(kv.compare_and_set("n", None, Bytes::from("x"))), Ok(false));
    assert_eq!(block_on(kv.compare_and_set("n", Some(Bytes::from("-3")), Bytes::from("x"))), Ok(true));
    assert!(matches!(block_on(kv.increment("n", 1)), Err(ServiceError::Invalid(_))));
    block_on(kv.set("short", Bytes::from("1"), Some(Duration::from_secs(5)))).unwrap();
    assert_eq!(block_on(kv.list("", 10)).unwrap(), ["n", "short"]);
    kv.advance(Duration::from_secs(4));
    assert_eq!(block_on(kv.increment("short", 1)), Ok(2));
    kv.advance(Duration::from_secs(1));
    assert_eq!(block_on(kv.get("short")), Ok(None));
    assert!(matches!(block_on(kv.get(&"k".repeat(256))), Err(ServiceError::TooLarge(_))));
    let large = Bytes::from(vec![0; (5 << 20) + 1]);
    assert!(matches!(block_on(kv.set("large", large, None)), Err(ServiceError::TooLarge(_))));
    assert_eq!(block_on(kv.delete("n")), Ok(true));
    assert!(kv.entries().is_empty());
}

#[test]
fn what_is_denied_is_refused_and_named() {
    let all = [Permission::Http, Permission::Kv, Permission::Metrics, Permission::Records, Permission::Llm];
    let mocks = MockServices::deny(all);
    let sample = Sample { name: "n", kind: SampleKind::Count, value: 1.0, labels: &[] };
    let row = Record { table: "t".to_owned(), row: Default::default() };
    let refusals = [
        block_on(mocks.http.send(call())).err(),
        block_on(mocks.kv.get("k")).err(),
        mocks.metrics.record(&sample).err(),
        mocks.records.append(row).err(),
    ];
    for (refusal, expected) in refusals.into_iter().zip(all) {
        assert!(matches!(refusal, Some(ServiceError::Denied { permission, .. }) if permission == expected));
        assert!(!mocks.grants(expected));
    }
    let refused = block_on(mocks.llm.complete(&Facts::default(), request("m").build())).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::PermissionDenied);
    assert!(mocks.http.calls().is_empty() && mocks.metrics.samples().is_empty() && mocks.records.rows().is_empty());
}

#[test]
fn samples_and_rows_are_kept() {
    let mocks = MockServices::default();
    for value in [1.0, 2.5] {
        mocks
            .metrics
            .record(&Sample { name: "hits", kind: SampleKind::Count, value, labels: &[("kind", "a")] })
            .unwrap();
    }
    assert_eq!(mocks.metrics.sum("hits"), 3.5);
    assert_eq!(mocks.metrics.samples()[0].labels, [("kind".to_owned(), "a".to_owned())]);
    let row = json!({"a": 1}).as_object().unwrap().clone();
    mocks.records.append(Record { table: "t".to_owned(), row }).unwrap();
    assert_eq!(mocks.records.rows()[0].row["a"], 1);
}
