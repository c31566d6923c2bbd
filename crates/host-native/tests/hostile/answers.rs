//! Answers of another hook, none where one is due, and texts that are none.

use crate::compiled::{Bench, mocks, within};
use crate::{AMPLE, context, mode, stream, told};
use gatewright_abi::document;
use gatewright_host_native::Native;
use gatewright_plugin::hosted::{Call, Hosted, Reply};
use gatewright_plugin::payload::{AssetCall, HealthCheck};
use gatewright_plugin::{Draft, Failure, Hook, PreLlm, Verdict};
use gatewright_testkit::request;
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// The bytes that stand for a text until they are replaced by as many that are none.
const TEXT: &str = "no text";
const NO_TEXT: &[u8; 7] = b"no\xff\xfe\xc3\x28\xed";

fn call(hook: Hook) -> Call {
    let asked = || request("m").user("hello").build();
    match hook {
        Hook::CheckInput => Call::CheckInput(Arc::new(asked())),
        Hook::PreLlm => Call::PreLlm(Draft::from(asked())),
        Hook::Asset => Call::Asset(Arc::new(AssetCall { path: "index.html".to_owned() })),
        Hook::Health => Call::Health(HealthCheck),
        hook => unreachable!("{hook}"),
    }
}

/// The plugin that answers with these bytes, after that word.
fn saying(bench: &Bench, word: &str, answer: &[u8]) -> Arc<Native> {
    let digits: String = answer.iter().map(|byte| format!("{byte:02x}")).collect();
    bench.load(&bench.shared(""), None, &mode(&format!("{word} {digits}")), &within(AMPLE)).unwrap()
}

/// What a hook comes to that answers with these bytes.
async fn replied(bench: &Bench, hook: Hook, answer: &[u8]) -> Reply {
    saying(bench, "says", answer).call(context(mocks()), call(hook)).await.reply
}

async fn malformed(bench: &Bench, hook: Hook, answer: &[u8], what: &str) -> String {
    match replied(bench, hook, answer).await {
        Reply::Failed(Failure::Malformed(why)) => why,
        reply => panic!("{hook}: {what}: {reply:?}"),
    }
}

/// A document, with what stands for a text replaced.
fn without_utf8(answer: &Json) -> Vec<u8> {
    let mut bytes = document::write(answer);
    let at = bytes.windows(TEXT.len()).position(|bytes| bytes == TEXT.as_bytes()).unwrap();
    bytes[at..at + TEXT.len()].copy_from_slice(NO_TEXT);
    bytes
}

#[tokio::test]
async fn outcomes_that_the_hook_does_not_have_are_malformed() {
    let bench = Bench::new();
    let block = json!({ "block": { "reason": "no", "status": null, "code": null } });
    let of_none = [json!("drop"), json!({ "identify": { "app_id": "a" } }), json!({ "teleport": 1 }), json!(7)];
    for (hook, outcomes) in [
        (
            Hook::CheckInput,
            vec![json!({ "block": 7 }), json!({ "block": {} }), json!(["block"]), json!({ "stream": 7 })],
        ),
        (
            Hook::PreLlm,
            vec![block.clone(), json!({ "stream": "seven" }), json!({ "stream": -1 }), json!({ "respond": 7 })],
        ),
        (Hook::Asset, vec![block.clone(), json!("allow"), json!({ "media_type": 7 })]),
        (Hook::Health, vec![block, json!("allow"), json!({ "healthy": "splendid", "message": "" })]),
    ] {
        for outcome in of_none.iter().chain(&outcomes) {
            let answer = document::write(&json!({ "outcome": outcome }));
            let why = malformed(&bench, hook, &answer, &outcome.to_string()).await;
            assert!(why.starts_with("not a legal document: "), "{why}");
        }
    }
    for answer in [json!({ "edits": { "model": "x" } }), json!({ "verdict": "allow" }), json!("allow"), json!([])] {
        malformed(&bench, Hook::CheckInput, &document::write(&answer), &answer.to_string()).await;
    }
}

#[tokio::test]
async fn decisions_that_the_hook_does_not_have_are_refused_as_they_are_made() {
    let bench = Bench::new();
    let native = bench.load(&bench.hostile(""), None, &mode("decides_elsewhere"), &within(AMPLE)).unwrap();
    let reply = native.clone().call(context(mocks()), call(Hook::CheckInput)).await.reply;
    assert!(matches!(reply, Reply::CheckInput(Verdict::Allow)), "{reply:?}");
    assert_eq!(told(&native).await.0, 0, "one of them was taken");
}

#[tokio::test]
async fn the_last_decision_counts() {
    let bench = Bench::new();
    let reply = async |word: &str| {
        let native = bench.load(&bench.shared(""), None, &mode(word), &within(AMPLE)).unwrap();
        native.call(context(mocks()), call(Hook::CheckInput)).await.reply
    };
    let said = reply("blocks_after_all").await;
    assert!(matches!(&said, Reply::CheckInput(Verdict::Block(why)) if why.reason == "after all"), "{said:?}");
    let said = reply("allows_after_all").await;
    assert!(matches!(said, Reply::CheckInput(Verdict::Allow)), "{said:?}");
}

