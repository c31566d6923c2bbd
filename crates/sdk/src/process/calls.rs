//! The instances of a process, and their calls.

use super::crew::Crew;
use super::desk::{Desk, Line};
use super::{Artefact, Instance};
use futures_util::FutureExt;
use gatewright_abi::{Far, MAX_ANSWER_BYTES, Pulled, document, guest, service};
use gatewright_plugin::model::{ErrorKind, LlmError};
use gatewright_plugin::{Failure, Hook, panicking};
use gatewright_proto::v1::{HookAnswer, HookCall, StreamChunks, StreamPull};
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tonic::Status;

/// The most instances of one process at once.
const INSTANCES: usize = 64;

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

/// An instance, how its host is reached over single calls, and who made it.
#[derive(Clone)]
struct Made {
    instance: Arc<Instance>,
    host: Line,
    by: Arc<Maker>,
}

/// The stream that a call answers with, if it does. It is given up with this, unless the answer went out.
pub(super) struct Kept {
    instance: Arc<Instance>,
    crew: &'static Crew,
    stream: OnceLock<u64>,
}

/// A connection over which instances are made, and whether it is over.
#[derive(Default)]
pub(super) struct Maker(AtomicBool);

/// Why an instance is not kept.
pub(super) enum NotKept {
    /// There are as many as may be.
    Full,
    /// Whoever wanted it is gone.
    Gone,
}

/// A call names an instance that there is not.
pub(super) struct NoInstance;

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

    /// Takes an instance in, and gives its number. It lives until it is ended, or whoever made it is gone.
    pub(super) fn keep(&self, instance: Instance, host: Line, by: &Arc<Maker>) -> Result<u64, NotKept> {
        // One that is not kept ends outside of the lock.
        let made = Made { instance: Arc::new(instance), host, by: by.clone() };
        let mut instances = self.instances();
        if by.0.load(Ordering::Relaxed) {
            return Err(NotKept::Gone);
        }
        if instances.made.len() >= INSTANCES {
            return Err(NotKept::Full);
        }
        instances.last += 1;
        let number = instances.last;
        instances.made.insert(number, made);
        Ok(number)
    }

    /// Ends an instance.
    pub(super) fn end(&self, number: u64) {
        let ended = self.instances().made.remove(&number);
        drop(ended);
    }

    /// Ends what was made over a connection that is over: nobody calls it any more.
    pub(super) fn gone(&self, maker: &Arc<Maker>) {
        let ended: Vec<_> = {
            let mut instances = self.instances();
            maker.0.store(true, Ordering::Relaxed);
            instances.made.extract_if(|_, made| Arc::ptr_eq(&made.by, maker)).collect()
        };
        if !ended.is_empty() {
            // What an author's `Drop` does must not keep others from being read.
            self.crew().spawn(async move { drop(ended) }).detach();
        }
    }

    fn made(&self, number: u64) -> Result<Made, NoInstance> {
        self.instances().made.get(&number).cloned().ok_or(NoInstance)
    }

    /// Calls a hook. What it answers with is given up with the second, unless that is told that the answer went out.
    pub(super) async fn call(
        &self,
        call: HookCall,
        session: Option<Line>,
    ) -> Result<(HookAnswer, Option<Kept>), NoInstance> {
        let HookCall { id, hook, head, parts, instance, .. } = call;
        let Made { instance, host, .. } = self.made(instance)?;
        let Some(hook) = Hook::numbered(hook) else {
            return Ok((failed(id, Failure::Malformed(format!("it knows no hook {hook}"))), None));
        };
        let desk = Arc::new(Desk::new(id, session.unwrap_or(host), parts, self.crew()));
        let far: Arc<dyn Far> = desk.clone();
        let kept = Kept { instance, crew: self.crew(), stream: OnceLock::new() };
        let keep = |stream| {
            // A call answers once.
            let _ = kept.stream.set(stream);
        };
        let answering = kept.instance.call_telling(hook, &head, &far, service::services(desk.clone()), keep);
        // Unwind safety: what the call was given is the call's own, and the plugin's own state is its author's business.
        let answered = AssertUnwindSafe(answering).catch_unwind().await;
        let (answer, kept) = match answered {
            Ok(answer) if answer.len() <= MAX_ANSWER_BYTES => (answer, Some(kept)),
            Ok(_) => {
                let failure = Failure::Oversized(format!("an answer has at most {MAX_ANSWER_BYTES} bytes"));
                (guest::fail(failure), None)
            }
            Err(panic) => (guest::fail(Failure::Panicked(panicking::caught(&*panic))), None),
        };
        Ok((HookAnswer { call: id, answer: answer.into(), looked: desk.looked() }, kept))
    }

    /// Pulls a stream.
    pub(super) async fn pull(
        &self,
        StreamPull { stream, call, instance }: StreamPull,
    ) -> Result<StreamChunks, NoInstance> {
        // Whose stream it is, the gateway knows.
        let failed = |failure: Failure| {
            let error = LlmError::new(ErrorKind::PluginUnavailable, failure.to_string()).with_code(failure.cause());
            document::write(&Pulled::Error(error))
        };
        let made = self.made(instance)?;
        let pulled = match AssertUnwindSafe(made.instance.pull(stream)).catch_unwind().await {
            Ok(pulled) if pulled.len() <= MAX_ANSWER_BYTES => pulled,
            Ok(_) => failed(Failure::Oversized(format!("a chunk has at most {MAX_ANSWER_BYTES} bytes"))),
            Err(panic) => failed(Failure::Panicked(panicking::caught(&*panic))),
        };
        Ok(StreamChunks { call, pulled: pulled.into() })
    }

    /// Gives a stream up.
    pub(super) fn close(&self, instance: u64, stream: u64) {
        if let Ok(made) = self.made(instance) {
            // What an author's `Drop` does is no reason to end the session.
            let _ = std::panic::catch_unwind(AssertUnwindSafe(|| made.instance.close(stream)));
        }
    }

    /// No code of ours panics while it holds the lock.
    fn instances(&self) -> MutexGuard<'_, Instances> {
        self.0.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Kept ===

impl Kept {
    /// Of an answer that went out: the gateway closes what it does not pull.
    pub(super) fn went_out(kept: Option<Self>) {
        if let Some(mut kept) = kept {
            kept.stream = OnceLock::new();
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take() {
            let instance = self.instance.clone();
            // What an author's `Drop` does must not keep others from being read.
            self.crew.spawn(async move { instance.close(stream) }).detach();
        }
    }
}

// === impl NotKept ===

impl From<NotKept> for Status {
    fn from(why: NotKept) -> Self {
        match why {
            NotKept::Full => Self::resource_exhausted(format!(
                "it has {INSTANCES} instances, and takes one more when a `Stop` ends one of them"
            )),
            NotKept::Gone => Self::cancelled("its connection is over"),
        }
    }
}

// === impl NoInstance ===

impl From<NoInstance> for Status {
    fn from(_: NoInstance) -> Self {
        Self::not_found("it has no such instance")
    }
}

/// The answer of a call that failed.
pub(super) fn failed(call: u64, failure: Failure) -> HookAnswer {
    HookAnswer { call, answer: guest::fail(failure).into(), looked: 0 }
}
