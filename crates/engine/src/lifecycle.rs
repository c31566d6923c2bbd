//! What was opened is closed.
//!
//! A [`Lifecycle`] owns a request's exchange. It is declared before any hook's future, so that it is dropped after them;
//! dropped without [`Lifecycle::finish`], which is what happens when the client goes away, it moves the exchange into a
//! tracked task that closes what is open.

use crate::error::log_closing;
use crate::price::Pricing;
use gatewright_model::{ErrorKind, FinishReason, Kind, LlmError, Output, Response, Usage};
use gatewright_pipeline::{CLOSING_BUDGET, Exchange, PluginSet, Round};
use gatewright_plugin::hosted::point;
use gatewright_plugin::payload::{LlmResult, RequestStatus, RequestSummary};
use gatewright_plugin::{Draft, Facts, Hook};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::task::TaskTracker;

/// One request from its first hook to its last. Exactly one closing follows, on every way out.
pub struct Lifecycle {
    open: Option<Box<Open>>,
    tasks: TaskTracker,
}

/// A request that is not closed yet.
pub struct Open {
    /// The plugins' side.
    pub exchange: Exchange,
    /// What is to be told at the end.
    pub progress: Progress,
    pricing: Arc<dyn Pricing>,
    started: Instant,
    held: Vec<Box<dyn Send>>,
}

/// What is known so far of how a request goes.
#[derive(Debug, Default)]
pub struct Progress {
    /// What is asked for.
    pub kind: Kind,
    /// The provider of the last attempt.
    pub provider: String,
    /// The model of the last attempt.
    pub model: String,
    /// Attempts made.
    pub attempts: u32,
    /// Tries beyond the first, in all attempts.
    pub retries: u32,
    /// Whether the client is streamed to.
    pub stream: bool,
    /// Tokens that the last attempt used.
    pub usage: Option<Usage>,
    /// What those before it used.
    pub(crate) spent: Spent,
    /// Why the model stopped.
    pub finish: Option<FinishReason>,
    /// The error that the client gets.
    pub error: Option<Arc<LlmError>>,
    /// Time to the first token.
    pub first_token: Option<Duration>,
    /// Time spent waiting for others: the client's body, the provider's answer.
    pub waited: Duration,
    /// What the gateway itself took until its answer began.
    pub overhead: Duration,
    /// Guards whose `check_input` has had its say.
    pub(crate) asked: Vec<Arc<str>>,
}

/// What attempts used that are over.
#[derive(Debug, Default)]
pub(crate) struct Spent {
    usage: Option<Usage>,
    /// In US dollars, of those whose model has a price.
    cost: f64,
    unpriced: bool,
}

// === impl Lifecycle ===

impl Lifecycle {
    /// Opens a request that began at `started`.
    pub fn open(
        set: Arc<PluginSet>,
        facts: Facts,
        started: Instant,
        pricing: Arc<dyn Pricing>,
        tasks: TaskTracker,
    ) -> Self {
        let model = facts.model.clone();
        let progress = Progress { model, ..Progress::default() };
        let exchange = Exchange::new(set, facts);
        Self { open: Some(Box::new(Open { exchange, progress, pricing, started, held: Vec::new() })), tasks }
    }

    /// The request. It is there until it is finished, and finishing takes the lifecycle.
    #[expect(clippy::expect_used, reason = "only finish and drop take it, and both end the lifecycle")]
    pub fn request(&mut self) -> &mut Open {
        self.open.as_mut().expect("the request is open")
    }

    /// The client gets this error. The `on_error` hooks are told behind the request; later errors of the same request
    /// are not told.
    pub fn fail(&mut self, error: &LlmError) {
        self.request().progress.error.get_or_insert_with(|| Arc::new(error.clone()));
    }

    /// The request is done, and the client got this status. Closing hooks run behind it.
    pub fn finish(mut self, http_status: u16) {
        if let Some(open) = self.open.take() {
            self.close(open, http_status);
        }
    }

    /// Whether the request's time is spent.
    pub(crate) fn is_late(&self) -> bool {
        let deadline = self.open.as_ref().and_then(|open| open.exchange.facts().deadline);
        deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Keeps something until the closing hooks have run, such as the request's place among all others.
    pub fn hold(&mut self, held: impl Send + 'static) {
        self.request().held.push(Box::new(held));
    }

    /// Time since the request began.
    pub fn elapsed(&self) -> Duration {
        self.open.as_ref().map_or(Duration::ZERO, |open| open.started.elapsed())
    }

    /// Runs something behind the request; the gateway waits for it when it drains.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            self.tasks.spawn_on(task, &runtime);
        }
    }

    fn close(&self, open: Box<Open>, http_status: u16) {
        if !open.has_closing() {
            return;
        }
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                self.tasks.spawn_on(open.close(http_status), &runtime);
            }
            Err(_) => tracing::error!("a request was dropped outside of the runtime; its closing hooks did not run"),
        }
    }
}

