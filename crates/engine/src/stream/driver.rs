//! Runs the hooks of a stream.

use crate::error::{blocked, fault_error};
use crate::lifecycle::Lifecycle;
use crate::stream::assemble::Assembler;
use crate::stream::hold::Hold;
use crate::stream::plan::{Plan, in_buffer_mode, in_chunk_mode, in_observe_mode, in_window_mode};
use crate::stream::replay::replay;
use crate::stream::source::Source;
use gatewright_model::{Channel, Chunk, ErrorKind, FinishReason, LlmError, Part, Response};
use gatewright_pipeline::{Round, Slot};
use gatewright_plugin::hosted::point;
use gatewright_plugin::payload::{ChannelText, LlmResult, OutputCheck};
use gatewright_plugin::{Draft, Hook, PostLlm, Verdict};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// The most that is held back of one stream unless the config says otherwise: 8 MiB.
pub const STREAM_BUFFER_BYTES: usize = 8 << 20;

/// An attempt's stream on its way through `post_llm`, `on_stream_chunk` and `check_output`.
pub struct Driver {
    source: Source,
    provider: String,
    model: String,
    plan: Plan,
    limit: usize,
    /// The whole so far, if somebody needs it at the end.
    whole: Assembler,
    /// All chunks so far, if some `post_llm` wants the whole before anything leaves.
    collected: Vec<Chunk>,
    collected_bytes: usize,
    hold: Hold,
    ready: VecDeque<Chunk>,
    /// Channels whose text hooks were not told of their end yet.
    growing: BTreeSet<Channel>,
    released: bool,
    failed: Option<LlmError>,
    ended: bool,
    /// The hooks have run already.
    checked: bool,
}

// === impl Driver ===

impl Driver {
    pub(crate) fn new(life: &mut Lifecycle, source: Source, limit: usize) -> Self {
        let open = life.request();
        Self {
            source,
            provider: open.progress.provider.clone(),
            model: open.progress.model.clone(),
            plan: Plan::of(open.exchange.set()),
            limit,
            whole: Assembler::default(),
            collected: Vec::new(),
            collected_bytes: 0,
            hold: Hold::default(),
            ready: VecDeque::new(),
            growing: BTreeSet::new(),
            released: false,
            failed: None,
            ended: false,
            checked: false,
        }
    }

