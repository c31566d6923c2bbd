//! The instances of a process, and their calls.

use super::crew::Crew;
use super::desk::{Desk, Line};
use super::{Artefact, Instance};
use futures_util::FutureExt;
use gatewright_abi::{Far, MAX_ANSWER_BYTES, Pulled, document, guest, service};
use gatewright_plugin::model::{ErrorKind, LlmError};
use gatewright_plugin::{Failure, Hook};
use gatewright_proto::v1::{HookAnswer, HookCall, StreamChunks, StreamPull};
use std::any::Any;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most instances of one process; the oldest makes room.
const INSTANCES: u64 = 64;

/// The instances of a process.
#[derive(Clone)]
pub(super) struct Calls(Arc<State>);

struct State {
    artefact: Arc<dyn Artefact>,
    cookie: String,
    crew: &'static Crew,
    instances: Mutex<Instances>,
}

#[derive(Default)]
struct Instances {
    last: u64,
    made: HashMap<u64, Made>,
}

/// An instance, and how its host is reached over single calls.
#[derive(Clone)]
pub(super) struct Made {
    instance: Arc<Instance>,
    pub(super) host: Line,
}

// === impl Calls ===

impl Calls {
    pub(super) fn new(artefact: Arc<dyn Artefact>, cookie: String, crew: &'static Crew) -> Self {
        Self(Arc::new(State { artefact, cookie, crew, instances: Mutex::default() }))
    }

    /// Who runs what an author wrote.
    pub(super) fn crew(&self) -> &'static Crew {
        self.0.crew
    }

    pub(super) fn cookie(&self) -> &str {
        &self.0.cookie
    }

    pub(super) fn artefact(&self) -> &Arc<dyn Artefact> {
        &self.0.artefact
    }

    /// Takes an instance in, and gives its number.
    pub(super) fn keep(&self, instance: Instance, host: Line) -> u64 {
        let made = Made { instance: Arc::new(instance), host };
        let mut instances = self.instances();
        instances.last += 1;
        let number = instances.last;
        let _ended = instances.made.insert(number, made);
        let _oldest = number.checked_sub(INSTANCES).and_then(|oldest| instances.made.remove(&oldest));
        // Instances end outside of the lock.
        drop(instances);
        number
    }

    /// Ends an instance.
    pub(super) fn end(&self, number: u64) {
        let ended = self.instances().made.remove(&number);
        drop(ended);
    }

    pub(super) fn made(&self, number: u64) -> Option<Made> {
        self.instances().made.get(&number).cloned()
    }

    /// Calls a hook.
    pub(super) async fn call(&self, call: HookCall, session: Option<Line>) -> HookAnswer {
        let HookCall { id, hook, head, parts, instance, .. } = call;
        let failed = |failure| HookAnswer { call: id, answer: guest::fail(failure).into(), looked: 0 };
        let Some(made) = self.made(instance) else {
            return failed(Failure::Unavailable("it has no such instance".to_owned()));
        };
        let Some(hook) = Hook::numbered(hook) else {
            return failed(Failure::Malformed(format!("it knows no hook {hook}")));
        };
        let desk = Arc::new(Desk::new(id, session.unwrap_or(made.host), parts, self.crew()));
        let far: Arc<dyn Far> = desk.clone();
        let answering = made.instance.call(hook, &head, &far, service::services(desk.clone()));
        // Unwind safety: what the call was given is the call's own, and the plugin's own state is its author's business.
        let answer = match AssertUnwindSafe(answering).catch_unwind().await {
            Ok(answer) if answer.len() <= MAX_ANSWER_BYTES => answer,
            Ok(_) => guest::fail(Failure::Oversized(format!("an answer has at most {MAX_ANSWER_BYTES} bytes"))),
            Err(panic) => guest::fail(Failure::Panicked(message(&*panic))),
        };
        HookAnswer { call: id, answer: answer.into(), looked: desk.looked() }
    }

    /// Pulls a stream.
    pub(super) async fn pull(&self, StreamPull { stream, call, instance }: StreamPull) -> StreamChunks {
        // Whose stream it is, the gateway knows.
        let failed = |failure: Failure| {
            let error = LlmError::new(ErrorKind::PluginUnavailable, failure.to_string()).with_code(failure.cause());
            document::write(&Pulled::Error(error))
        };
        let pulled = match self.made(instance) {
            None => failed(Failure::Unavailable("it has no such instance".to_owned())),
            Some(made) => match AssertUnwindSafe(made.instance.pull(stream)).catch_unwind().await {
                Ok(pulled) if pulled.len() <= MAX_ANSWER_BYTES => pulled,
                Ok(_) => failed(Failure::Oversized(format!("a chunk has at most {MAX_ANSWER_BYTES} bytes"))),
                Err(panic) => failed(Failure::Panicked(message(&*panic))),
            },
        };
        StreamChunks { call, pulled: pulled.into() }
    }

    /// Gives a stream up.
    pub(super) fn close(&self, instance: u64, stream: u64) {
        if let Some(made) = self.made(instance) {
            // What an author's `Drop` does is no reason to end the session.
            let _ = std::panic::catch_unwind(AssertUnwindSafe(|| made.instance.close(stream)));
        }
    }

    /// No code of ours panics while it holds the lock.
    fn instances(&self) -> MutexGuard<'_, Instances> {
        self.0.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a panic said, at most 200 characters.
pub(super) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    text.chars().take(200).collect()
}
