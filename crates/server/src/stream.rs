//! Bodies that are streams.

use crate::open::Open;
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::Stream;
use futures_util::stream::unfold;
use gatewright_dialects::sse::{Event, EventTooLarge, Framer};
use gatewright_engine::{Driver, Tap, fault_error, rejected};
use gatewright_model::{
    Chunk, ErrorKind, HttpRequest, Kind, LlmError, Raw, StreamChunk, StreamChunkBody, StreamEncoder,
};
use gatewright_plugin::hosted::point;
use gatewright_plugin::payload::StreamExchange;
use gatewright_plugin::{ChunkFlow, Draft, Hook};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// A hook is not shown half an event, and the client does not get one that the hook has not seen.
fn too_long(error: &EventTooLarge) -> LlmError {
    LlmError::new(ErrorKind::Internal, format!("an event cannot be shown to http_stream_chunk: {error}"))
}

/// A stream of bytes that passes as it comes.
pub(crate) struct Tapped {
    tap: Box<Tap>,
    open: Option<Open>,
}

/// A stream of chunks that hooks work on.
pub(crate) struct Chunks(Pin<Box<dyn Stream<Item = Bytes> + Send>>);

struct Encoding {
    open: Option<Open>,
    driver: Box<Driver>,
    encoder: Box<dyn StreamEncoder>,
    first: Option<Chunk>,
    http: Option<Arc<HttpRequest>>,
}

// === impl Tapped ===

impl Tapped {
    pub(crate) fn new(tap: Box<Tap>, open: Open) -> Self {
        Self { tap, open: Some(open) }
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(open) = &mut self.open else { return Poll::Ready(None) };
        let next = ready!(self.tap.poll_next(cx, &mut open.life));
        match (next, self.open.take()) {
            (Some(Ok(bytes)), open) => {
                // A client may close right behind the last event.
                match open {
                    Some(open) if self.tap.is_done() => {
                        self.tap.end(&open.life);
                        open.finish();
                    }
                    open => self.open = open,
                }
                Poll::Ready(Some(bytes))
            }
            (Some(Err(error)), Some(open)) => Poll::Ready(Some(end_with(open, &error))),
            (None, Some(open)) => {
                open.finish();
                Poll::Ready(None)
            }
            (_, None) => Poll::Ready(None),
        }
    }
}

/// Ends a stream with an error event.
fn end_with(mut open: Open, error: &LlmError) -> Bytes {
    open.life.fail(error);
    let mut out = BytesMut::new();
    let mut encoder = open.endpoint.codec.stream_encoder("", false);
    encoder.encode_error(error, &open.request_id, &mut out);
    open.finish();
    out.freeze()
}

// === impl Chunks ===

impl Chunks {
    pub(crate) fn new(
        mut open: Open,
        driver: Box<Driver>,
        first: Option<Chunk>,
        http: Option<Arc<HttpRequest>>,
    ) -> Self {
        let request = open.life.request();
        let http = http.filter(|_| request.exchange.has(Hook::HttpStreamChunk));
        let encoder = open.endpoint.codec.stream_encoder(&request.progress.model, open.include_usage);
        let encoding = Encoding { open: Some(open), driver, encoder, first, http };
        Self(Box::pin(unfold(encoding, |mut encoding| async move {
            let bytes = encoding.next().await?;
            Some((bytes, encoding))
        })))
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.0.as_mut().poll_next(cx)
    }
}

// === impl Encoding ===

impl Encoding {
    async fn next(&mut self) -> Option<Bytes> {
        let mut out = BytesMut::new();
        while out.is_empty() {
            let open = self.open.as_mut()?;
            let next = match self.first.take() {
                Some(chunk) => Some(Ok(chunk)),
                None => self.driver.next(&mut open.life).await,
            };
            let step = match next {
                Some(Ok(chunk)) => {
                    self.encoder.encode(&chunk, &mut out);
                    self.hook_events(&mut out).await
                }
                Some(Err(error)) => Err(error),
                None => {
                    self.finish();
                    break;
                }
            };
            match step {
                Ok(()) if self.driver.is_done() => self.finish(),
                Ok(()) => {}
                Err(error) => self.fail(&error, &mut out),
            }
        }
        (!out.is_empty()).then(|| out.freeze())
    }

    /// Runs `http_stream_chunk` on the events just written, in the client's dialect.
    async fn hook_events(&mut self, out: &mut BytesMut) -> Result<(), LlmError> {
        let (Some(http), Some(open)) = (&self.http, &mut self.open) else { return Ok(()) };
        let mut framer = Framer::new();
        framer.feed(out.split().freeze());
        while let Some(event) = framer.next().map_err(|error| too_long(&error))? {
            let Some(chunk) = stream_chunk(open.endpoint.kind, &event) else {
                out.extend_from_slice(&event);
                continue;
            };
            let mut payload = StreamExchange { request: http.clone(), chunk: Draft::from(chunk) };
            let before = payload.chunk.base().clone();
            let exchange = &mut open.life.request().exchange;
            let decided = exchange.run::<point::HttpStreamChunk>(&mut payload).await;
            match decided.map_err(|fault| fault_error(&fault))?.map(|decision| (decision.plugin, decision.outcome)) {
                Some((_, ChunkFlow::Drop)) => {}
                Some((plugin, ChunkFlow::End(no))) => {
                    return Err(rejected(ErrorKind::GuardrailBlocked, &plugin, no));
                }
                _ if Arc::ptr_eq(&before, payload.chunk.base()) => out.extend_from_slice(&event),
                _ => write_event(&payload.chunk, out),
            }
        }
        Ok(())
    }

    fn fail(&mut self, error: &LlmError, out: &mut BytesMut) {
        if let Some(mut open) = self.open.take() {
            open.life.fail(error);
            self.encoder.encode_error(error, &open.request_id, out);
            open.finish();
        }
    }

    fn finish(&mut self) {
        if let Some(open) = self.open.take() {
            let dropped = self.encoder.take_dropped();
            if !dropped.is_empty() {
                let params: Vec<&str> = dropped.iter().map(|dropped| dropped.param.as_str()).collect();
                tracing::info!(request_id = %open.request_id, ?params, "what the client's dialect cannot say was left out");
            }
            open.finish();
        }
    }
}

/// An event of the client's stream as hooks see it; `None` for one without JSON (`[DONE]`, a comment).
fn stream_chunk(kind: Kind, event: &[u8]) -> Option<StreamChunk> {
    let read = Event::read(event)?;
    let data = read.data?;
    if !data.trim_start().starts_with('{') {
        return None;
    }
    let raw = Raw::new(Bytes::copy_from_slice(data.as_bytes()))?;
    let name = read.name.map(str::to_owned);
    let body = match kind {
        _ if name.as_deref() == Some("error") => StreamChunkBody::Error(raw),
        Kind::Text => StreamChunkBody::Text(raw),
        Kind::Responses => StreamChunkBody::Responses(raw),
        Kind::Speech => StreamChunkBody::Speech(raw),
        Kind::Transcription => StreamChunkBody::Transcription(raw),
        Kind::Image => StreamChunkBody::Image(raw),
        _ => StreamChunkBody::Chat(raw),
    };
    Some(StreamChunk { event: name, body })
}

fn write_event(chunk: &StreamChunk, out: &mut BytesMut) {
    if let Some(name) = &chunk.event {
        out.put_slice(b"event: ");
        out.put_slice(name.as_bytes());
        out.put_u8(b'\n');
    }
    out.put_slice(b"data: ");
    out.put_slice(chunk.body.data().bytes());
    out.put_slice(b"\n\n");
}

#[cfg(test)]
mod tests;
