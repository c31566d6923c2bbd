use super::{CostAlerter, CostAlerterConfig};
use gatewright_plugin::prelude::*;
use gatewright_plugin::services::Level;
use gatewright_testkit::{MockCx, block_on, summary};
use serde_json::json;

fn alerter(threshold: f64) -> CostAlerter {
    CostAlerter::from_config(CostAlerterConfig { threshold }).unwrap()
}

fn after(threshold: f64, cost: f64) -> MockCx {
    let mut cx = MockCx::new("test-123", "user-456", "key-789", "gpt-4", "/v1/chat/completions");
    let summary = RequestSummary { cost, ..summary() };
    assert_eq!(block_on(alerter(threshold).post_request(&mut cx, &summary)), Ok(()));
    cx
}

#[test]
fn a_request_over_the_threshold_is_warned_of() {
    let cx = after(1.5, 2.0);
    let line = cx.mocks().log.line("high-cost request detected").unwrap();
    assert_eq!((line.level, &*line.request_id), (Level::Warn, "test-123"));
    assert_eq!(json!(line.fields), json!({"cost": 2.0, "threshold": 1.5, "model": "gpt-4"}));
    assert_eq!(json!(cx.attached()), json!({"alert": "high_cost", "cost": 2.0}));
}

#[test]
fn the_threshold_itself_is_not_over_it() {
    for (threshold, cost) in [(1.5, 1.5), (1.5, 0.0), (0.0, 0.0)] {
        let cx = after(threshold, cost);
        assert!(cx.mocks().log.lines().is_empty() && cx.attached().is_empty());
    }
    assert_eq!(after(0.0, 0.000_001).attached()["alert"], "high_cost");
}

#[test]
fn a_threshold_that_makes_no_sense_fails_the_load() {
    for threshold in [-0.1, f64::NAN] {
        let failure = CostAlerter::from_config(CostAlerterConfig { threshold }).unwrap_err();
        assert!(failure.to_string().starts_with("threshold: must be 0 or more US dollars"), "{failure}");
    }
}

#[test]
fn it_stands_at_one_hook_and_waits_for_nothing() {
    assert_eq!(CostAlerter::HOOKS.iter().collect::<Vec<_>>(), [Hook::PostRequest]);
    assert_eq!(CostAlerter::IMMEDIATE, CostAlerter::HOOKS);
}
