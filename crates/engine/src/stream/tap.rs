//! Bytes that pass as they come, with an eye on what they say.

use crate::lifecycle::Lifecycle;
use crate::provider::{ByteStream, Provider, ProviderStream};
use crate::stream::discreet::Discreet;
use crate::stream::source::{drain, is_complete, last_event, late, leaves_out_its_end, too_large};
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use gatewright_dialects::sse::Framer;
use gatewright_model::{Chunk, Codec, Dialect, ErrorKind, LlmError, Part};
use memchr::memmem::Finder;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};

/// A stream that nobody edits, to a client of the provider's own dialect. Pieces that can say nothing of interest pass
/// unread; from the first that may, events are taken apart for the rest of the stream. Pieces that have arrived together
/// leave together.
pub struct Tap {
    bytes: ByteStream,
    codec: &'static dyn Codec,
    decoder: Discreet,
    dialect: Dialect,
    framer: Option<Framer>,
    /// What leaves next, in one piece.
    ready: BytesMut,
    /// The same, while it is a single large piece.
    alone: Option<Bytes>,
    /// Whether somebody is told of the usage.
    wants_usage: bool,
    /// Whether usage was asked for in the client's name, and must be kept from it.
    hides_usage: bool,
    seen: Seen,
    /// Whether it is complete but for its end, as far as it has come.
    complete: bool,
    failed: Option<LlmError>,
}

/// The most that leaves in one piece unless it came so.
const BATCH_BYTES: usize = 16 << 10;

/// The largest piece that is worth copying.
const COPIED_BYTES: usize = 2 << 10;

