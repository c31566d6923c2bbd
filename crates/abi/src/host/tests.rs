use super::*;
use crate::functions::Function;
use crate::service::{self, Ask};
use crate::stream::Pulled;
use gatewright_model::{LlmError, Request};
use gatewright_plugin::Draft;
use gatewright_plugin::services::{BoxFuture, ServiceError};
use serde_json::json;
use std::sync::Mutex;

/// The streams of a guest, which notes those that are given up.
#[derive(Default)]
struct Closed(Mutex<Vec<u64>>);

impl Pulls for Closed {
    fn pull(&self, _: u64) -> BoxFuture<'static, Result<Pulled, LlmError>> {
        Box::pin(std::future::ready(Ok(Pulled::End)))
    }

    fn close(&self, number: u64) {
        self.0.lock().unwrap().push(number);
    }
}

/// A host that has nothing.
struct Nothing;

impl Ask for Nothing {
    fn ask(&self, function: Function, argument: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, ServiceError>> {
        Box::pin(std::future::ready(self.ask_now(function, argument)))
    }

    fn ask_now(&self, _: Function, _: Vec<u8>) -> Result<Vec<u8>, ServiceError> {
        Err(ServiceError::Deadline)
    }
}

/// What an answer comes to, and the streams that were given up meanwhile.
fn answered(answer: &Json) -> (Reply, Arc<Closed>) {
    let services = service::services(Arc::new(Nothing));
    let mut cx = Cx::new(Arc::new(Facts::default()), State::default(), None, services);
    let mut payload = Draft::from(Request::from_chat("m", false, gatewright_model::Chat::default()));
    let closed = Arc::new(Closed::default());
    let streams = || -> Arc<dyn Pulls> { closed.clone() };
    let answer = document::write(answer);
    let reply = settle(&mut cx, CallRef::PreLlm(&mut payload), Arrival::of(&answer), &View::all(), &streams);
    (reply, closed)
}

#[test]
fn a_stream_lives_for_as_long_as_the_answer_that_names_it() {
    let (reply, closed) = answered(&json!({ "outcome": { "stream": 7 } }));
    assert!(matches!(reply, Reply::PreLlm(PreLlm::Stream(_))), "{reply:?}");
    assert!(closed.0.lock().unwrap().is_empty());
    drop(reply);
    assert_eq!(*closed.0.lock().unwrap(), [7]);
}

#[test]
fn the_stream_of_an_answer_that_is_refused_is_given_up() {
    let failure = serde_json::to_value(Failure::new("no")).unwrap();
    for (more, cause) in [
        (json!({ "edits": { "replaced": true } }), "malformed"),
        (json!({ "edits": 3 }), "malformed"),
        (json!({ "failure": failure }), "error"),
    ] {
        let mut answer = json!({ "outcome": { "stream": 7 } });
        answer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (reply, closed) = answered(&answer);
        let Reply::Failed(failure) = reply else { panic!("{answer}: {reply:?}") };
        assert_eq!(failure.cause(), cause, "{answer}");
        assert_eq!(*closed.0.lock().unwrap(), [7], "{answer}");
    }
}

#[test]
fn of_an_answer_that_nobody_takes_the_stream_is_known() {
    let named = |hook, answer: &Json| unclaimed(hook, &document::write(answer));
    assert_eq!(named(Hook::PreLlm, &json!({ "outcome": { "stream": 7 } })), Some(7));
    assert_eq!(named(Hook::PreLlm, &json!({ "outcome": { "stream": 7 }, "edits": 3 })), Some(7));
    assert_eq!(named(Hook::PreLlm, &json!({ "outcome": "continue" })), None);
    assert_eq!(named(Hook::PreLlm, &json!({ "state": [] })), None);
    assert_eq!(named(Hook::CheckInput, &json!({ "outcome": { "stream": 7 } })), None);
    assert_eq!((unclaimed(Hook::PreLlm, b""), unclaimed(Hook::PreLlm, b"\xff")), (None, None));
}

/// A plugin that sends back what clients send very many of is not to be blamed.
#[test]
fn an_answer_of_too_many_values_is_oversized() {
    let messages: Vec<Json> = (0..126_000).map(|origin| json!({ "origin": origin })).collect();
    let (reply, _) = answered(&json!({ "edits": { "chat": { "messages": messages } } }));
    assert!(matches!(&reply, Reply::Failed(Failure::Oversized(why)) if why.contains("250000")), "{reply:?}");
}
