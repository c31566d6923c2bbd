//! The text hooks of a stream: `on_stream_chunk` and `check_output`, on text as it comes, as it is held, and whole.

use crate::error::verdict;
use crate::lifecycle::Lifecycle;
use crate::output::audit;
use crate::stream::assemble::Assembler;
use crate::stream::ends::Ends;
use crate::stream::failed::Failed;
use crate::stream::hold::Hold;
use crate::stream::plan::{Plan, in_buffer_mode, in_chunk_mode, in_observe_mode, in_window_mode, is_shown_the_whole};
use crate::stream::shown;
use gatewright_model::{Channel, Chunk, Part, Response};
use gatewright_pipeline::{Round, Slot};
use gatewright_plugin::hosted::point;
use gatewright_plugin::payload::{ChannelText, LlmResult, OutputCheck};
use gatewright_plugin::{Draft, Failure, Hook, PostLlm};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Chunks on their way through the text hooks. What may not leave yet is held.
pub(crate) struct Texts {
    plan: Plan,
    limit: usize,
    /// The whole so far as it came from `post_llm`, if somebody needs it at the end.
    whole: Assembler,
    /// What has left, if somebody needs to know at the end.
    left: Assembler,
    hold: Hold,
    ends: Ends,
    /// Channels whose `on_stream_chunk` hooks were not told of their end yet.
    growing: BTreeSet<Channel>,
}

// === impl Texts ===

impl Texts {
    pub(crate) fn new(plan: Plan, limit: usize) -> Self {
        let (whole, left) = (Assembler::default(), Assembler::default());
        Self { plan, limit, whole, left, hold: Hold::default(), ends: Ends::default(), growing: BTreeSet::new() }
    }

    /// Keeps what a chunk says for `post_llm` at the end, if somebody stands there. Over the limit that call is a failure,
    /// and what was kept is let go.
    pub(crate) fn remember(&mut self, life: &mut Lifecycle, chunk: &Chunk) -> Result<(), Failed> {
        if !self.plan.whole {
            return Ok(());
        }
        self.whole.push(chunk);
        if self.whole.bytes() > self.limit {
            self.plan.whole = false;
            self.whole = Assembler::default();
            life.request().exchange.give_up(Hook::PostLlm, &too_long(), |_| true)?;
        }
        Ok(())
    }

    /// The whole, once; `None` if nobody is to see it, or if it was too long. Where windows of `post_llm` had their say on
    /// what `passed`, it is what leaves.
    pub(crate) fn take_whole(&mut self, passed: bool, provider: &str, model: &str) -> Option<Response> {
        if !std::mem::take(&mut self.plan.whole) {
            return None;
        }
        let came = std::mem::take(&mut self.whole);
        let whole = match passed && self.plan.edits_in_windows && self.plan.shown {
            true => self.and_held(self.left.clone()),
            false => came,
        };
        Some(whole.seen(provider, model))
    }

    /// What has left, then what is held.
    fn and_held(&self, mut left: Assembler) -> Assembler {
        self.hold.chunks().for_each(|chunk| left.push(chunk));
        left
    }

    /// Takes a chunk; answers what may leave now.
    pub(crate) async fn pass(&mut self, life: &mut Lifecycle, mut chunk: Chunk) -> Result<Vec<Chunk>, Failed> {
        if life.request().exchange.has(Hook::OnStreamChunk) {
            chunk = self.texts_of_chunk(life, chunk).await?;
        }
        let ended = self.ends.push(&chunk);
        if !self.plan.holds() {
            check_chunk(life, &chunk).await?;
            self.note_left(life, &chunk)?;
            self.end_channels(life, |channel| ended.contains(channel)).await?;
            return Ok(vec![chunk]);
        }
        let grew = self.hold.push(chunk);
        // Where all is held, windows are asked once, at the end.
        if !self.plan.buffer {
            for channel in grew.union(&ended).filter(|channel| self.hold.knows(**channel)).copied().collect::<Vec<_>>()
            {
                self.window(life, channel, ended.contains(&channel)).await?;
            }
        }
        self.end_channels(life, |channel| ended.contains(channel)).await?;
        let free = if self.hold.bytes() > self.limit {
            self.plan.over_limit(life, self.limit)?;
            self.plan.release();
            self.hold.release_all()
        } else if self.plan.buffer {
            Vec::new()
        } else {
            self.hold.release(self.plan.window, &self.ends)
        };
        for chunk in &free {
            // Not before: windows may have edited it.
            check_chunk(life, chunk).await?;
            self.note_left(life, chunk)?;
        }
        Ok(free)
    }

