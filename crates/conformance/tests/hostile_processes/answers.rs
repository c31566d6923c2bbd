//! Answers of another hook, none where one is due, and texts that are none.

use crate::{PATIENCE, options, program};
use gatewright_abi::document;
use gatewright_host_process::{Process, Processes};
use gatewright_plugin::hosted::{Call, Hosted, Reply};
use gatewright_plugin::payload::{AssetCall, HealthCheck};
use gatewright_plugin::{Cx, Draft, Facts, Failure, Hook, PreLlm, State, Verdict};
use gatewright_testkit::request;
use gatewright_testkit::services::MockServices;
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// The bytes that stand for a text until they are replaced by as many that are none.
const TEXT: &str = "no text";
const NO_TEXT: &[u8; 7] = b"no\xff\xfe\xc3\x28\xed";

fn call(hook: Hook) -> Call {
    let asked = || request("m").user("hello").build();
    match hook {
        Hook::CheckInput => Call::CheckInput(Arc::new(asked())),
        Hook::PreRequest => Call::PreRequest(Arc::new(asked())),
        Hook::PreLlm => Call::PreLlm(Draft::from(asked())),
        Hook::Asset => Call::Asset(Arc::new(AssetCall { path: "index.html".to_owned() })),
        Hook::Health => Call::Health(HealthCheck),
        hook => unreachable!("{hook}"),
    }
}

/// A process that says these things, one after the other, whatever it is asked.
async fn saying(processes: &Processes, answers: &[Vec<u8>]) -> Arc<Process> {
    let digits = |answer: &Vec<u8>| answer.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut options = options("says");
    options.arguments.push(answers.iter().map(digits).collect::<Vec<_>>().join(",").into());
    options.timeout = Some(PATIENCE);
    processes.load(&program(), options).await.unwrap()
}

async fn replied(process: &Arc<Process>, hook: Hook) -> Reply {
    let services = MockServices::default().services();
    let cx = Cx::new(Arc::new(Facts::default()), State::default(), None, services);
    process.clone().call(cx, call(hook)).await.reply
}

async fn malformed(process: &Arc<Process>, hook: Hook, what: &Json) -> String {
    match replied(process, hook).await {
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
    let processes = Processes::start().unwrap();
    let block = json!({ "block": { "reason": "no", "status": null, "code": null } });
    let of_none = [json!("drop"), json!({ "identify": { "app_id": "a" } }), json!({ "teleport": 1 }), json!(7)];
    for (hook, outcomes) in [
        (
            Hook::CheckInput,
            vec![json!({ "block": 7 }), json!({ "block": {} }), json!(["block"]), json!({ "stream": 7 })],
        ),
        (Hook::PreRequest, vec![block.clone(), json!("allow")]),
        (
            Hook::PreLlm,
            vec![block.clone(), json!({ "stream": "seven" }), json!({ "stream": -1 }), json!({ "respond": 7 })],
        ),
        (Hook::Asset, vec![block.clone(), json!("allow"), json!({ "media_type": 7 })]),
        (Hook::Health, vec![block, json!("allow"), json!({ "healthy": "splendid", "message": "" })]),
    ] {
        let outcomes: Vec<Json> = of_none.iter().chain(&outcomes).cloned().collect();
        let answers: Vec<Vec<u8>> =
            outcomes.iter().map(|outcome| document::write(&json!({ "outcome": outcome }))).collect();
        let process = saying(&processes, &answers).await;
        for outcome in &outcomes {
            let why = malformed(&process, hook, outcome).await;
            assert!(why.starts_with("not a legal document: ") && !why.contains('\n'), "{why}");
        }
        assert_eq!(process.status().restarts, 0, "{hook}: an answer that is none is of its call alone");
    }
    processes.close().await;
}

#[tokio::test]
async fn nothing_is_an_answer_where_none_is_due_alone() {
    let processes = Processes::start().unwrap();
    let process = saying(&processes, &[Vec::new(), document::write(&json!({}))]).await;
    for _ in 0..2 {
        // From the third on it says nothing at all.
        for hook in [Hook::Asset, Hook::Health] {
            assert_eq!(malformed(&process, hook, &Json::Null).await, "it said nothing where it must");
        }
        let reply = replied(&process, Hook::CheckInput).await;
        assert!(matches!(reply, Reply::CheckInput(Verdict::Allow)), "{reply:?}");
        let reply = replied(&process, Hook::PreLlm).await;
        assert!(matches!(reply, Reply::PreLlm(PreLlm::Continue)), "{reply:?}");
    }
    assert_eq!(process.status().restarts, 0);
    drop(process);
    processes.close().await;
}

#[tokio::test]
async fn pulls_that_give_no_chunks_end_their_stream_with_an_error() {
    let processes = Processes::start().unwrap();
    let stream = document::write(&json!({ "outcome": { "stream": 7 } }));
    let pulled = [json!({ "chunks": [] }), json!({ "chunks": 7 }), json!({ "outcome": "allow" }), json!("drop")];
    let pulled = pulled.iter().map(document::write).chain([Vec::new(), vec![0xff; 2]]);
    let said: Vec<Vec<u8>> = pulled.flat_map(|pulled| [stream.clone(), pulled]).collect();
    let process = saying(&processes, &said).await;
    for _ in 0..said.len() / 2 {
        let mut stream = match replied(&process, Hook::PreLlm).await {
            Reply::PreLlm(PreLlm::Stream(stream)) => stream,
            reply => panic!("{reply:?}"),
        };
        let error = stream.next_chunk().await.unwrap().unwrap_err();
        assert_eq!(error.code.as_deref(), Some("malformed"), "{error:?}");
        assert!(stream.next_chunk().await.is_none(), "it is asked no more");
    }
    assert_eq!(process.status().restarts, 0);
    drop(process);
    processes.close().await;
}

#[tokio::test]
async fn answers_with_texts_that_are_no_utf8_are_malformed() {
    let processes = Processes::start().unwrap();
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
    let said: Vec<Vec<u8>> =
        answers.iter().flat_map(|(_, answer)| [without_utf8(answer), document::write(answer)]).collect();
    let process = saying(&processes, &said).await;
    for (hook, answer) in &answers {
        malformed(&process, *hook, answer).await;
        // With a text in its place it is one.
        let reply = replied(&process, *hook).await;
        assert!(!matches!(reply, Reply::Failed(Failure::Malformed(_))), "{hook}: {answer}: {reply:?}");
    }
    assert_eq!(process.status().restarts, 0);
    drop(process);
    processes.close().await;
}