/// Room for small pieces, to begin with.
const READY_BYTES: usize = 4 << 10;

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
    pub(crate) fn new(
        stream: ProviderStream,
        provider: Arc<dyn Provider>,
        wants_usage: bool,
        hides_usage: bool,
    ) -> Self {
        Self {
            codec: stream.codec,
            decoder: Discreet::new(&stream, provider),
            dialect: stream.codec.dialect(),
            bytes: stream.bytes,
            framer: None,
            ready: BytesMut::new(),
            alone: None,
            wants_usage,
            hides_usage,
            seen: Seen::Open,
            complete: false,
            failed: None,
        }
    }

    /// The next bytes for the client. An error is the last item.
    pub fn poll_next(&mut self, cx: &mut Context<'_>, life: &mut Lifecycle) -> Poll<Option<Result<Bytes, LlmError>>> {
        loop {
            let ready = self.ready.len() + self.alone.as_ref().map_or(0, Bytes::len);
            if ready >= BATCH_BYTES || (self.seen != Seen::Open && ready > 0) {
                return Poll::Ready(self.batch().map(Ok));
            }
            if self.seen != Seen::Open {
                return Poll::Ready(self.failed.take().map(Err));
            }
            match Pin::new(&mut self.bytes).poll_next(cx) {
                Poll::Ready(Some(Ok(piece))) => {
                    if life.request().progress.first_token.is_none() {
                        let elapsed = life.elapsed();
                        life.request().progress.first_token = Some(elapsed);
                    }
                    if let Err(error) = self.take(piece, life) {
                        self.fail(error);
                    } else if self.seen == Seen::Open && life.is_late() {
                        // The provider's own watch sees to it while nothing comes.
                        self.fail(late());
                    }
                }
                Poll::Ready(Some(Err(error))) => self.fail(error),
                Poll::Ready(None) => self.cut_off(life),
                Poll::Pending if ready == 0 => return Poll::Pending,
                // What has come leaves: nothing waits for what may come next.
                Poll::Pending => return Poll::Ready(self.batch().map(Ok)),
            }
        }
    }

    /// All that is ready, as one piece.
    fn batch(&mut self) -> Option<Bytes> {
        self.alone.take().or_else(|| (!self.ready.is_empty()).then(|| self.ready.split().freeze()))
    }

    /// Small pieces are copied into a buffer that is used over and over. Kept as they are, each would keep the whole
    /// buffer that the connection read it into, which would need a new one for the next.
    fn push(&mut self, bytes: Bytes) {
        if bytes.len() > COPIED_BYTES && self.ready.is_empty() && self.alone.is_none() {
            self.alone = Some(bytes);
            return;
        }
        if self.ready.capacity() == 0 {
            self.ready.reserve(READY_BYTES);
        }
        if let Some(alone) = self.alone.take() {
            self.ready.extend_from_slice(&alone);
        }
        self.ready.extend_from_slice(&bytes);
    }

    /// Whether the provider's own last event was seen.
    pub fn is_done(&self) -> bool {
        self.seen == Seen::Done && self.ready.is_empty() && self.alone.is_none()
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
            let matters = self.may_matter(&event);
            if !matters && !self.complete {
                self.push(event);
                continue;
            }
            match self.decoder.decode(event.clone()) {
                Ok(chunk) => self.note(&chunk, life)?,
                // It was only asked whether the answer goes on.
                Err(_) if !matters => self.push(event),
                Err(error) => {
                    let message = format!("the provider's stream cannot be read: {error}");
                    return Err(LlmError::new(ErrorKind::Upstream, message));
                }
            }
        }
        Ok(())
    }

    /// Notes what an event says, and lets it go on.
    fn note(&mut self, chunk: &Chunk, life: &mut Lifecycle) -> Result<(), LlmError> {
        let (mut tells_usage, mut tells_more) = (false, false);
        self.complete = is_complete(self.complete, chunk);
        for part in chunk.parts() {
            match part {
                Part::Usage(usage) => {
                    tells_usage = true;
                    life.request().progress.usage.get_or_insert_default().merge(usage);
                }
                // Told with the first event that is read, which is not the first that came.
                Part::Start { .. } => {}
                Part::Error(error) => return Err((**error).clone()),
                part => {
                    tells_more = true;
                    match part {
                        Part::Finish { reason, .. } => life.request().progress.finish = Some(reason.clone()),
                        Part::Done => self.seen = Seen::Done,
                        _ => {}
                    }
                }
            }
        }
        let Some(event) = chunk.wire(self.dialect) else { return Ok(()) };
        if !(self.hides_usage && tells_usage) || tells_more {
            self.push(event.clone());
            return Ok(());
        }
        // Only the dialect knows whether the event says more than there are parts for.
        let mut out = BytesMut::new();
        self.codec.stream_encoder("", false).encode(chunk, &mut out);
        if !out.is_empty() {
            self.push(out.freeze());
        }
        Ok(())
    }

    /// No more bytes come, and the last event was not there yet: unless it is all that is left, or was left out.
    fn cut_off(&mut self, life: &mut Lifecycle) {
        self.bytes = Box::pin(futures_util::stream::empty());
        let last = self.framer.take().and_then(last_event).map(|event| self.decoder.decode(event));
        let noted = match last {
            None => Ok(()),
            Some(Ok(chunk)) => self.note(&chunk, life),
            Some(Err(_)) => {
                self.complete = false;
                Ok(())
            }
        };
        if let Err(error) = noted {
            self.fail(error);
        } else if self.seen == Seen::Open && self.complete && leaves_out_its_end(self.dialect) {
            self.push(Bytes::from_static(b"data: [DONE]\n\n"));
            self.seen = Seen::Done;
        } else if self.seen == Seen::Open {
            self.fail(LlmError::new(ErrorKind::Upstream, "the provider's stream ended too early"));
        }
    }

    /// Whether a piece must be taken apart: it may hold an event that matters, or does not end where an event ends.
    fn is_of_interest(&self, piece: &[u8]) -> bool {
        !piece.ends_with(b"\n\n") || self.may_matter(piece) || self.dialect == Dialect::Gemini
    }

    /// Whether an event may say more than text: its end, an error, a finish, or, if that is wanted, usage.
    fn may_matter(&self, bytes: &[u8]) -> bool {
        let has = |finder: &Finder<'_>| finder.find(bytes).is_some();
        let has_member = |finder: &Finder<'_>, opening: u8| {
            let mut values = finder.find_iter(bytes).map(|at| &bytes[at + finder.needle().len()..]);
            values.any(|value| value.strip_prefix(b" ").unwrap_or(value).first() == Some(&opening))
        };
        let signs = &*SIGNS;
        let end = if self.dialect == Dialect::Anthropic { &signs.message_stop } else { &signs.done };
        has(end)
            || has(&signs.error)
            || has_member(&signs.reason, b'"')
            || (self.wants_usage && has_member(&signs.usage, b'{'))
    }
}

/// What to look for in events. Made once: to prepare a search costs as much as to search an event.
struct Signs {
    done: Finder<'static>,
    message_stop: Finder<'static>,
    error: Finder<'static>,
    usage: Finder<'static>,
    reason: Finder<'static>,
}

static SIGNS: LazyLock<Signs> = LazyLock::new(|| Signs {
    done: Finder::new("[DONE]"),
    message_stop: Finder::new("message_stop"),
    error: Finder::new("\"error\""),
    usage: Finder::new("\"usage\":"),
    reason: Finder::new("_reason\":"),
});

#[cfg(test)]
mod tests;
