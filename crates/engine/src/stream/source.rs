//! Where the chunks of an attempt come from.

use crate::lifecycle::Lifecycle;
use crate::provider::{ByteStream, Provider, ProviderStream};
use crate::stream::discreet::Discreet;
use crate::stream::plugin_stream::PluginStream;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use gatewright_dialects::sse::{EventTooLarge, Framer};
use gatewright_model::{Chunk, Dialect, ErrorKind, LlmError, Part};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where the chunks of an attempt come from.
pub(crate) enum Source {
    /// A provider's bytes.
    Wire(Box<Wire>),
    /// A plugin that answered with a stream.
    Plugin(Box<PluginStream>),
    /// A whole answer.
    Replay(VecDeque<Chunk>),
    /// Nowhere any more.
    Ended,
}

/// A provider's bytes, being cut into events and read.
pub(crate) struct Wire {
    bytes: ByteStream,
    framer: Framer,
    decoder: Discreet,
    dialect: Dialect,
    /// No more bytes come.
    over: bool,
    /// Whether it is complete but for its end, as far as it has come.
    complete: bool,
}

// === impl Source ===

impl Source {
    pub(crate) fn of_provider(stream: ProviderStream, provider: Arc<dyn Provider>) -> Self {
        let (decoder, dialect) = (Discreet::new(&stream, provider), stream.codec.dialect());
        let (bytes, framer) = (stream.bytes, Framer::new());
        Self::Wire(Box::new(Wire { bytes, framer, decoder, dialect, over: false, complete: false }))
    }

    /// Whether all that comes is there.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self, Self::Replay(_))
    }

    /// The last event was there: nothing more comes.
    pub(crate) fn end(&mut self, life: &Lifecycle) {
        if let Self::Wire(wire) = std::mem::replace(self, Self::Ended)
            && !wire.over
        {
            drain(wire.bytes, life);
        }
    }

    /// The next chunk; `None` at the end. A plugin's stream is given up at the `deadline`; a provider's own watch sees to
    /// its.
    pub(crate) async fn next(&mut self, deadline: Option<Instant>) -> Option<Result<Chunk, LlmError>> {
        match self {
            Self::Wire(wire) => wire.next().await,
            Self::Replay(chunks) => chunks.pop_front().map(Ok),
            Self::Ended => None,
            Self::Plugin(stream) => stream.next(deadline).await,
        }
    }
}

// === impl Wire ===

impl Wire {
    async fn next(&mut self) -> Option<Result<Chunk, LlmError>> {
        loop {
            match self.framer.next() {
                Ok(Some(event)) => {
                    let decoded = self.decoder.decode(event).map_err(|error| {
                        LlmError::new(ErrorKind::Upstream, format!("the provider's stream cannot be read: {error}"))
                    });
                    return Some(decoded.inspect(|chunk| self.complete = is_complete(self.complete, chunk)));
                }
                Ok(None) => {}
                Err(error) => return Some(Err(too_large(error))),
            }
            if self.over {
                return self.end();
            }
            match self.bytes.next().await {
                Some(Ok(piece)) => self.framer.feed(piece),
                Some(Err(error)) => return Some(Err(error)),
                None => {
                    self.over = true;
                    let Some(last) = last_event(std::mem::take(&mut self.framer)) else { continue };
                    // One that was cut off says nothing: the stream ended too early.
                    let last = self.decoder.decode(last).ok();
                    self.complete = last.as_ref().is_some_and(|chunk| is_complete(self.complete, chunk));
                    return last.map(Ok);
                }
            }
        }
    }

    /// The end that a provider left out, of a stream that was complete without it.
    fn end(&mut self) -> Option<Result<Chunk, LlmError>> {
        let left_out = std::mem::take(&mut self.complete) && leaves_out_its_end(self.dialect);
        left_out.then(|| Ok(Chunk::from_parts([Part::Done])))
    }
}

/// Whether a stream is complete with this chunk, which was so `before` or not: a choice was called complete, and nothing
/// was said since.
pub(crate) fn is_complete(before: bool, chunk: &Chunk) -> bool {
    let says = |part: &Part| matches!(part, Part::Text { text, .. } if !text.is_empty());
    chunk.has(|part| matches!(part, Part::Finish { .. })) || (before && !chunk.has(says))
}

/// Whether there are providers of this dialect that end their streams without its last event, and clients that do not miss
/// it.
pub(crate) fn leaves_out_its_end(dialect: Dialect) -> bool {
    dialect == Dialect::OpenAi
}

/// The event that a stream ends with, if the line ends behind it are missing: some providers leave them out, and their
/// SDKs do not miss them.
pub(crate) fn last_event(framer: Framer) -> Option<Bytes> {
    let rest = framer.finish()?;
    let mut event = BytesMut::with_capacity(rest.len() + 2);
    event.extend_from_slice(&rest);
    event.extend_from_slice(b"\n\n");
    Some(event.freeze())
}

/// How long the end of a stream's connection is waited for, once its last event is there.
const DRAIN: Duration = Duration::from_secs(1);

/// Reads what is left of a stream behind its last event, so that its connection can be used again. Nobody waits for it.
pub(crate) fn drain(mut bytes: ByteStream, life: &Lifecycle) {
    life.spawn(async move {
        let rest = async { while let Some(Ok(_)) = bytes.next().await {} };
        // An upstream that lingers loses its connection.
        let _ = tokio::time::timeout(DRAIN, rest).await;
    });
}

/// The request's time is over: a client read too slowly, or a plugin's stream was waited for.
pub(crate) fn late() -> LlmError {
    LlmError::new(ErrorKind::Timeout, "the request took longer than it may").with_code("deadline_exceeded")
}

pub(crate) fn too_large(error: EventTooLarge) -> LlmError {
    LlmError::new(ErrorKind::Upstream, format!("the provider's stream cannot be read: {error}"))
}
