//! Bytes that pass as they come, with an eye on what they say.

use crate::lifecycle::Lifecycle;
use crate::provider::{ByteStream, ProviderStream};
use crate::stream::source::{drain, late, too_large};
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use gatewright_dialects::sse::Framer;
use gatewright_model::{Dialect, ErrorKind, LlmError, Part, StreamDecoder};
use memchr::memmem;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A stream that nobody edits, to a client of the provider's own dialect. Pieces that can say nothing of interest pass
/// unread; from the first that may, events are taken apart for the rest of the stream. Pieces that have arrived together
/// leave together.
pub struct Tap {
    bytes: ByteStream,
    decoder: Box<dyn StreamDecoder>,
    dialect: Dialect,
    framer: Option<Framer>,
    ready: VecDeque<Bytes>,
    ready_bytes: usize,
    /// How often more was asked for since the last piece came, to no avail.
    asked: u8,
    /// Batches that leave without asking for more first.
    hasty: u8,
    /// Whether somebody is told of the usage.
    wants_usage: bool,
    /// Whether usage was asked for in the client's name, and must be kept from it.
    hides_usage: bool,
    seen: Seen,
    failed: Option<LlmError>,
}

/// The most that leaves in one piece unless it came so.
const BATCH_BYTES: usize = 16 << 10;

/// Turns that the upstream's connection is given to hand over its next piece: it needs one to see that it is wanted.
const PATIENCE: u8 = 2;

/// Batches that leave at once after one to which asking brought nothing: chunks that come one by one gain nothing by it.
const HASTE: u8 = 8;

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
            ready_bytes: 0,
            asked: 0,
            // The first token does not wait for the second.
            hasty: 1,
            wants_usage,
            hides_usage,
            seen: Seen::Open,
            failed: None,
        }
    }

    /// The next bytes for the client. An error is the last item.
    pub fn poll_next(&mut self, cx: &mut Context<'_>, life: &mut Lifecycle) -> Poll<Option<Result<Bytes, LlmError>>> {
        loop {
            if self.seen == Seen::Open && life.is_late() {
                self.fail(late());
            }
            if self.ready_bytes >= BATCH_BYTES || (self.seen != Seen::Open && !self.ready.is_empty()) {
                return Poll::Ready(self.batch().map(Ok));
            }
            if self.seen != Seen::Open {
                return Poll::Ready(self.failed.take().map(Err));
            }
            match Pin::new(&mut self.bytes).poll_next(cx) {
                Poll::Ready(Some(Ok(piece))) => {
                    self.asked = 0;
                    if life.request().progress.first_token.is_none() {
                        let elapsed = life.elapsed();
                        life.request().progress.first_token = Some(elapsed);
                    }
                    if let Err(error) = self.take(piece, life) {
                        self.fail(error);
                    }
                }
                Poll::Ready(Some(Err(error))) => self.fail(error),
                Poll::Ready(None) => {
                    self.fail(LlmError::new(ErrorKind::Upstream, "the provider's stream ended too early"));
                }
                Poll::Pending if self.ready.is_empty() => return Poll::Pending,
                Poll::Pending if self.hasty > 0 => {
                    self.hasty -= 1;
                    return Poll::Ready(self.batch().map(Ok));
                }
                Poll::Pending if self.asked == PATIENCE => {
                    self.hasty = if self.ready.len() == 1 { HASTE } else { 0 };
                    return Poll::Ready(self.batch().map(Ok));
                }
                Poll::Pending => {
                    // What was read from the socket together comes piece by piece, and each next one only after the
                    // connection had its turn: it gets it, and what it has leaves in one write.
                    self.asked += 1;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
    }

    /// All that is ready, as one piece.
    fn batch(&mut self) -> Option<Bytes> {
        self.asked = 0;
        let total = std::mem::take(&mut self.ready_bytes);
        match self.ready.len() {
            0 | 1 => self.ready.pop_front(),
            _ => {
                let mut joined = BytesMut::with_capacity(total);
                self.ready.drain(..).for_each(|bytes| joined.extend_from_slice(&bytes));
                Some(joined.freeze())
            }
        }
    }

    fn push(&mut self, bytes: Bytes) {
        self.ready_bytes += bytes.len();
        self.ready.push_back(bytes);
    }

    /// Whether the provider's own last event was seen.
    pub fn is_done(&self) -> bool {
        self.seen == Seen::Done && self.ready.is_empty()
    }

    /// Lets go of a stream whose last event was seen.
    pub fn end(&mut self, life: &Lifecycle) {
        drain(std::mem::replace(&mut self.bytes, Box::pin(futures_util::stream::empty())), life);
    }

    fn fail(&mut self, error: LlmError) {
        self.seen = Seen::Failed;
        self.failed = Some(error);
        self.bytes = Box::pin(futures_util::stream::empty());
    }

    fn take(&mut self, piece: Bytes, life: &mut Lifecycle) -> Result<(), LlmError> {
        if self.framer.is_none() && !self.is_of_interest(&piece) {
            self.push(piece);
            return Ok(());
        }
        self.framer.get_or_insert_with(Framer::new).feed(piece);
        while let Some(event) = self.framer.as_mut().map_or(Ok(None), Framer::next).map_err(too_large)? {
            if !may_matter(&event, self.wants_usage) {
                self.push(event);
                continue;
            }
            let chunk = self.decoder.decode(event.clone()).map_err(|error| {
                LlmError::new(ErrorKind::Upstream, format!("the provider's stream cannot be read: {error}"))
            })?;
            let mut usage_alone = true;
            for part in chunk.parts() {
                match part {
                    Part::Usage(usage) => life.request().progress.usage.get_or_insert_default().merge(usage),
                    // Told with the first event that is read, which is not the first that came.
                    Part::Start { .. } => {}
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
                self.push(event);
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

#[cfg(test)]
mod tests;