    /// The stream has ended, and its attempt has not: windows of `post_llm` on what is held.
    pub(crate) async fn end_attempt(&mut self, life: &mut Lifecycle) -> Result<(), Failed> {
        for channel in self.unasked() {
            self.answer_window(life, channel).await?;
        }
        Ok(())
    }

    /// Channels whose windows were not asked about their end.
    fn unasked(&self) -> Vec<Channel> {
        let asked = |channel: &Channel| !self.plan.buffer && self.ends.has(*channel);
        self.hold.channels().into_iter().filter(|channel| !asked(channel)).collect()
    }

    /// The stream has ended; `last` is its own last event. Answers everything that was held.
    pub(crate) async fn end(
        &mut self,
        life: &mut Lifecycle,
        last: &Chunk,
        provider: &str,
        model: &str,
    ) -> Result<Vec<Chunk>, Failed> {
        self.end_channels(life, |_| true).await?;
        if self.plan.holds() {
            let unasked = self.unasked();
            for channel in self.hold.channels() {
                self.last_texts(life, channel, unasked.contains(&channel)).await?;
            }
        }
        for chunk in self.hold.chunks() {
            check_chunk(life, chunk).await?;
        }
        self.check_whole(life, last, provider, model).await?;
        Ok(self.hold.release_all())
    }

    /// Keeps what leaves for those who are shown it at the end. Over the limit those calls are failures, and what was
    /// kept is let go.
    fn note_left(&mut self, life: &mut Lifecycle, chunk: &Chunk) -> Result<(), Failed> {
        if !self.plan.shown {
            return Ok(());
        }
        self.left.push(chunk);
        if self.left.bytes() > self.limit {
            self.plan.shown = false;
            self.left = Assembler::default();
            self.growing.clear();
            let exchange = &mut life.request().exchange;
            for hook in [Hook::OnStreamChunk, Hook::CheckOutput] {
                exchange.give_up(hook, &too_long(), |slot| is_shown_the_whole(hook, slot))?;
            }
        }
        Ok(())
    }

    /// `on_stream_chunk` on the texts of a chunk as it comes, for those in `chunk` and `observe` mode.
    async fn texts_of_chunk(&mut self, life: &mut Lifecycle, mut chunk: Chunk) -> Result<Chunk, Failed> {
        for at in 0..chunk.parts().len() {
            let Part::Text { channel, text } = &chunk.parts()[at] else { continue };
            let (channel, before) = (*channel, shown::text(*channel, text).into_owned());
            if self.plan.shown {
                self.growing.insert(channel);
            }
            let mut draft = channel_text(channel, before.clone(), false, false);
            life.request().exchange.watch::<point::OnStreamChunk>(&draft, in_observe_mode).await?;
            run_text(life, &mut draft, in_chunk_mode).await?;
            if draft.text != before
                && let Part::Text { text, .. } = &mut chunk.parts_mut()[at]
            {
                *text = draft.into_inner().text;
            }
        }
        Ok(chunk)
    }

    /// Tells `on_stream_chunk` in `chunk` mode of channels that have ended, with the whole text.
    async fn end_channels(&mut self, life: &mut Lifecycle, ends: impl Fn(&Channel) -> bool) -> Result<(), Failed> {
        if self.growing.is_empty() {
            return Ok(());
        }
        let ended: Vec<Channel> = self.growing.iter().filter(|channel| ends(channel)).copied().collect();
        for channel in ended {
            self.growing.remove(&channel);
            let text = self.left.text(channel) + &self.hold.text(channel);
            let mut whole = channel_text(channel, shown::text(channel, &text).into_owned(), true, true);
            life.request().exchange.watch::<point::OnStreamChunk>(&whole, in_observe_mode).await?;
            run_text(life, &mut whole, in_chunk_mode).await?;
        }
        Ok(())
    }

    /// The hooks in `window` mode on what is held of a channel.
    async fn window(&mut self, life: &mut Lifecycle, channel: Channel, is_final: bool) -> Result<(), Failed> {
        self.answer_window(life, channel).await?;
        self.text_window(life, channel, is_final).await
    }

    /// `post_llm` among them.
    async fn answer_window(&mut self, life: &mut Lifecycle, channel: Channel) -> Result<(), Failed> {
        if self.plan.window == 0 || !self.plan.edits_in_windows {
            return Ok(());
        }
        let held = shown::text(channel, &self.hold.text(channel)).into_owned();
        let exchange = &mut life.request().exchange;
        let mut result = Draft::from(LlmResult::Chunk(Chunk::text(channel, held.clone())));
        let decided = exchange.pass_back::<point::PostLlm>(Round::Attempt, &mut result, in_window_mode).await?;
        let text = match (decided.map(|decision| decision.outcome), result.into_inner()) {
            (Some(PostLlm::Drop), _) => String::new(),
            (_, LlmResult::Chunk(chunk)) => chunk.parts().iter().filter_map(text_of).collect(),
            _ => return Ok(()),
        };
        if text != held {
            self.hold.replace(channel, text, self.plan.window);
        }
        Ok(())
    }

