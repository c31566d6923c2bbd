//! Runs the hooks of a stream.

use crate::error::fault_error;
use crate::lifecycle::Lifecycle;
use crate::stream::channels::Channels;
use crate::stream::failed::Failed;
use crate::stream::plan::{Plan, in_chunk_mode, in_observe_mode};
use crate::stream::replay::replay;
use crate::stream::source::{Source, late};
use crate::stream::texts::Texts;
use gatewright_model::{Chunk, ErrorKind, FinishReason, LlmError, Part, Response};
use gatewright_pipeline::Round;
use gatewright_plugin::hosted::point;
use gatewright_plugin::payload::LlmResult;
use gatewright_plugin::{Draft, Hook, PostLlm};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::task::coop::consume_budget;

/// The most that is held back of one stream unless the config says otherwise: 32 MiB.
pub const STREAM_BUFFER_BYTES: usize = 32 << 20;

/// An attempt's stream on its way through `post_llm`, then through the text hooks.
pub struct Driver {
    source: Source,
    provider: String,
    model: String,
    plan: Plan,
    limit: usize,
    /// Those that came, and those that `post_llm` made of them.
    channels: Channels,
    passed: Channels,
    /// All chunks so far, if some `post_llm` wants the whole before anything leaves.
    collected: Vec<Chunk>,
    collected_bytes: usize,
    texts: Texts,
    ready: VecDeque<Chunk>,
    released: bool,
    failed: Option<LlmError>,
    ended: bool,
}

// === impl Driver ===

impl Driver {
    pub(crate) fn new(life: &mut Lifecycle, source: Source, limit: usize) -> Self {
        let open = life.request();
        let plan = Plan::of(&open.exchange);
        Self {
            source,
            provider: open.progress.provider.clone(),
            model: open.progress.model.clone(),
            texts: Texts::new(plan.clone(), limit),
            plan,
            limit,
            channels: Channels::default(),
            passed: Channels::default(),
            collected: Vec::new(),
            collected_bytes: 0,
            ready: VecDeque::new(),
            released: false,
            failed: None,
            ended: false,
        }
    }

