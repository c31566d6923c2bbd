//! The bodies of answers.

use crate::open::Open;
use crate::stream::{Chunks, Tapped};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of an answer. It knows when the client has all of it: then the request is finished. Dropped before, the
/// client went away.
pub(crate) enum ResponseBody {
    /// Nothing of a request depends on it.
    Plain(Option<Bytes>),
    /// All of an LLM answer.
    Whole(Option<Bytes>, Option<Open>),
    /// A stream that passes as bytes.
    Tapped(Box<Tapped>),
    /// A stream that hooks work on.
    Chunks(Chunks),
}

// === impl ResponseBody ===

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = match self.get_mut() {
            Self::Plain(bytes) => Poll::Ready(bytes.take()),
            Self::Whole(bytes, open) => {
                // The connection may never ask again after the last byte of a known length.
                if let Some(open) = open.take() {
                    open.finish();
                }
                Poll::Ready(bytes.take())
            }
            Self::Tapped(tapped) => tapped.poll_next(cx),
            Self::Chunks(chunks) => chunks.poll_next(cx),
        };
        bytes.map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Plain(bytes) | Self::Whole(bytes, _) => bytes.is_none(),
            Self::Tapped(_) | Self::Chunks(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Plain(bytes) | Self::Whole(bytes, _) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Tapped(_) | Self::Chunks(_) => SizeHint::default(),
        }
    }
}