    /// `on_stream_chunk`, then `check_output` among them.
    async fn text_window(&mut self, life: &mut Lifecycle, channel: Channel, is_final: bool) -> Result<(), Failed> {
        if self.plan.window == 0 {
            return Ok(());
        }
        let text = self.edited(life, channel, is_final, in_window_mode).await?;
        check_window(life, channel, text, is_final).await
    }

    /// `on_stream_chunk` in `buffer` mode on what is held of a channel at the end, and where windows were not asked these
    /// in their places among them. Then windows of `check_output`, on what that came to.
    async fn last_texts(&mut self, life: &mut Lifecycle, channel: Channel, windows: bool) -> Result<(), Failed> {
        let windows = windows && self.plan.window > 0;
        let chosen = |slot: &Slot| in_buffer_mode(slot) || (windows && in_window_mode(slot));
        let text = self.edited(life, channel, true, chosen).await?;
        if windows { check_window(life, channel, text, true).await } else { Ok(()) }
    }

    /// Has hooks edit what is held of a channel; answers what it came to.
    async fn edited(
        &mut self,
        life: &mut Lifecycle,
        channel: Channel,
        is_final: bool,
        chosen: impl Fn(&Slot) -> bool,
    ) -> Result<String, Failed> {
        let held = shown::text(channel, &self.hold.text(channel)).into_owned();
        let mut draft = channel_text(channel, held.clone(), is_final, false);
        run_text(life, &mut draft, chosen).await?;
        let text = draft.into_inner().text;
        if text != held {
            self.hold.replace(channel, text.clone(), self.plan.window);
        }
        Ok(text)
    }

    /// `check_output` on the whole, for those that hold it all and those that only watch: what has left, then what is
    /// held.
    async fn check_whole(
        &mut self,
        life: &mut Lifecycle,
        last: &Chunk,
        provider: &str,
        model: &str,
    ) -> Result<(), Failed> {
        if !self.plan.shown || !life.request().exchange.has(Hook::CheckOutput) {
            return Ok(());
        }
        let left = std::mem::take(&mut self.left);
        let mut shown = self.and_held(left);
        shown.push(last);
        let response = Arc::new(shown.seen(provider, model));
        let seen = OutputCheck { texts: shown.texts(), is_final: true, response: Some(response) };
        audit(life, &seen).await?;
        check(life, seen, |slot| in_buffer_mode(slot) || in_chunk_mode(slot)).await
    }
}

/// `check_output` on the texts of a chunk that is about to leave, for those in `chunk` mode.
async fn check_chunk(life: &mut Lifecycle, chunk: &Chunk) -> Result<(), Failed> {
    if !life.request().exchange.has(Hook::CheckOutput) {
        return Ok(());
    }
    let mut texts = Vec::new();
    for part in chunk.parts() {
        if let Part::Text { channel, text } = part
            && !text.is_empty()
        {
            texts.push(plain_text(*channel, shown::text(*channel, text).into_owned(), false));
        }
    }
    match texts.is_empty() {
        true => Ok(()),
        false => check(life, OutputCheck { texts, is_final: false, response: None }, in_chunk_mode).await,
    }
}

/// The same on what is held of a channel, for those in `window` mode.
async fn check_window(life: &mut Lifecycle, channel: Channel, text: String, is_final: bool) -> Result<(), Failed> {
    let texts = vec![plain_text(channel, text, is_final)];
    check(life, OutputCheck { texts, is_final, response: None }, in_window_mode).await
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
    verdict(life.request().exchange.run_where::<point::CheckOutput>(&mut output, chosen).await).map_err(Failed::Request)
}

fn too_long() -> Failure {
    Failure::Oversized("a stream that is longer than what may be kept of it".to_owned())
}

fn channel_text(channel: Channel, text: String, is_final: bool, released: bool) -> Draft<ChannelText> {
    Draft::from(ChannelText { channel, text, is_final, released })
}

fn plain_text(channel: Channel, text: String, is_final: bool) -> ChannelText {
    ChannelText { channel, text, is_final, released: false }
}

fn text_of(part: &Part) -> Option<&str> {
    match part {
        Part::Text { text, .. } => Some(text),
        _ => None,
    }
}