#[tokio::test]
async fn nothing_is_an_answer_where_none_is_due_alone() {
    let bench = Bench::new();
    for hook in [Hook::Asset, Hook::Health] {
        assert_eq!(malformed(&bench, hook, b"", "nothing").await, "it said nothing where it must");
        let none = document::write(&json!({}));
        assert_eq!(malformed(&bench, hook, &none, "no outcome").await, "it said nothing where it must");
    }
    for answer in [Vec::new(), document::write(&json!({}))] {
        let reply = replied(&bench, Hook::CheckInput, &answer).await;
        assert!(matches!(reply, Reply::CheckInput(Verdict::Allow)), "{reply:?}");
        let reply = replied(&bench, Hook::PreLlm, &answer).await;
        assert!(matches!(reply, Reply::PreLlm(PreLlm::Continue)), "{reply:?}");
    }
    // Plain C need not say what goes without saying.
    let quiet = bench.load(&bench.hostile(""), None, &mode("good"), &within(AMPLE)).unwrap();
    let reply = quiet.call(context(mocks()), call(Hook::Asset)).await.reply;
    assert!(matches!(reply, Reply::Asset(None)), "{reply:?}");
    let made_nothing = bench.load(&bench.shared(""), None, &mode("create_gives_nothing"), &within(AMPLE)).unwrap();
    let reply = made_nothing.call(context(mocks()), call(Hook::CheckInput)).await.reply;
    assert!(matches!(reply, Reply::CheckInput(Verdict::Allow)), "{reply:?}");
}

#[tokio::test]
async fn pulls_that_give_no_chunks_end_their_stream_with_an_error() {
    let bench = Bench::new();
    let broken = async |native: &Arc<Native>, cause: &str| {
        let mut stream = stream(native, mocks()).await;
        let error = stream.next_chunk().await.unwrap().unwrap_err();
        assert_eq!(error.code.as_deref(), Some(cause), "{error:?}");
        assert!(stream.next_chunk().await.is_none(), "it is asked no more");
    };
    let silent = bench.load(&bench.shared(""), None, &mode("pull_is_silent"), &within(AMPLE)).unwrap();
    broken(&silent, "malformed").await;
    for answer in [json!({ "chunks": [] }), json!({ "chunks": 7 }), json!({ "outcome": "allow" }), json!("drop")] {
        broken(&saying(&bench, "pull_says", &document::write(&answer)), "malformed").await;
    }
    broken(&saying(&bench, "pull_says", b"\xff\xff"), "malformed").await;
    let without = bench.load(&bench.shared("NO_PULL"), None, &mode("pull"), &within(AMPLE)).unwrap();
    broken(&without, "error").await;
}

#[tokio::test]
async fn texts_that_are_no_utf8_are_refused_wherever_they_are_passed() {
    let bench = Bench::new();
    let native = bench.load(&bench.hostile(""), None, &mode("utf8"), &within(AMPLE)).unwrap();
    let reply = native.clone().call(context(mocks()), call(Hook::PreLlm)).await.reply;
    assert!(matches!(reply, Reply::PreLlm(PreLlm::Continue)), "{reply:?}");
    assert_eq!(told(&native).await.0, 0, "the function of this place in its list took it");
}

#[tokio::test]
async fn answers_with_texts_that_are_no_utf8_are_malformed() {
    let bench = Bench::new();
    let answers = [
        (Hook::CheckInput, json!({ "failure": { "returned": TEXT } })),
        (Hook::CheckInput, json!({ "state": [[TEXT, { "str": "a" }]] })),
        (Hook::CheckInput, json!({ "state": [["a", { "str": TEXT }]] })),
        (Hook::CheckInput, json!({ "metadata": { TEXT: 1 } })),
        (Hook::CheckInput, json!({ "metadata": { "a": TEXT } })),
        (Hook::CheckInput, json!({ "scratch": [TEXT] })),
        (Hook::CheckInput, json!({ "outcome": { "block": { "reason": TEXT, "status": null, "code": null } } })),
        (Hook::CheckInput, json!({ "outcome": { "block": { "reason": "a", "status": null, "code": TEXT } } })),
        (Hook::PreLlm, json!({ "edits": { "model": TEXT } })),
        (Hook::PreLlm, json!({ "edits": { "texts": [[0, TEXT]] } })),
        (Hook::Health, json!({ "outcome": { "healthy": false, "message": TEXT } })),
    ];
    for (hook, answer) in answers {
        malformed(&bench, hook, &without_utf8(&answer), &answer.to_string()).await;
        // With a text in its place it is one.
        let reply = replied(&bench, hook, &document::write(&answer)).await;
        assert!(!matches!(reply, Reply::Failed(Failure::Malformed(_))), "{hook}: {answer}: {reply:?}");
    }
}

#[test]
fn a_manifest_that_is_no_utf8_is_refused() {
    let bench = Bench::new();
    let library = bench.shared("NO_UTF8");
    let message = bench.load(&library, None, &Json::Null, &within(AMPLE)).unwrap_err().to_string();
    assert!(message.contains("its manifest is not as it must be") && !message.contains('\n'), "{message}");
}
