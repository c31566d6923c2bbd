use super::*;
use crate::native::of_life;
use gatewright_abi::document;
use serde_json::{Value as Json, json};

/// A call that has begun, and has its answer.
fn answering(hook: Hook) -> Arc<LaneCall> {
    let source = of_life("it", &Json::Null);
    let call = Arc::new(LaneCall::new(Task::Hook(hook), hook, Duration::from_secs(5), true, source, "it".into()));
    assert!(call.begin().is_some());
    assert!(call.desk().answer(&document::write(&json!({ "outcome": { "stream": 7 } }))).is_ok());
    call
}

#[test]
fn an_answer_that_nobody_took_is_given_up_once() {
    let call = answering(Hook::PreLlm);
    assert!(call.done(0));
    assert_eq!(call.give_up(), GivenUp::Done(0));
    assert_eq!(call.give_up(), GivenUp::Over);
    let taken = answering(Hook::PreLlm);
    assert!(taken.done(0));
    assert_eq!(taken.wait(Instant::now()), Some(0));
    assert_eq!(taken.give_up(), GivenUp::Over);
}

#[test]
fn the_stream_of_a_call_that_is_given_up_behind_its_answer_is_known() {
    let answered = |hook: Hook| {
        let call = answering(hook);
        assert_eq!(call.give_up(), GivenUp::Running);
        assert!(!call.done(0));
        call.unclaimed(0)
    };
    assert_eq!(answered(Hook::PreLlm), Some(7));
    assert_eq!(answered(Hook::CheckInput), None);
}