    /// The next chunk for the client. An error is the last item, and the upstream is cancelled by then.
    pub async fn next(&mut self, life: &mut Lifecycle) -> Option<Result<Chunk, LlmError>> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                self.released = true;
                return Some(Ok(chunk));
            }
            if let Some(error) = self.failed.take() {
                return Some(Err(error));
            }
            if self.ended {
                return None;
            }
            // Of a whole answer nothing is waited for: it may be what recovered a request whose time is over.
            if !self.source.is_whole() && life.is_late() {
                self.fail(life, Failed::Attempt(late())).await;
                continue;
            }
            // What is there already, and says nothing to the client, must not keep others from their turn.
            consume_budget().await;
            let deadline = life.request().exchange.facts().deadline;
            let step = match self.source.next(deadline).await {
                Some(Ok(chunk)) => self.take(life, chunk).await,
                Some(Err(error)) => Err(Failed::Attempt(error)),
                None => {
                    Err(Failed::Attempt(LlmError::new(ErrorKind::Upstream, "the provider's stream ended too early")))
                }
            };
            if let Err(failed) = step {
                self.fail(life, failed).await;
            }
        }
    }

    /// Whether everything the provider sends was taken, and nothing is left for the client.
    pub fn is_done(&self) -> bool {
        self.ended && self.ready.is_empty() && self.failed.is_none()
    }

    async fn take(&mut self, life: &mut Lifecycle, chunk: Chunk) -> Result<(), Failed> {
        note(life, &chunk);
        self.channels.push(&chunk).map_err(Failed::Attempt)?;
        if let Some(error) = chunk.parts().iter().find_map(error_of) {
            return Err(Failed::Attempt(error.clone()));
        }
        if chunk.has(|part| matches!(part, Part::Done)) {
            return match chunk.parts() {
                [Part::Done] => self.end(life, chunk).await,
                parts => {
                    // What is said with the end takes the way of all that is said before it.
                    let said: Vec<Part> = parts.iter().filter(|part| **part != Part::Done).cloned().collect();
                    self.say(life, Chunk::from_parts(said)).await?;
                    self.end(life, Chunk::from_parts([Part::Done])).await
                }
            };
        }
        self.say(life, chunk).await
    }

    /// A chunk that is not the end.
    async fn say(&mut self, life: &mut Lifecycle, chunk: Chunk) -> Result<(), Failed> {
        let Some(chunk) = self.pass_back(life, chunk).await? else { return Ok(()) };
        self.texts.remember(life, &chunk)?;
        if self.plan.collect {
            self.collected_bytes += chunk.bytes();
            self.collected.push(chunk);
            if self.collected_bytes > self.limit {
                self.plan.over_limit(life, self.limit)?;
                self.plan.collect = false;
                self.pass_collected(life).await?;
            }
            return Ok(());
        }
        self.ready.extend(self.texts.pass(life, chunk).await?);
        Ok(())
    }

    async fn pass_collected(&mut self, life: &mut Lifecycle) -> Result<(), Failed> {
        for chunk in std::mem::take(&mut self.collected) {
            self.ready.extend(self.texts.pass(life, chunk).await?);
        }
        Ok(())
    }

    /// `post_llm` on a chunk, for those in `chunk` and `observe` mode.
    async fn pass_back(&mut self, life: &mut Lifecycle, chunk: Chunk) -> Result<Option<Chunk>, Failed> {
        let exchange = &mut life.request().exchange;
        if !exchange.has(Hook::PostLlm) {
            return Ok(Some(chunk));
        }
        let mut result = Draft::from(LlmResult::Chunk(chunk));
        exchange.watch::<point::PostLlm>(&result, in_observe_mode).await?;
        let decided = exchange.pass_back::<point::PostLlm>(Round::Attempt, &mut result, in_chunk_mode).await?;
        match (decided.map(|decision| decision.outcome), result.into_inner()) {
            (Some(PostLlm::Drop), _) => Ok(None),
            (_, LlmResult::Chunk(chunk)) => {
                self.passed.push(&chunk).map_err(Failed::Attempt)?;
                Ok(Some(chunk))
            }
            (_, LlmResult::Error(error)) => Err(Failed::Attempt(error)),
            (_, LlmResult::Response(_) | LlmResult::StreamEnd(_)) => Ok(None),
        }
    }

    /// The end of the provider's stream: `post_llm` for good, then what wanted the whole, then out with the rest.
    async fn end(&mut self, life: &mut Lifecycle, last: Chunk) -> Result<(), Failed> {
        self.source.end(life);
        self.texts.remember(life, &last)?;
        self.texts.end_attempt(life).await?;
        self.close(life).await?;
        self.pass_collected(life).await?;
        self.ready.extend(self.texts.end(life, &last, &self.provider, &self.model).await?);
        self.ready.push_back(last);
        self.ended = true;
        Ok(())
    }

    /// `post_llm` at the end of the stream. With `collect` nothing has left, and an edit is replayed.
    async fn close(&mut self, life: &mut Lifecycle) -> Result<(), Failed> {
        let exchange = &mut life.request().exchange;
        if !exchange.owes(Round::Attempt) {
            exchange.begin(Round::Attempt);
            return Ok(());
        }
        let collected = self.plan.collect;
        let Some(whole) = self.texts.take_whole(!collected, &self.provider, &self.model) else {
            life.request().exchange.begin(Round::Attempt);
            return Ok(());
        };
        let mut result = Draft::from(if collected { LlmResult::Response(whole) } else { LlmResult::StreamEnd(whole) });
        let before = result.base().clone();
        close_attempt(life, &mut result).await.map_err(Failed::Closed)?;
        let edited = !Arc::ptr_eq(&before, result.base());
        match result.into_inner() {
            LlmResult::Error(error) => Err(Failed::Closed(error)),
            LlmResult::Response(response) if edited => self.replay_instead(&response),
            _ => Ok(()),
        }
    }

    fn replay_instead(&mut self, response: &Response) -> Result<(), Failed> {
        let mut chunks = replay(response)
            .ok_or_else(|| Failed::Closed(LlmError::new(ErrorKind::Internal, "the answer cannot be streamed")))?;
        // The end of the provider's own stream follows.
        chunks.retain(|chunk| !chunk.has(|part| matches!(part, Part::Done)));
        let mut channels = Channels::default();
        chunks.iter().try_for_each(|chunk| channels.push(chunk)).map_err(Failed::Closed)?;
        self.collected = chunks;
        Ok(())
    }

    /// Ends the stream with an error, unless a `post_llm` recovers it.
    async fn fail(&mut self, life: &mut Lifecycle, failed: Failed) {
        self.source = Source::Ended;
        self.ended = true;
        let (error, recoverable) = match failed {
            Failed::Attempt(error) => (error, true),
            Failed::Request(error) => (error, false),
            Failed::Closed(error) => {
                self.failed = Some(error);
                return;
            }
        };
        let mut result = Draft::from(LlmResult::Error(error.clone()));
        let closed = close_attempt(life, &mut result).await;
        self.failed = match (closed, result.into_inner()) {
            (Err(fault), _) => Some(fault),
            (Ok(()), LlmResult::Error(edited)) if recoverable => Some(edited),
            (Ok(()), LlmResult::Response(response)) if recoverable => match self.recover(life, &response).await {
                Ok(()) => None,
                Err(failed) => Some(failed.into_error()),
            },
            _ => Some(error),
        };
    }

    /// Puts a response in the place of what failed. What left cannot be taken back: then it is the end that is recovered.
    async fn recover(&mut self, life: &mut Lifecycle, response: &Response) -> Result<(), Failed> {
        if self.released || !self.ready.is_empty() {
            let reason = FinishReason::Stop;
            let finish = Chunk::from_parts([Part::Finish { choice: 0, reason }]);
            self.ready.extend(self.texts.pass(life, finish).await?);
            return self.end(life, Chunk::from_parts([Part::Done])).await;
        }
        let chunks = replay(response)
            .ok_or_else(|| Failed::Closed(LlmError::new(ErrorKind::Internal, "the answer cannot be streamed")))?;
        // What the failed stream left behind is not part of it.
        self.texts = Texts::new(self.plan.clone(), self.limit);
        (self.channels, self.passed) = (Channels::default(), Channels::default());
        self.collected = Vec::new();
        self.collected_bytes = 0;
        self.source = Source::Replay(chunks.into());
        self.ended = false;
        Ok(())
    }
}

