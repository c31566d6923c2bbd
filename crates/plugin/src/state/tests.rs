use super::*;
use serde_json::json;

fn full_of_entries() -> State {
    let mut state = State::default();
    for number in 0..MAX_STATE_ENTRIES {
        state.set(&format!("key-{number}"), Some(true.into())).unwrap();
    }
    state
}

#[test]
fn what_is_set_is_read_until_it_is_taken_out() {
    let mut state = State::default();
    assert_eq!(state.get("a"), None);
    state.set("a", Some(1.into())).unwrap();
    state.set("a", Some("two".into())).unwrap();
    assert_eq!(state.get("a").and_then(Value::as_str), Some("two"));
    state.set("a", None).unwrap();
    state.set("never", None).unwrap();
    assert_eq!(state.iter().count(), 0);
}

#[test]
fn a_snapshot_stays_as_it_was() {
    let mut state = State::default();
    state.set("a", Some(1.into())).unwrap();
    let snapshot = state.clone();
    state.set("a", Some(2.into())).unwrap();
    assert_eq!(snapshot.get("a"), Some(&Value::Int(1)));
}

#[test]
fn entries_are_bounded() {
    let mut state = full_of_entries();
    let before = state.clone();
    assert!(state.set("one-more", Some(true.into())).is_err());
    assert_eq!(state, before, "a refusal changes nothing");
    state.set("key-0", Some("replaced".into())).unwrap();
    state.set("key-1", None).unwrap();
    state.set("one-more", Some(true.into())).unwrap();
    assert!(state.set("and-another", Some(true.into())).is_err());
}

#[test]
fn an_entry_without_a_size_counts_as_one() {
    let mut state = full_of_entries();
    assert!(state.set("", Some("".into())).is_err());
    state.set("key-0", None).unwrap();
    state.set("", Some("".into())).unwrap();
    state.set("", Some("x".into())).unwrap();
    state.set("", Some("".into())).unwrap();
    assert_eq!(state.iter().count(), MAX_STATE_ENTRIES);
}

#[test]
fn bytes_are_bounded_keys_and_values_together() {
    let mut state = State::default();
    let text = |length: usize| Some("x".repeat(length).into());
    assert!(state.set("k", text(MAX_STATE_BYTES)).is_err(), "the key counts too");
    state.set("k", text(MAX_STATE_BYTES - 1)).unwrap();
    assert!(state.set("b", Some(true.into())).is_err());
    state.set("k", text(MAX_STATE_BYTES - 10)).unwrap();
    state.set("b", Some(true.into())).unwrap();
    assert!(state.set("k", text(MAX_STATE_BYTES - 9)).is_err());
    assert_eq!(state.get("k").unwrap().as_str().unwrap().len(), MAX_STATE_BYTES - 10);
}

#[test]
fn room_is_given_back() {
    let mut state = State::default();
    for _ in 0..3 {
        for key in ["a", "b"] {
            state.set(key, Some("x".repeat(MAX_STATE_BYTES / 2 - 1).into())).unwrap();
        }
        state.set("a", None).unwrap();
        state.set("b", None).unwrap();
    }
}

#[test]
fn json_counts_with_all_that_is_in_it() {
    let mut state = State::default();
    let half = "x".repeat(MAX_STATE_BYTES / 2);
    for large in [json!([half, half]), json!({ "a": { "b": half, "c": half } }), json!({ &*half: 1, "b": half })] {
        assert!(state.set("k", Some(large.into())).is_err());
    }
    let numbers: Vec<u32> = (0..MAX_STATE_BYTES as u32 / 8).collect();
    assert!(state.set("k", Some(json!(numbers).into())).is_err());
}

#[test]
fn every_kind_of_value_reads_as_json() {
    for (value, expected) in [
        (Value::from(true), json!(true)),
        (Value::from(-1), json!(-1)),
        (Value::from(0.5), json!(0.5)),
        (Value::from("t"), json!("t")),
        (Value::from("t".to_owned()), json!("t")),
        (Value::from(Bytes::from_static(&[1, 255])), json!([1, 255])),
        (Value::from(json!({ "a": null })), json!({ "a": null })),
    ] {
        assert_eq!(value.to_json(), expected);
    }
}

#[test]
fn only_a_text_reads_as_one() {
    assert_eq!(Value::from(json!("in json")).as_str(), Some("in json"));
    for value in [Value::from(1), Value::from(Bytes::from_static(b"b")), Value::from(json!(["a"]))] {
        assert_eq!(value.as_str(), None, "{value:?}");
    }
}

#[test]
fn every_kind_of_value_can_be_sent_over_a_wire() {
    for value in [
        Value::from(true),
        Value::from(i64::MIN),
        Value::from(0.1),
        Value::from("t"),
        Value::from(Bytes::from_static(&[0, 255])),
        Value::from(json!({ "a": [1] })),
    ] {
        let text = serde_json::to_string(&value).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value, "{text}");
    }
}
