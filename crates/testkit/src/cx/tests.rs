use super::MockCx;
use gatewright_plugin::services::Level;
use gatewright_plugin::{MAX_STATE_ENTRIES, Value};

fn cx() -> MockCx {
    MockCx::new("test-123", "user-456", "key-789", "gpt-4", "/v1/chat/completions")
}

#[test]
fn facts_are_those_of_new_context() {
    let cx = cx();
    let facts = cx.facts();
    assert_eq!((&*facts.request_id, &*facts.user_id, &*facts.api_key_id), ("test-123", "user-456", "key-789"));
    assert_eq!((&*facts.model, &*facts.endpoint, &*facts.provider), ("gpt-4", "/v1/chat/completions", ""));
}

#[test]
fn writes_are_seen_by_the_next_call_and_kept_by_commit() {
    let mut cx = cx().with_state("earlier", true);
    cx.set("mapping", "a=b").unwrap();
    cx.set_scratch(&7).unwrap();
    cx.metadata("key", "value");
    assert_eq!(cx.get("mapping").and_then(Value::as_str), Some("a=b"));
    assert_eq!(cx.attached()["key"], "value");

    let writes = cx.commit();
    assert_eq!(writes.state.len(), 1);
    assert!(cx.attached().is_empty());
    assert_eq!(cx.state().get("mapping").and_then(Value::as_str), Some("a=b"));
    assert_eq!(cx.state().get("earlier"), Some(&Value::Bool(true)));
    assert_eq!(cx.scratch::<i32>(), Some(7));
}

#[test]
fn what_others_wrote_does_not_make_a_write_fail() {
    let keys = |of: &'static str| (0..MAX_STATE_ENTRIES).map(move |number| format!("{of}.{number}"));
    let mut cx = keys("others").fold(cx(), |cx, key| cx.with_state(&key, true));
    let before = cx.state().clone();
    keys("mine").for_each(|key| cx.set(&key, true).unwrap());
    assert!(cx.set("one more", true).is_err(), "its own are bounded");
    assert_eq!(cx.get("mine.0"), Some(&Value::Bool(true)));
    cx.commit();
    assert_eq!(cx.state(), &before, "what finds no room is let go");
}

#[test]
fn undo_gives_up_what_was_written() {
    let mut cx = cx();
    cx.set_scratch(&1).unwrap();
    cx.commit();
    cx.set("key", 1_i64).unwrap();
    cx.set_scratch(&2).unwrap();
    cx.undo();
    assert_eq!(cx.get("key"), None);
    assert_eq!(cx.scratch::<i32>(), Some(1));
}

#[test]
fn log_lines_carry_the_request() {
    let cx = cx();
    cx.log(Level::Warn, "high", &[("cost", 2.5.into())]);
    let line = &cx.mocks().log.lines()[0];
    assert_eq!((line.level, &*line.message, &*line.request_id), (Level::Warn, "high", "test-123"));
    assert_eq!(line.fields["cost"], 2.5);
}