impl Drop for Lifecycle {
    fn drop(&mut self) {
        if let Some(mut open) = self.open.take() {
            let gone = match std::thread::panicking() {
                true => LlmError::new(ErrorKind::Internal, "the gateway failed"),
                false => LlmError::new(ErrorKind::Cancelled, "the client went away"),
            };
            open.progress.error.get_or_insert_with(|| Arc::new(gone));
            self.close(open, ErrorKind::Cancelled.status());
        }
    }
}

// === impl Open ===

impl Open {
    /// Whether anybody is told how the request ended.
    pub(crate) fn is_told(&self) -> bool {
        self.exchange.has(Hook::PostRequest) || self.exchange.has(Hook::RequestEnd)
    }

    /// Keeps what a whole answer says of itself, if anybody is told.
    pub(crate) fn note(&mut self, response: &Response) {
        if !self.is_told() {
            return;
        }
        let read = match response.wire() {
            Some(wire) if response.edited().is_none() => wire.read(),
            _ => response.edited(),
        };
        let mut usage = None;
        if let Some(Output::Chat(chat)) = read {
            usage = chat.usage;
            self.progress.finish = chat.choices.first().and_then(|choice| choice.finish.clone());
        }
        // An answer that a plugin put in its place takes nothing back of what the provider counted.
        let usage = usage.or_else(|| response.wire().and_then(|wire| wire.usage()));
        self.progress.usage = usage.or(self.progress.usage);
    }

    /// The attempt is over, and its tokens are used: the next one's are counted for themselves.
    pub(crate) fn spend(&mut self) {
        let Progress { provider, model, usage, spent, .. } = &mut self.progress;
        let Some(usage) = usage.take() else { return };
        let price = self.pricing.cost(provider, model, &usage);
        spent.usage.get_or_insert_default().add(&usage);
        spent.cost += price.unwrap_or_default();
        spent.unpriced |= price.is_none();
    }

    fn has_closing(&self) -> bool {
        (self.exchange.has(Hook::OnError) && self.progress.error.is_some())
            || self.is_told()
            || self.exchange.owes(Round::Attempt)
    }

    /// Runs what is owed: the open attempt's `post_llm`, `on_error`, `post_request`, `request_end`.
    async fn close(mut self: Box<Self>, http_status: u16) {
        let latency = self.started.elapsed();
        self.exchange.begin_closing(CLOSING_BUDGET);
        if self.exchange.owes(Round::Attempt) {
            let error = self.progress.error.as_deref().cloned();
            let error = error.unwrap_or_else(|| LlmError::new(ErrorKind::Internal, "the attempt was given up"));
            let mut result = Draft::from(LlmResult::Error(error));
            let on_fault = |_: &mut Draft<LlmResult>, fault| log_closing(&fault);
            self.exchange.unwind::<point::PostLlm>(Round::Attempt, &mut result, false, on_fault).await;
        }
        // Nobody gets the error of a request whose client went away.
        if let Some(mut error) = self.progress.error.clone().filter(|error| error.kind != ErrorKind::Cancelled) {
            self.exchange.observe::<point::OnError>(&mut error).await;
        }
        let mut summary = Arc::new(self.summary(http_status, latency));
        self.exchange.observe::<point::PostRequest>(&mut summary).await;
        // What `post_request` attached shows at the end.
        Arc::make_mut(&mut summary).metadata = self.exchange.take_metadata();
        // What one plugin took at `post_request` is not taken from the others' end.
        self.exchange.begin_closing(CLOSING_BUDGET);
        self.exchange.end::<point::RequestEnd>(&mut summary).await;
    }

    fn summary(&mut self, http_status: u16, latency: Duration) -> RequestSummary {
        self.spend();
        let progress = &mut self.progress;
        let Spent { usage, cost, unpriced } = std::mem::take(&mut progress.spent);
        let error = progress.error.take();
        RequestSummary {
            kind: progress.kind,
            status: error.as_ref().map_or(RequestStatus::Success, |error| RequestStatus::of_error(error.kind)),
            http_status,
            error,
            provider: std::mem::take(&mut progress.provider),
            model: std::mem::take(&mut progress.model),
            attempts: progress.attempts,
            stream: progress.stream,
            usage,
            cost,
            priced: usage.is_some() && !unpriced,
            latency,
            time_to_first_token: progress.first_token,
            overhead: progress.overhead,
            finish_reason: progress.finish.as_ref().map(|finish| finish.as_str().to_owned()),
            metadata: self.exchange.metadata().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests;
