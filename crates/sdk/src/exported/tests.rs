use super::*;
use gatewright_abi::Part;
use gatewright_abi::functions::Function;
use gatewright_abi::service::{self, Ask};
use gatewright_plugin::model::{Channel, Chunk, Request};
use gatewright_plugin::payload::{ChunkSource, ChunkStream};
use gatewright_plugin::services::{BoxFuture, ServiceError};
use gatewright_plugin::{Cx, Draft, Plugin, PreLlm, plugin};
use serde_json::{Value as Json, json};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

/// Answers with streams of which each pull waits once.
#[derive(Debug)]
struct Streamer;

struct Source;

static DROPPED: AtomicU32 = AtomicU32::new(0);

impl Drop for Source {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

impl ChunkSource for Source {
    fn next_chunk(&mut self) -> BoxFuture<'_, Option<Result<Chunk, LlmError>>> {
        let mut waited = false;
        let once = poll_fn(move |_| match std::mem::replace(&mut waited, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        });
        Box::pin(async move {
            once.await;
            Some(Ok(Chunk::text(Channel::TEXT, "x")))
        })
    }
}

#[plugin(name = "streamer", version = "1.0.0")]
impl Plugin for Streamer {
    fn pre_llm(&self, _: &mut Cx, _: &mut Draft<Request>) -> Result<PreLlm, Failure> {
        Ok(PreLlm::Stream(ChunkStream::new(Source)))
    }
}

impl FromConfig for Streamer {
    type Config = Json;

    fn from_config(_: Json) -> Result<Self, Failure> {
        Ok(Self)
    }
}

/// A host that has nothing.
struct Nothing;

impl Far for Nothing {
    fn part(&self, _: Part) -> Result<Vec<u8>, String> {
        Err("it has nothing".to_owned())
    }
}

impl Ask for Nothing {
    fn ask(&self, function: Function, argument: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, ServiceError>> {
        Box::pin(std::future::ready(self.ask_now(function, argument)))
    }

    fn ask_now(&self, _: Function, _: Vec<u8>) -> Result<Vec<u8>, ServiceError> {
        Err(ServiceError::Deadline)
    }
}

fn poll<T>(future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_stream_that_is_given_up_while_it_is_pulled_is_dropped_when_the_pull_is_over() {
    let exported = Exported::<Streamer>::create(b"null").unwrap();
    let (head, far): (_, Arc<dyn Far>) = (document::write(&json!({ "model": "m" })), Arc::new(Nothing));
    let services = service::services(Arc::new(Nothing));
    assert!(poll(pin!(exported.call(Hook::PreLlm, &head, &far, services))).is_ready());
    let mut pull = pin!(exported.pull(1));
    assert!(poll(pull.as_mut()).is_pending());
    exported.close(1);
    assert_eq!(DROPPED.load(Ordering::Relaxed), 0, "it is being pulled");
    assert!(poll(pull).is_ready());
    assert_eq!(DROPPED.load(Ordering::Relaxed), 1);
}
