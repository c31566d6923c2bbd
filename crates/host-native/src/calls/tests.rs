use super::*;
use crate::native::of_life;
use gatewright_abi::document;
use serde_json::{Value as Json, json};

#[test]
fn the_stream_of_a_call_that_is_given_up_behind_its_answer_is_known() {
    let answered = |hook: Hook| {
        let source = of_life("it", &Json::Null);
        let call = Arc::new(LaneCall::new(Task::Hook(hook), hook, Duration::from_secs(5), true, source, "it".into()));
        assert!(call.begin().is_some());
        assert!(call.desk().answer(&document::write(&json!({ "outcome": { "stream": 7 } }))).is_ok());
        assert_eq!(call.give_up(), GivenUp::Running);
        assert!(!call.done(0));
        call.unclaimed(0)
    };
    assert_eq!(answered(Hook::PreLlm), Some(7));
    assert_eq!(answered(Hook::CheckInput), None);
}