/// Closes an attempt: `post_llm` for good, in reverse. A guard that fails there ends the request: the next ones see its
/// error, and nobody recovers it.
pub(crate) async fn close_attempt(life: &mut Lifecycle, result: &mut Draft<LlmResult>) -> Result<(), LlmError> {
    let mut faulted = None;
    let exchange = &mut life.request().exchange;
    exchange
        .unwind::<point::PostLlm>(Round::Attempt, result, false, |result, fault| {
            let error = faulted.get_or_insert_with(|| fault_error(&fault));
            *result = Draft::from(LlmResult::Error(error.clone()));
        })
        .await;
    faulted.map_or(Ok(()), Err)
}

pub(super) fn error_of(part: &Part) -> Option<&LlmError> {
    match part {
        Part::Error(error) => Some(error),
        _ => None,
    }
}

/// Keeps what is told at the end of the request.
fn note(life: &mut Lifecycle, chunk: &Chunk) {
    let elapsed = life.elapsed();
    let progress = &mut life.request().progress;
    for part in chunk.parts() {
        match part {
            Part::Text { .. } | Part::ToolUse { .. } => {
                progress.first_token.get_or_insert(elapsed);
            }
            Part::Usage(usage) => progress.usage.get_or_insert_default().merge(usage),
            Part::Finish { reason, .. } => progress.finish = Some(reason.clone()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
