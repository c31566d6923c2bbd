//! A response body that gives the events of a script one at a time, at a pace.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::script::Script;

/// Each event is a frame, and each frame a write of its own.
///
/// hyper flushes when a body has nothing ready. So this one is pending once between any two events, also when there is
/// no pace: otherwise a saturated stream would reach the proxy as one block, and a proxy would be measured on that.
#[derive(Debug)]
pub(crate) struct PacedBody {
    script: Script,
    next: usize,
    pace: Duration,
    gate: Gate,
    /// Kept for the whole stream, and moved on from its last deadline, so that lateness does not add up.
    timer: Option<Pin<Box<Sleep>>>,
}

/// What stands before the next event.
#[derive(Debug)]
enum Gate {
    Open,
    /// Be pending once, and ask to be polled again.
    Flush,
    /// Wait for the timer.
    Pause,
}

impl PacedBody {
    pub(crate) fn new(script: Script, pace: Duration) -> Self {
        Self { script, next: 0, pace, gate: Gate::Open, timer: None }
    }

    fn gate_before(&mut self, index: usize) -> Gate {
        if self.pace.is_zero() || !self.script.pauses_before(index) {
            return Gate::Flush;
        }
        match &mut self.timer {
            Some(timer) => {
                let deadline = timer.deadline() + self.pace;
                timer.as_mut().reset(deadline);
            }
            None => self.timer = Some(Box::pin(sleep_until(Instant::now() + self.pace))),
        }
        Gate::Pause
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        match this.gate {
            Gate::Open => {}
            Gate::Flush => {
                this.gate = Gate::Open;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Gate::Pause => {
                if let Some(timer) = &mut this.timer {
                    ready!(timer.as_mut().poll(cx));
                }
            }
        }
        let Some(event) = this.script.event(this.next) else { return Poll::Ready(None) };
        this.next += 1;
        this.gate = this.gate_before(this.next);
        Poll::Ready(Some(Ok(Frame::data(event))))
    }

    /// True with the last event out, so that the end of the chunked body goes with it.
    fn is_end_stream(&self) -> bool {
        self.next >= self.script.len()
    }
}

#[cfg(test)]
mod tests;
