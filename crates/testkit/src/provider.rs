//! A provider that answers by a script.

mod answer;

pub use answer::{Piece, ScriptedAnswer};

use answer::Play;
use gatewright_dialects::OPENAI;
use gatewright_engine::{Answer, AnswerBody, AttemptCall, Provider, ProviderStream};
use gatewright_model::{Codec, Dialect, ErrorKind, Kind, LlmError, Request, Response};
use gatewright_plugin::services::BoxFuture;
use http::HeaderMap;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Answers each attempt with the next answer of its script, and with the last one again when the script is at its end.
/// Copies share script and records. What it is asked is kept, and so is what was given up before its end.
#[derive(Clone)]
pub struct ScriptedProvider {
    name: Arc<str>,
    codec: &'static dyn Codec,
    stage: Arc<Stage>,
}

/// What was asked in one attempt.
#[derive(Clone, Debug)]
pub struct ProviderCall {
    /// The request, as it is after all edits.
    pub request: Request,
    /// Whether usage was asked for in the client's name.
    pub include_usage: bool,
    /// The headers that were sent along.
    pub headers: HeaderMap,
}

#[derive(Default)]
struct Stage {
    script: Mutex<VecDeque<ScriptedAnswer>>,
    calls: Mutex<Vec<ProviderCall>>,
    open: AtomicUsize,
    given_up: AtomicUsize,
    changed: Notify,
}

/// Counts an answer as under way; one that is dropped before its end counts as given up.
struct Under {
    stage: Arc<Stage>,
    ended: bool,
}

// === impl ScriptedProvider ===

impl ScriptedProvider {
    /// A provider of this name that speaks OpenAI's dialect. Without a script it answers "ok".
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), codec: &OPENAI, stage: Arc::default() }
    }

    /// The same provider, speaking another dialect.
    pub fn speaking(mut self, codec: &'static dyn Codec) -> Self {
        self.codec = codec;
        self
    }

    /// The same provider, with one more answer at the end of its script.
    pub fn answer(self, answer: ScriptedAnswer) -> Self {
        self.push(answer);
        self
    }

    /// Puts one more answer at the end of the script.
    pub fn push(&self, answer: ScriptedAnswer) {
        lock(&self.stage.script).push_back(answer);
    }

    /// What it was asked, attempt by attempt.
    pub fn calls(&self) -> Vec<ProviderCall> {
        lock(&self.stage.calls).clone()
    }

    /// Answers under way: attempts that wait, and streams that have not ended.
    pub fn open(&self) -> usize {
        self.stage.open.load(Ordering::Acquire)
    }

    /// Answers that were given up before their end: the attempt or its stream was dropped.
    pub fn given_up(&self) -> usize {
        self.stage.given_up.load(Ordering::Acquire)
    }

    /// Waits until so many answers were given up. For ever, if that does not happen.
    pub async fn until_given_up(&self, count: usize) {
        self.until(|| self.given_up() >= count).await;
    }

    /// Waits until it was asked so many times. For ever, if that does not happen.
    pub async fn until_called(&self, count: usize) {
        self.until(|| lock(&self.stage.calls).len() >= count).await;
    }

    async fn until(&self, happened: impl Fn() -> bool) {
        loop {
            let changed = self.stage.changed.notified();
            if happened() {
                return;
            }
            changed.await;
        }
    }

    fn next(&self) -> ScriptedAnswer {
        let mut script = lock(&self.stage.script);
        match script.len() {
            0 => ScriptedAnswer::text("ok"),
            1 => script[0].clone(),
            _ => script.pop_front().unwrap_or(ScriptedAnswer::Hang),
        }
    }

    async fn play(self, call: AttemptCall) -> Result<Answer, LlmError> {
        let AttemptCall { request, include_usage, headers, deadline } = call;
        let model = request.model.clone();
        lock(&self.stage.calls).push(ProviderCall { request, include_usage, headers });
        let mut under = Under::begin(self.stage.clone());
        self.stage.changed.notify_waiters();
        let body = match self.next() {
            ScriptedAnswer::Hang => {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                    None => std::future::pending().await,
                }
                under.end();
                return Err(LlmError::new(ErrorKind::Timeout, "the provider did not answer in time"));
            }
            ScriptedAnswer::Error(error) => {
                under.end();
                return Err(*error);
            }
            ScriptedAnswer::Panic => {
                under.end();
                #[expect(clippy::panic, reason = "the script asks for it")]
                {
                    panic!("scripted")
                }
            }
            ScriptedAnswer::Whole(response) => {
                under.end();
                AnswerBody::Whole(*response)
            }
            ScriptedAnswer::Body(body) => {
                under.end();
                AnswerBody::Whole(Response::from_wire(Kind::Chat, &self.name, &model, self.codec, body))
            }
            ScriptedAnswer::Stream(pieces) => {
                let bytes = Box::pin(Play::new(pieces, under));
                AnswerBody::Stream(ProviderStream { codec: self.codec, bytes })
            }
        };
        Ok(Answer { body, headers: HeaderMap::new(), retries: 0, key_name: String::new(), dropped: Vec::new() })
    }
}

impl Provider for ScriptedProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn codec(&self) -> &'static dyn Codec {
        self.codec
    }

    fn models(&self) -> Vec<String> {
        Vec::new()
    }

    fn attempt(&self, call: AttemptCall) -> BoxFuture<'_, Result<Answer, LlmError>> {
        Box::pin(self.clone().play(call))
    }
}

impl std::fmt::Debug for ScriptedProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dialect: Dialect = self.codec.dialect();
        f.debug_struct("ScriptedProvider").field("name", &self.name).field("dialect", &dialect).finish()
    }
}

// === impl Under ===

impl Under {
    fn begin(stage: Arc<Stage>) -> Self {
        stage.open.fetch_add(1, Ordering::AcqRel);
        Self { stage, ended: false }
    }

    /// It came to its end by itself.
    fn end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            self.stage.open.fetch_sub(1, Ordering::AcqRel);
            self.stage.changed.notify_waiters();
        }
    }
}

impl Drop for Under {
    fn drop(&mut self) {
        if !self.ended {
            self.stage.given_up.fetch_add(1, Ordering::AcqRel);
            self.end();
        }
    }
}

/// A test that failed while it held the lock must not hide behind a poisoned one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The error of an upstream that broke.
fn broken() -> LlmError {
    LlmError::new(ErrorKind::Upstream, "the connection was reset")
}

#[cfg(test)]
mod tests;
