//! What a scripted provider answers.

use super::{Under, broken};
use bytes::Bytes;
use futures_util::Stream;
use gatewright_model::{ErrorKind, LlmError, Response};
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// One answer of a script.
#[derive(Clone, Debug)]
pub enum ScriptedAnswer {
    /// A whole response.
    Whole(Box<Response>),
    /// A whole response, as the provider's bytes.
    Body(Bytes),
    /// An error before anything came.
    Error(Box<LlmError>),
    /// A stream, piece by piece. Its end is the end of the connection, whatever the pieces say.
    Stream(Vec<Piece>),
    /// Nothing; at the request's deadline a timeout, as providers have it. Without a deadline, nothing for ever.
    Hang,
    /// A panic in the provider.
    Panic,
}

/// A piece of a stream.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Bytes that come together.
    Bytes(Bytes),
    /// A pause.
    Pause(Duration),
    /// Nothing more, for ever.
    Hang,
    /// The connection breaks.
    Broken,
}

/// A stream being played.
pub(super) struct Play {
    pieces: VecDeque<Piece>,
    pause: Option<Pin<Box<tokio::time::Sleep>>>,
    under: Under,
}

// === impl ScriptedAnswer ===

impl ScriptedAnswer {
    /// A whole response of this text.
    pub fn text(text: &str) -> Self {
        Self::Whole(Box::new(Response::of_text("scripted", "scripted", text)))
    }

    /// An error of this kind.
    pub fn error(kind: ErrorKind, message: &str) -> Self {
        Self::Error(Box::new(LlmError::new(kind, message)))
    }

    /// A stream of these bytes, all together.
    pub fn stream(bytes: impl Into<Bytes>) -> Self {
        Self::Stream(vec![Piece::Bytes(bytes.into())])
    }

    /// A stream of these bytes, cut after each of these positions. Positions beyond the end, or out of order, make
    /// empty pieces, which are left out.
    pub fn stream_cut(bytes: impl Into<Bytes>, positions: &[usize]) -> Self {
        let (mut rest, mut at) = (bytes.into(), 0);
        let mut pieces = Vec::new();
        for position in positions {
            let length = position.saturating_sub(at).min(rest.len());
            pieces.push(rest.split_to(length));
            at += length;
        }
        pieces.push(rest);
        Self::Stream(pieces.into_iter().filter(|piece| !piece.is_empty()).map(Piece::Bytes).collect())
    }

    /// A stream of these bytes, one at a time.
    pub fn stream_bytewise(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let positions: Vec<usize> = (1..bytes.len()).collect();
        Self::stream_cut(bytes, &positions)
    }

    /// The same stream, and one more piece. For what is no stream, nothing changes.
    pub fn then(mut self, piece: Piece) -> Self {
        if let Self::Stream(pieces) = &mut self {
            pieces.push(piece);
        }
        self
    }
}

// === impl Play ===

impl Play {
    pub(super) fn new(pieces: Vec<Piece>, under: Under) -> Self {
        Self { pieces: pieces.into(), pause: None, under }
    }
}

impl Stream for Play {
    type Item = Result<Bytes, LlmError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let play = self.get_mut();
        loop {
            if let Some(pause) = &mut play.pause {
                if pause.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                play.pause = None;
            }
            match play.pieces.pop_front() {
                Some(Piece::Bytes(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Some(Piece::Pause(pause)) => play.pause = Some(Box::pin(tokio::time::sleep(pause))),
                Some(Piece::Hang) => {
                    play.pieces.push_front(Piece::Hang);
                    return Poll::Pending;
                }
                Some(Piece::Broken) => {
                    play.pieces.clear();
                    play.under.end();
                    return Poll::Ready(Some(Err(broken())));
                }
                None => {
                    play.under.end();
                    return Poll::Ready(None);
                }
            }
        }
    }
}
