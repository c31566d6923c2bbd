//! The bytes of a stream, once it has begun.

use super::failure::transport_error;
use crate::http::{ResponseBody, TransportError};
use crate::watch::Watch;
use bytes::Bytes;
use futures_util::Stream;
use gatewright_model::LlmError;
use http_body::Body;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// A stream's bytes: first what was read to judge its beginning, then piece by piece as they come. Dropping it
/// cancels the request.
pub(super) struct RemoteStream {
    first: std::vec::IntoIter<Bytes>,
    /// `None` after the end.
    body: Option<ResponseBody>,
    watch: Watch,
    provider: Arc<str>,
}

// === impl RemoteStream ===

impl RemoteStream {
    pub(super) fn new(first: Vec<Bytes>, body: ResponseBody, watch: Watch, provider: Arc<str>) -> Self {
        Self { first: first.into_iter(), body: Some(body), watch, provider }
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, LlmError>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        loop {
            match Pin::new(&mut *body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(piece) if !piece.is_empty() => {
                        self.watch.touch();
                        return Poll::Ready(Some(Ok(piece)));
                    }
                    _ => {}
                },
                Poll::Ready(Some(Err(error))) => {
                    let error = transport_error(&self.provider, &TransportError::cut(&error));
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    let late = ready!(self.watch.poll(context));
                    return Poll::Ready(Some(Err(late.error(&self.provider))));
                }
            }
        }
    }
}

impl Stream for RemoteStream {
    type Item = Result<Bytes, LlmError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(piece) = self.first.next() {
            return Poll::Ready(Some(Ok(piece)));
        }
        let polled = self.poll_piece(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }
}
