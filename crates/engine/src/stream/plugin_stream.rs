//! A stream that a plugin answers with.

use futures_util::FutureExt;
use gatewright_model::{Chunk, ErrorKind, FinishReason, LlmError, Part};
use gatewright_plugin::payload::ChunkStream;
use gatewright_plugin::{Failure, panicking};
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

/// A plugin's stream, pulled under the hook's timeout. It is over when it gives no more chunks: what it did not say of
/// its end is said for it.
pub(crate) struct PluginStream {
    stream: ChunkStream,
    plugin: Arc<str>,
    timeout: Duration,
    /// Choices that said something, and whether they finished.
    choices: BTreeMap<u32, bool>,
    ended: bool,
}

// === impl PluginStream ===

impl PluginStream {
    pub(crate) fn new(stream: ChunkStream, plugin: Arc<str>, timeout: Duration) -> Self {
        Self { stream, plugin, timeout, choices: BTreeMap::new(), ended: false }
    }

    pub(crate) async fn next(&mut self) -> Option<Result<Chunk, LlmError>> {
        if self.ended {
            return None;
        }
        // Within a future, so that a panic before the first wait is caught too.
        let pull = AssertUnwindSafe(async { self.stream.next_chunk().await }).catch_unwind();
        let pulled = match tokio::time::timeout(self.timeout, pull).await {
            Ok(Ok(Some(Ok(chunk)))) => {
                self.note(&chunk);
                return Some(Ok(chunk));
            }
            // Its host says that it failed.
            Ok(Ok(Some(Err(error)))) if error.kind == ErrorKind::PluginUnavailable && error.plugin.is_none() => {
                // The client is told no more than what kind of failure it is.
                tracing::warn!(plugin = %self.plugin, error = %error.message, "a plugin's stream failed");
                Err(self.failed(error.code.as_deref().unwrap_or("error")))
            }
            Ok(Ok(Some(Err(error)))) => Err(error),
            Ok(Ok(None)) => Ok(self.end()),
            Ok(Err(panic)) => {
                let error = Failure::Panicked(panicking::caught(&*panic));
                tracing::warn!(plugin = %self.plugin, %error, "a plugin's stream failed");
                Err(self.failed("panic"))
            }
            Err(_) => Err(self.failed("timeout")),
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

    fn failed(&self, cause: &str) -> LlmError {
        let message = format!("plugin {} failed: {cause}", self.plugin);
        LlmError::new(ErrorKind::PluginUnavailable, message).with_plugin(&*self.plugin).with_code(cause)
    }
}
