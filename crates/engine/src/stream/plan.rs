//! How the plugins of a request stand in its stream.

use crate::lifecycle::Lifecycle;
use crate::stream::failed::Failed;
use gatewright_model::{ErrorKind, LlmError};
use gatewright_pipeline::{Exchange, Slot};
use gatewright_plugin::{FailureMode, Hook, StreamMode};

/// What a stream must be held back for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Some `post_llm` wants the whole before anything leaves.
    pub(crate) collect: bool,
    /// Some text hook or check wants the whole before anything leaves.
    pub(crate) buffer: bool,
    /// Characters of each channel to hold back: the windows of all hooks, added up.
    pub(crate) window: usize,
    /// Some `post_llm` needs the whole response at the end.
    pub(crate) whole: bool,
    /// Some hook needs to know at the end what left.
    pub(crate) shown: bool,
    /// Some `post_llm` has a window.
    pub(crate) edits_in_windows: bool,
    /// Some plugin that holds must not be missed: over the limit the request ends.
    pub(crate) closed: bool,
}

// === impl Plan ===

impl Plan {
    /// Of those that stand in the request; an attempt's `post_llm` stand if they are owed its end.
    pub(crate) fn of(exchange: &Exchange) -> Self {
        let mut plan = Self::default();
        for hook in [Hook::PostLlm, Hook::OnStreamChunk, Hook::CheckOutput] {
            for slot in exchange.set().chain(hook).iter().filter(|slot| exchange.stands(hook, slot)) {
                match hook {
                    Hook::PostLlm => plan.whole = true,
                    _ => plan.shown |= is_shown_the_whole(hook, slot),
                }
                match (slot.stream_mode(), hook) {
                    (StreamMode::Buffer, Hook::PostLlm) => plan.collect = true,
                    (StreamMode::Buffer, _) => plan.buffer = true,
                    (StreamMode::Window(size), _) => plan.window = plan.window.saturating_add(size as usize),
                    (StreamMode::Chunk | StreamMode::Observe, _) => continue,
                }
                plan.edits_in_windows |= hook == Hook::PostLlm && in_window_mode(slot);
                plan.closed |= slot.failure_mode() == FailureMode::Closed;
            }
        }
        plan.shown |= plan.edits_in_windows;
        plan
    }

    /// Over the limit the request ends if a plugin that holds must not be missed; otherwise that is logged, and the
    /// stream goes on unheld.
    pub(crate) fn over_limit(&self, life: &mut Lifecycle, limit: usize) -> Result<(), Failed> {
        let request_id = &life.request().exchange.facts().request_id;
        tracing::warn!(%request_id, limit, closed = self.closed, "a stream is over what may be held back");
        match self.closed {
            true => Err(Failed::Request(
                LlmError::new(ErrorKind::PluginUnavailable, "the answer is too long to be checked")
                    .with_code("oversized"),
            )),
            false => Ok(()),
        }
    }

    /// Holds nothing from now on.
    pub(crate) fn release(&mut self) {
        (self.buffer, self.window) = (false, 0);
    }

    /// Whether chunks go through a queue.
    pub(crate) fn holds(&self) -> bool {
        self.buffer || self.window > 0
    }
}

/// Whether a text hook or check is called at the end with all that left.
pub(crate) fn is_shown_the_whole(hook: Hook, slot: &Slot) -> bool {
    in_chunk_mode(slot) || in_observe_mode(slot) || (hook == Hook::CheckOutput && in_buffer_mode(slot))
}

pub(crate) fn in_chunk_mode(slot: &Slot) -> bool {
    slot.stream_mode() == StreamMode::Chunk
}

pub(crate) fn in_observe_mode(slot: &Slot) -> bool {
    slot.stream_mode() == StreamMode::Observe
}

pub(crate) fn in_window_mode(slot: &Slot) -> bool {
    matches!(slot.stream_mode(), StreamMode::Window(_))
}

pub(crate) fn in_buffer_mode(slot: &Slot) -> bool {
    slot.stream_mode() == StreamMode::Buffer
}
