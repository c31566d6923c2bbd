use super::*;
use gatewright_plugin::{MAX_STATE_BYTES, MAX_STATE_ENTRIES, Value};
use serde_json::{Map, json};

fn exchange() -> Exchange {
    Exchange::new(Arc::new(PluginSet::empty()), Facts::default())
}

fn state(entries: impl IntoIterator<Item = (String, Option<Value>)>) -> Writes {
    let state = entries.into_iter().map(|(key, value)| (key.into(), value)).collect();
    Writes { state, ..Writes::default() }
}

fn metadata(key: &str, value: Json) -> Writes {
    Writes { metadata: Map::from_iter([(key.to_owned(), value)]), ..Writes::default() }
}

fn scratch(json: Json) -> Writes {
    Writes { scratch: Some(Arc::new(json)), ..Writes::default() }
}

/// Of `it`.
fn merge(exchange: &mut Exchange, writes: Writes) -> Result<LetGo, String> {
    exchange.merge(0, &"it".into(), Hook::PreLlm, writes)
}

/// Of another one, which stands behind it.
fn merge_other(exchange: &mut Exchange, writes: Writes) -> Result<LetGo, String> {
    exchange.merge(1, &"other".into(), Hook::CheckInput, writes)
}

#[test]
fn writes_of_the_state_are_kept_in_order() {
    let mut exchange = exchange();
    let entry = |key: &str, value: Option<i64>| (key.to_owned(), value.map(Value::from));
    let writes = state([entry("a", Some(1)), entry("b", Some(1)), entry("a", Some(2)), entry("b", None)]);
    merge(&mut exchange, writes).unwrap();
    assert_eq!(exchange.state().iter().collect::<Vec<_>>(), [("a", &Value::Int(2))]);
}

#[test]
fn writes_that_overfill_the_state_are_given_up_whole() {
    let mut exchange = exchange();
    merge(&mut exchange, state([("kept".to_owned(), Some(1.into()))])).unwrap();
    let before = exchange.state().clone();
    let entries = (0..=MAX_STATE_ENTRIES).map(|number| (number.to_string(), Some(1.into())));
    let too_many = Writes { scratch: Some(Arc::new(json!(1))), ..state(entries) };
    let message = merge(&mut exchange, too_many).unwrap_err();
    assert_eq!(message, "the request's state is full: at most 256 entries and 1048576 bytes");
    let large = state([("a".to_owned(), Some(1.into())), ("b".to_owned(), Some("x".repeat(MAX_STATE_BYTES).into()))]);
    assert!(merge(&mut exchange, large).is_err());
    assert_eq!(exchange.state(), &before);
    assert_eq!(exchange.scratch_of(0), None, "neither is the rest of such a call");
}

#[test]
fn a_scratchpad_is_of_one_plugin_and_bounded() {
    let mut exchange = exchange();
    merge(&mut exchange, scratch(json!({ "open": 1 }))).unwrap();
    merge(&mut exchange, scratch(json!({ "open": 2 }))).unwrap();
    exchange.merge(1, &"other".into(), Hook::PreLlm, scratch(json!("mine"))).unwrap();
    let quotes = 2;
    let message = merge(&mut exchange, scratch(json!("x".repeat(MAX_SCRATCH_BYTES - quotes + 1)))).unwrap_err();
    assert_eq!(message, "the scratchpad is over 262144 bytes");
    assert_eq!(exchange.scratch_of(0), Some(Arc::new(json!({ "open": 2 }))));
    assert_eq!(exchange.scratch_of(1), Some(Arc::new(json!("mine"))));
    assert_eq!(exchange.scratch_of(2), None);
    merge(&mut exchange, scratch(json!("x".repeat(MAX_SCRATCH_BYTES - quotes)))).unwrap();
}

#[test]
fn metadata_is_bounded_for_the_request_and_not_for_each_call() {
    let mut exchange = exchange();
    let quotes = 2;
    let half = "x".repeat(MAX_METADATA_BYTES / 2 - 1 - quotes);
    let over = "the request's metadata is over 65536 bytes";
    assert!(merge(&mut exchange, metadata("k", json!(half))).unwrap().is_empty());
    assert!(merge_other(&mut exchange, metadata("k", json!(half))).unwrap().is_empty());
    assert_eq!(*merge(&mut exchange, metadata("", json!(1))).unwrap(), [over], "what finds no room is let go");
    let alone = metadata("k", json!("x".repeat(MAX_METADATA_BYTES - quotes)));
    assert_eq!(merge(&mut exchange, alone).unwrap_err(), over, "what is too much alone is a failure");
    merge(&mut exchange, Writes::default()).unwrap();
    let from: Vec<(&str, Hook)> = exchange.metadata().iter().map(|kept| (&*kept.plugin, kept.hook)).collect();
    assert_eq!(from, [("it", Hook::PreLlm), ("other", Hook::CheckInput)]);
    assert_eq!(exchange.take_metadata().len(), 2);
    assert!(exchange.metadata().is_empty());
}

#[test]
fn what_others_wrote_does_not_make_a_call_fail() {
    let full = "the request's state is full: at most 256 entries and 1048576 bytes";
    let entries = |count: usize| state((0..count).map(|number| (number.to_string(), Some(1.into()))));
    let bytes = |count: usize| state([("large".to_owned(), Some("x".repeat(count).into()))]);
    for filled in [entries(MAX_STATE_ENTRIES), bytes(MAX_STATE_BYTES - "large".len())] {
        let mut exchange = exchange();
        assert!(merge(&mut exchange, filled).unwrap().is_empty());
        let before = exchange.state().clone();
        let one = state([("mine".to_owned(), Some(1.into()))]);
        let writes = Writes { scratch: scratch(json!("mine")).scratch, ..metadata("k", json!(1)) };
        let let_go = merge_other(&mut exchange, Writes { state: one.state, ..writes }).unwrap();
        assert_eq!(*let_go, [full]);
        assert_eq!(exchange.state(), &before);
        assert_eq!(exchange.scratch_of(1), Some(Arc::new(json!("mine"))), "the rest of what it wrote is kept");
        assert_eq!(exchange.metadata().len(), 1);
    }
}

#[test]
fn the_length_of_json_is_that_of_its_text() {
    for json in [json!(null), json!(-1.5), json!("é\n\""), json!([1, [2], {}]), json!({ "a": { "b": [true, "c"] } })] {
        assert_eq!(json_bytes(&json), json.to_string().len(), "{json}");
    }
}

#[test]
fn a_context_in_use_keeps_the_facts_it_has() {
    let mut exchange = exchange();
    let seen = exchange.facts().clone();
    exchange.facts_mut().model = "gpt-4".to_owned();
    assert_eq!((seen.model.as_str(), exchange.facts().model.as_str()), ("", "gpt-4"));
}

#[test]
fn closing_has_a_budget_of_its_own() {
    let mut exchange = exchange();
    assert_eq!(exchange.deadline(), None);
    let spent = Instant::now();
    exchange.facts_mut().deadline = Some(spent);
    assert_eq!(exchange.deadline(), Some(spent));
    exchange.begin_closing(Duration::from_secs(10));
    assert!(exchange.deadline().is_some_and(|deadline| deadline >= spent + Duration::from_secs(10)));
}

#[test]
fn without_plugins_nobody_is_owed_anything() {
    let mut exchange = exchange();
    for round in [Round::Http, Round::Attempt] {
        exchange.passage(round).reached = Some(u16::MAX);
        assert!(!exchange.owes(round));
    }
}
