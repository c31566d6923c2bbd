//! A stream that a plugin answers with.

use crate::error::failed_by;
use crate::stream::driver::error_of;
use crate::stream::source::late;
use futures_util::FutureExt;
use gatewright_model::{Chunk, ErrorKind, FinishReason, LlmError, Part};
use gatewright_pipeline::{Judged, PluginSet, Probe, Slot};
use gatewright_plugin::payload::ChunkStream;
use gatewright_plugin::{Failure, Hook, panicking};
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A plugin's stream, pulled under the hook's timeout. It is over when it gives no more chunks: what it did not say of
/// its end is said for it.
pub(crate) struct PluginStream {
    stream: ChunkStream,
    plugin: Arc<str>,
    /// The longest time of one chunk.
    timeout: Duration,
    /// Told of its failure, as of one of the hook.
    probe: Option<Arc<dyn Probe>>,
    /// Choices that said something, and whether they finished.
    choices: BTreeMap<u32, bool>,
    ended: bool,
}

// === impl PluginStream ===

impl PluginStream {
    /// The stream that a plugin of the set answered with in `pre_llm`.
    pub(crate) fn new(stream: ChunkStream, plugin: Arc<str>, set: &PluginSet) -> Self {
        let slot = set.chain(Hook::PreLlm).iter().find(|slot| *slot.name() == plugin);
        let timeout = slot.map_or(Hook::PreLlm.info().timeout, Slot::timeout);
        let probe = slot.and_then(Slot::probe).cloned();
        Self { stream, plugin, timeout, probe, choices: BTreeMap::new(), ended: false }
    }

    /// The next chunk. At the request's `deadline` it is given up, which says nothing of the plugin.
    pub(crate) async fn next(&mut self, deadline: Option<Instant>) -> Option<Result<Chunk, LlmError>> {
        if self.ended {
            return None;
        }
        let asked = Instant::now();
        let left = deadline.map(|deadline| deadline.saturating_duration_since(asked));
        let longest = left.map_or(self.timeout, |left| left.min(self.timeout));
        // Within a future, so that a panic before the first wait is caught too.
        let pull = AssertUnwindSafe(async { self.stream.next_chunk().await }).catch_unwind();
        let pulled = match tokio::time::timeout(longest, pull).await {
            Ok(Ok(Some(Ok(chunk)))) => match chunk.parts().iter().find_map(error_of) {
                Some(error) => Err(failed_by(&self.plugin, error.clone())),
                None => {
                    self.note(&chunk);
                    return Some(Ok(chunk));
                }
            },
            // Its host says that it failed.
            Ok(Ok(Some(Err(error)))) if error.kind == ErrorKind::PluginUnavailable && error.plugin.is_none() => {
                Err(self.failed(cause_of(&error), &error.message, asked))
            }
            Ok(Ok(Some(Err(error)))) => Err(failed_by(&self.plugin, error)),
            Ok(Ok(None)) => Ok(self.end()),
            Ok(Err(panic)) => {
                let failure = Failure::Panicked(panicking::caught(&*panic));
                Err(self.failed(failure.cause(), &failure.to_string(), asked))
            }
            Err(_) if longest < self.timeout => Err(late()),
            Err(_) => {
                let failure = Failure::TimedOut;
                let what = format!("{failure}: each chunk may take {:?}", self.timeout);
                Err(self.failed(failure.cause(), &what, asked))
            }
        };
        self.ended = true;
        Some(pulled)
    }

    fn note(&mut self, chunk: &Chunk) {
        for part in chunk.parts() {
            match part {
                Part::Text { channel, .. } | Part::ToolUse { channel, .. } => {
                    self.choices.entry(channel.choice).or_default();
                }
                Part::Finish { choice, .. } => {
                    self.choices.insert(*choice, true);
                }
                Part::Done => self.ended = true,
                _ => {}
            }
        }
    }

    fn end(&self) -> Chunk {
        let open = self.choices.iter().filter(|(_, finished)| !**finished);
        let finish = |(choice, _): (&u32, &bool)| Part::Finish { choice: *choice, reason: FinishReason::Stop };
        Chunk::from_parts(open.map(finish).chain([Part::Done]))
    }

    /// Tells log and metrics of a failure. The client is told no more than what kind it is of.
    fn failed(&self, cause: &'static str, error: &str, asked: Instant) -> LlmError {
        tracing::warn!(plugin = %self.plugin, cause, error, "a plugin's stream failed");
        if let Some(probe) = &self.probe {
            probe.called(Hook::PreLlm, Judged::Failed(cause), asked.elapsed());
        }
        let message = format!("plugin {} failed: {cause}", self.plugin);
        LlmError::new(ErrorKind::PluginUnavailable, message).with_plugin(&*self.plugin).with_code(cause)
    }
}

/// The cause that a host names, one of [`Failure::cause`].
fn cause_of(error: &LlmError) -> &'static str {
    let mut causes = ["panic", "timeout", "malformed", "oversized", "unavailable"].into_iter();
    causes.find(|cause| error.code.as_deref() == Some(*cause)).unwrap_or("error")
}
