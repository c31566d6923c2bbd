use super::*;
use serde_json::json;

fn read(answer: Json) -> Result<Answer<Json, Json>, NotADocument> {
    Answer::read(&document::write(&answer))
}

#[test]
fn an_answer_that_says_nothing_known_is_none() {
    for meant in [json!({ "block": { "reason": "no" } }), json!({ "outcom": "allow" }), json!({ "a": null, "b": 1 })] {
        let refused = read(meant).map(|_| ()).unwrap_err().to_string();
        let why =
            "none of its members is one of an answer's, which are failure, outcome, edits, state, scratch, metadata";
        assert_eq!(refused, format!("not a legal document: {why}"));
    }
}

#[test]
fn an_answer_may_say_nothing_and_what_later_versions_say() {
    for quiet in [json!({}), json!({ "failure": null }), json!({ "state": [], "later": 1 }), json!({ "metadata": {} })]
    {
        assert!(read(quiet).is_ok_and(|answer| answer.says_nothing()));
    }
    let answer = read(json!({ "outcome": "allow", "later": 1 }));
    assert_eq!(answer.unwrap().outcome, Some(json!("allow")));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let verdict = |document: Json| {
        let read = Answer::<gatewright_plugin::Verdict, crate::carry::NoEdits>::read(&document::write(&document));
        read.map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(
        verdict(json!({ "outcome": { "block": { "reason": "no", "status": "402" } } })),
        "not a legal document: `outcome.block.status`: an integer from 0 is wanted, and a text stands there"
    );
    assert_eq!(verdict(json!({ "edits": {} })), "not a legal document: `edits`: this hook edits nothing");
    let nothing = Answer::<(), crate::carry::NoEdits>::read(&document::write(&json!({ "outcome": "go" })));
    assert_eq!(
        nothing.map(|_| ()).unwrap_err().to_string(),
        "not a legal document: `outcome`: null is wanted, and a text stands there"
    );
}
