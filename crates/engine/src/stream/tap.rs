//! Bytes that pass as they come, with an eye on what they say.

use crate::lifecycle::Lifecycle;
use crate::provider::{ByteStream, ProviderStream};
use crate::stream::source::too_large;
use bytes::Bytes;
use futures_util::Stream;
use gatewright_dialects::sse::Framer;
use gatewright_model::{Dialect, ErrorKind, LlmError, Part, StreamDecoder};
use memchr::memmem;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A stream that nobody edits, to a client of the provider's own dialect. Pieces that can say nothing of interest pass
/// unread; from the first that may, events are taken apart for the rest of the stream.
pub struct Tap {
    bytes: ByteStream,
    decoder: Box<dyn StreamDecoder>,
    dialect: Dialect,
    framer: Option<Framer>,
    ready: VecDeque<Bytes>,
    /// Whether somebody is told of the usage.
    wants_usage: bool,
    /// Whether usage was asked for in the client's name, and must be kept from it.
    hides_usage: bool,
    seen: Seen,
}

/// How far a stream has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Open,
    /// Its own last event.
    Done,
    /// Its end by an error.
    Failed,
}

// === impl Tap ===

impl Tap {
    pub(crate) fn new(stream: ProviderStream, wants_usage: bool, hides_usage: bool) -> Self {
        Self {
            decoder: stream.codec.stream_decoder(),
            dialect: stream.codec.dialect(),
            bytes: stream.bytes,
            framer: None,
            ready: VecDeque::new(),
            wants_usage,
            hides_usage,
            seen: Seen::Open,
        }
    }

    /// The next bytes for the client. An error is the last item.
    pub fn poll_next(&mut self, cx: &mut Context<'_>, life: &mut Lifecycle) -> Poll<Option<Result<Bytes, LlmError>>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(bytes)));
            }
            if self.seen == Seen::Failed {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut self.bytes).poll_next(cx)) {
                Some(Ok(piece)) => {
                    let progress = &mut life.request().progress;
                    if progress.first_token.is_none() {
                        let elapsed = life.elapsed();
                        life.request().progress.first_token = Some(elapsed);
                    }
                    if let Err(error) = self.take(piece, life) {
                        return self.fail(error);
                    }
                }
                Some(Err(error)) => return self.fail(error),
                None if self.seen == Seen::Done => return Poll::Ready(None),
                None => {
                    let early = "the provider's stream ended too early";
                    return self.fail(LlmError::new(ErrorKind::Upstream, early));
                }
            }
        }
    }

    /// Whether the provider's own last event was seen.
    pub fn is_done(&self) -> bool {
        self.seen == Seen::Done && self.ready.is_empty()
    }

    fn fail(&mut self, error: LlmError) -> Poll<Option<Result<Bytes, LlmError>>> {
        self.seen = Seen::Failed;
        self.bytes = Box::pin(futures_util::stream::empty());
        Poll::Ready(Some(Err(error)))
    }

    fn take(&mut self, piece: Bytes, life: &mut Lifecycle) -> Result<(), LlmError> {
        if self.framer.is_none() {
            if !self.is_of_interest(&piece) {
                self.ready.push_back(piece);
                return Ok(());
            }
            self.framer = Some(Framer::new());
        }
        let Some(framer) = &mut self.framer else { return Ok(()) };
        framer.feed(piece);
        while let Some(event) = framer.next().map_err(too_large)? {
            if !may_matter(&event, self.wants_usage) {
                self.ready.push_back(event);
                continue;
            }
            let chunk = self.decoder.decode(event.clone()).map_err(|error| {
                LlmError::new(ErrorKind::Upstream, format!("the provider's stream cannot be read: {error}"))
            })?;
            let mut usage_alone = true;
            for part in chunk.parts() {
                match part {
                    Part::Usage(usage) => life.request().progress.usage.get_or_insert_default().merge(usage),
                    Part::Finish { reason, .. } => {
                        usage_alone = false;
                        life.request().progress.finish = Some(reason.clone());
                    }
                    Part::Done => {
                        usage_alone = false;
                        self.seen = Seen::Done;
                    }
                    Part::Error(error) => return Err((**error).clone()),
                    _ => usage_alone = false,
                }
            }
            if !(self.hides_usage && usage_alone && chunk.has(|part| matches!(part, Part::Usage(_)))) {
                self.ready.push_back(event);
            }
        }
        Ok(())
    }

    /// Whether a piece must be taken apart: it may hold an event that matters, or does not end where an event ends.
    fn is_of_interest(&self, piece: &[u8]) -> bool {
        !piece.ends_with(b"\n\n") || may_matter(piece, self.wants_usage) || self.dialect == Dialect::Gemini
    }
}

/// Whether an event may say more than text: its end, an error, or, if that is wanted, usage or a finish.
fn may_matter(bytes: &[u8], wants_usage: bool) -> bool {
    let has = |needle: &[u8]| memmem::find(bytes, needle).is_some();
    has(b"[DONE]")
        || has(b"message_stop")
        || has(b"\"error\"")
        || (wants_usage
            && (has(b"\"usage\":{") || has(b"\"usage\": {") || has(b"_reason\":\"") || has(b"_reason\": \"")))
}