    /// A stream whose hooks have run already, on the whole.
    pub(crate) fn checked(life: &mut Lifecycle, source: Source) -> Self {
        let mut driver = Self::new(life, source, usize::MAX);
        driver.plan = Plan::default();
        driver.checked = true;
        driver
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
            let step = match self.source.next().await {
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
        if self.checked {
            self.ended = chunk.has(|part| matches!(part, Part::Done));
            self.ready.push_back(chunk);
            return Ok(());
        }
        if let Some(error) = chunk.parts().iter().find_map(error_of) {
            return Err(Failed::Attempt(error.clone()));
        }
        if chunk.has(|part| matches!(part, Part::Done)) {
            return self.end(life, chunk).await;
        }
        let Some(chunk) = self.pass_back(life, chunk).await? else { return Ok(()) };
        if self.plan.whole {
            self.whole.push(&chunk);
        }
        if self.plan.collect {
            self.collected_bytes += size(&chunk);
            self.collected.push(chunk);
            return self.limit_collected(life).await;
        }
        self.pass(life, chunk).await
    }

    /// `post_llm` on a chunk, for those in `chunk` and `observe` mode.
    async fn pass_back(&mut self, life: &mut Lifecycle, chunk: Chunk) -> Result<Option<Chunk>, Failed> {
        let exchange = &mut life.request().exchange;
        if !exchange.has(Hook::PostLlm) {
            return Ok(Some(chunk));
        }
        let mut result = Draft::from(LlmResult::Chunk(chunk));
        let mut seen = result.clone();
        exchange.pass_back::<point::PostLlm>(Round::Attempt, &mut seen, in_observe_mode).await?;
        drop(seen);
        let decided = exchange.pass_back::<point::PostLlm>(Round::Attempt, &mut result, in_chunk_mode).await?;
        match (decided.map(|decision| decision.outcome), result.into_inner()) {
            (Some(PostLlm::Drop), _) => Ok(None),
            (_, LlmResult::Chunk(chunk)) => Ok(Some(chunk)),
            (_, LlmResult::Error(error)) => Err(Failed::Attempt(error)),
            (_, LlmResult::Response(_) | LlmResult::StreamEnd(_)) => Ok(None),
        }
    }

    /// `on_stream_chunk` and `check_output` on a chunk, then out with what may leave.
    async fn pass(&mut self, life: &mut Lifecycle, mut chunk: Chunk) -> Result<(), Failed> {
        if life.request().exchange.has(Hook::OnStreamChunk) {
            chunk = self.texts_of_chunk(life, chunk).await?;
        }
        self.check_chunk(life, &chunk).await?;
        if !self.plan.holds() {
            self.end_channels(life, &chunk).await?;
            self.ready.push_back(chunk);
            return Ok(());
        }
        let ends = chunk.clone();
        let (grew, ended) = self.hold.push(chunk);
        for channel in grew.union(&ended) {
            self.window(life, *channel, ended.contains(channel)).await?;
        }
        self.end_channels(life, &ends).await?;
        self.limit_held(life)?;
        if !self.plan.buffer {
            self.ready.extend(self.hold.release(self.plan.window));
        }
        Ok(())
    }

    /// `on_stream_chunk` on the texts of a chunk as it comes, for those in `chunk` and `observe` mode.
    async fn texts_of_chunk(&mut self, life: &mut Lifecycle, mut chunk: Chunk) -> Result<Chunk, Failed> {
        for at in 0..chunk.parts().len() {
            let Part::Text { channel, text } = &chunk.parts()[at] else { continue };
            let (channel, before) = (*channel, text.clone());
            self.growing.insert(channel);
            let mut draft = channel_text(channel, before.clone(), false, false);
            run_text(life, &mut draft.clone(), in_observe_mode).await?;
            run_text(life, &mut draft, in_chunk_mode).await?;
            if draft.text != before
                && let Part::Text { text, .. } = &mut chunk.parts_mut()[at]
            {
                *text = draft.into_inner().text;
            }
        }
        Ok(chunk)
    }

    /// `check_output` on the texts of a chunk as it comes, for those in `chunk` mode.
    async fn check_chunk(&mut self, life: &mut Lifecycle, chunk: &Chunk) -> Result<(), Failed> {
        if !life.request().exchange.has(Hook::CheckOutput) {
            return Ok(());
        }
        let mut texts = Vec::new();
        for part in chunk.parts() {
            if let Part::Text { channel, text } = part {
                texts.push(plain_text(*channel, text.clone(), false));
            }
        }
        match texts.is_empty() {
            true => Ok(()),
            false => check(life, OutputCheck { texts, is_final: false, response: None }, in_chunk_mode).await,
        }
    }

    /// Tells `on_stream_chunk` in `chunk` mode of channels that end here, with the whole text.
    async fn end_channels(&mut self, life: &mut Lifecycle, chunk: &Chunk) -> Result<(), Failed> {
        if self.growing.is_empty() {
            return Ok(());
        }
        let ends = |channel: &Channel| {
            chunk.has(|part| match part {
                Part::BlockEnd(ended) => ended == channel,
                Part::Finish { choice, .. } => *choice == channel.choice,
                Part::Done => true,
                _ => false,
            })
        };
        let ended: Vec<Channel> = self.growing.iter().filter(|channel| ends(channel)).copied().collect();
        for channel in ended {
            self.growing.remove(&channel);
            let mut whole = channel_text(channel, self.whole.text(channel).to_owned(), true, true);
            run_text(life, &mut whole, |slot| in_chunk_mode(slot) || in_observe_mode(slot)).await?;
        }
        Ok(())
    }

    /// The hooks in `window` mode on what is held of a channel.
    async fn window(&mut self, life: &mut Lifecycle, channel: Channel, is_final: bool) -> Result<(), Failed> {
        if self.plan.window == 0 {
            return Ok(());
        }
        let held = self.hold.text(channel);
        let mut text = held.clone();
        let exchange = &mut life.request().exchange;
        let mut result = Draft::from(LlmResult::Chunk(Chunk::text(channel, text.clone())));
        exchange.pass_back::<point::PostLlm>(Round::Attempt, &mut result, in_window_mode).await?;
        if let LlmResult::Chunk(chunk) = result.into_inner() {
            text = chunk.parts().iter().filter_map(text_of).collect();
        }
        let mut draft = channel_text(channel, text, is_final, false);
        run_text(life, &mut draft, in_window_mode).await?;
        let text = draft.into_inner().text;
        if text != held {
            self.hold.replace(channel, text.clone());
        }
        let texts = vec![plain_text(channel, text, is_final)];
        check(life, OutputCheck { texts, is_final, response: None }, in_window_mode).await
    }

    /// The end of the provider's stream: `post_llm` for good, then what wanted the whole, then out with the rest.
    async fn end(&mut self, life: &mut Lifecycle, last: Chunk) -> Result<(), Failed> {
        self.source.end(life);
        if self.plan.whole {
            self.whole.push(&last);
        }
        self.close_attempt(life).await?;
        for chunk in std::mem::take(&mut self.collected) {
            self.pass(life, chunk).await?;
        }
        self.end_channels(life, &last).await?;
        if self.plan.holds() {
            for channel in self.hold.channels() {
                self.window(life, channel, true).await?;
                self.buffered_texts(life, channel).await?;
            }
        }
        self.check_whole(life).await?;
        self.ready.extend(self.hold.release_all());
        self.ready.push_back(last);
        self.ended = true;
        Ok(())
    }

    /// `post_llm` at the end of the stream. With `collect` nothing has left, and an edit is replayed.
    async fn close_attempt(&mut self, life: &mut Lifecycle) -> Result<(), Failed> {
        let exchange = &mut life.request().exchange;
        if !exchange.has(Hook::PostLlm) {
            exchange.begin(Round::Attempt);
            return Ok(());
        }
        let whole = self.whole.finish(&self.provider, &self.model);
        let collected = self.plan.collect;
        let mut result = Draft::from(if collected { LlmResult::Response(whole) } else { LlmResult::StreamEnd(whole) });
        let before = result.base().clone();
        exchange.unwind::<point::PostLlm>(Round::Attempt, &mut result, false, put_fault).await;
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
        self.whole = Assembler::default();
        chunks.iter().for_each(|chunk| self.whole.push(chunk));
        self.collected = chunks;
        Ok(())
    }

    /// `on_stream_chunk` in `buffer` mode on the whole text of a channel.
    async fn buffered_texts(&mut self, life: &mut Lifecycle, channel: Channel) -> Result<(), Failed> {
        let held = self.hold.text(channel);
        let mut draft = channel_text(channel, held.clone(), true, false);
        run_text(life, &mut draft, in_buffer_mode).await?;
        let text = draft.into_inner().text;
        if text != held {
            self.hold.replace(channel, text);
        }
        Ok(())
    }

    /// `check_output` on the whole, for those that hold it all and those that only watch.
    async fn check_whole(&mut self, life: &mut Lifecycle) -> Result<(), Failed> {
        if !life.request().exchange.has(Hook::CheckOutput) {
            return Ok(());
        }
        let response = Arc::new(self.whole.finish(&self.provider, &self.model));
        let texts = self.whole_texts();
        let seen = OutputCheck { texts, is_final: true, response: Some(response) };
        let watched = check(life, seen.clone(), in_observe_mode).await;
        if let Err(Failed::Request(error)) = watched {
            tracing::info!(plugin = error.plugin.as_deref().unwrap_or_default(), reason = %error, "audit of an answer");
        }
        check(life, seen, |slot| in_buffer_mode(slot) || in_chunk_mode(slot)).await
    }

    /// The text of each channel: as it is held, or as it left.
    fn whole_texts(&self) -> Vec<ChannelText> {
        let mut texts = self.whole.texts();
        if self.plan.buffer {
            for text in &mut texts {
                text.text = self.hold.text(text.channel);
            }
        }
        texts
    }

    fn limit_held(&mut self, life: &mut Lifecycle) -> Result<(), Failed> {
        if self.hold.bytes() <= self.limit {
            return Ok(());
        }
        self.over_limit(life)?;
        self.plan.buffer = false;
        self.plan.window = 0;
        self.ready.extend(self.hold.release_all());
        Ok(())
    }

    async fn limit_collected(&mut self, life: &mut Lifecycle) -> Result<(), Failed> {
        if self.collected_bytes <= self.limit {
            return Ok(());
        }
        self.over_limit(life)?;
        self.plan.collect = false;
        for chunk in std::mem::take(&mut self.collected) {
            self.pass(life, chunk).await?;
        }
        Ok(())
    }

    /// Over the limit the request ends if a plugin that holds must not be missed; otherwise that is logged, and the
    /// stream goes on unheld.
    fn over_limit(&self, life: &mut Lifecycle) -> Result<(), Failed> {
        let request_id = &life.request().exchange.facts().request_id;
        tracing::warn!(%request_id, limit = self.limit, closed = self.plan.closed, "a stream is over what may be held back");
        match self.plan.closed {
            true => Err(Failed::Request(
                LlmError::new(ErrorKind::PluginUnavailable, "the answer is too long to be checked")
                    .with_code("oversized"),
            )),
            false => Ok(()),
        }
    }

    /// Ends the stream with an error, unless a `post_llm` recovers it.
    async fn fail(&mut self, life: &mut Lifecycle, failed: Failed) {
        self.source = Source::Ended;
        self.ended = true;
        let nothing_left = !self.released && self.ready.is_empty();
        let (error, recoverable) = match failed {
            Failed::Attempt(error) => (error, true),
            Failed::Request(error) => (error, false),
            Failed::Closed(error) => {
                self.failed = Some(error);
                return;
            }
        };
        let mut result = Draft::from(LlmResult::Error(error.clone()));
        let exchange = &mut life.request().exchange;
        exchange.unwind::<point::PostLlm>(Round::Attempt, &mut result, false, put_fault).await;
        match result.into_inner() {
            LlmResult::Error(edited) if recoverable => self.failed = Some(edited),
            LlmResult::Response(response) if recoverable && nothing_left => match replay(&response) {
                Some(chunks) => {
                    self.source = Source::Replay(chunks.into());
                    self.ended = false;
                }
                None => self.failed = Some(error),
            },
            LlmResult::Response(_) if recoverable => {
                // What left cannot be taken back, so what is recovered is the end.
                self.ready.extend(self.hold.release_all());
                let reason = FinishReason::Stop;
                self.ready.push_back(Chunk::from_parts([Part::Finish { choice: 0, reason }]));
                self.ready.push_back(Chunk::from_parts([Part::Done]));
            }
            _ => self.failed = Some(error),
        }
    }
}

/// Why a stream ends before its end.
enum Failed {
    /// The attempt failed: its `post_llm` hooks see the error, and may recover it.
    Attempt(LlmError),
    /// A decision against the answer: its `post_llm` hooks see the error, and may not take it back.
    Request(LlmError),
    /// After the attempt was closed.
    Closed(LlmError),
}

impl From<gatewright_pipeline::Fault> for Failed {
    fn from(fault: gatewright_pipeline::Fault) -> Self {
        Self::Request(fault_error(&fault))
    }
}

/// Puts a fault into the result that the next hooks see.
pub(crate) fn put_fault(result: &mut Draft<LlmResult>, fault: gatewright_pipeline::Fault) {
    *result = Draft::from(LlmResult::Error(fault_error(&fault)));
}

async fn run_text(
    life: &mut Lifecycle,
    draft: &mut Draft<ChannelText>,
    chosen: impl Fn(&Slot) -> bool,
) -> Result<(), Failed> {
    life.request().exchange.run_where::<point::OnStreamChunk>(draft, chosen).await?;
    Ok(())
}

async fn check(life: &mut Lifecycle, mut output: OutputCheck, chosen: impl Fn(&Slot) -> bool) -> Result<(), Failed> {
    match life.request().exchange.run_where::<point::CheckOutput>(&mut output, chosen).await? {
        Some(decision) => match decision.outcome {
            Verdict::Allow => Ok(()),
            Verdict::Block(no) => Err(Failed::Request(blocked(&decision.plugin, no))),
        },
        None => Ok(()),
    }
}

fn channel_text(channel: Channel, text: String, is_final: bool, released: bool) -> Draft<ChannelText> {
    Draft::from(ChannelText { channel, text, is_final, released })
}

fn plain_text(channel: Channel, text: String, is_final: bool) -> ChannelText {
    ChannelText { channel, text, is_final, released: false }
}

fn error_of(part: &Part) -> Option<&LlmError> {
    match part {
        Part::Error(error) => Some(error),
        _ => None,
    }
}

fn text_of(part: &Part) -> Option<&str> {
    match part {
        Part::Text { text, .. } => Some(text),
        _ => None,
    }
}

fn size(chunk: &Chunk) -> usize {
    64 + chunk.parts().iter().filter_map(text_of).map(str::len).sum::<usize>()
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
