use super::{Session, Telling};
use crate::process::Artefact;
use crate::process::calls::Calls;
use crate::process::crew::Crew;
use gatewright_abi::{Introduction, document};
use gatewright_plugin::hosted::Hosted;
use gatewright_plugin::{HookSet, Manifest};
use gatewright_proto::v1::{HookCall, PluginFrames, host_frame, plugin_frame};
use serde_json::Value as Json;
use std::sync::Arc;
use std::time::Duration;
use tokio_stream::StreamExt;
use tonic::{Code, Status};

/// The longest that anything here is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Makes no instance.
struct Nothing;

impl Artefact for Nothing {
    fn introduction(&self) -> Introduction {
        Introduction::new(Manifest::new("nothing", "0.1.0"), HookSet::EMPTY, HookSet::EMPTY)
    }

    fn create(&self, _: &str, _: &[u8]) -> Result<Arc<dyn Hosted>, String> {
        Err("it makes none".to_owned())
    }
}

fn session() -> (Arc<Session>, Telling) {
    Session::open(Calls::new(Arc::new(Nothing), String::new(), Crew::start().unwrap()))
}

async fn told(telling: &mut Telling) -> Result<PluginFrames, Status> {
    tokio::time::timeout(PATIENCE, telling.next()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_call_that_dies_without_an_answer_fails() {
    let (session, mut telling) = session();
    session.spawn(7, async { panic!("it dies") });
    let frame = told(&mut telling).await.unwrap().frames.remove(0).frame.unwrap();
    let plugin_frame::Frame::Answer(answer) = frame else { panic!("{frame:?}") };
    assert_eq!(answer.call, 7);
    let said: Json = document::read(&answer.answer).unwrap();
    assert_eq!(said["failure"]["unavailable"], "it ended without an answer", "{said}");
}

#[tokio::test]
async fn a_call_of_no_instance_ends_the_session() {
    let (session, mut telling) = session();
    session.take(Some(host_frame::Frame::Call(HookCall { id: 1, instance: 9, ..HookCall::default() })));
    let status = told(&mut telling).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound, "{status}");
}
