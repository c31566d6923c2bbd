//! Calls of hooks that are requests of their own.
//!
//! Over a session a call that was given up is answered too, and a stream that it names is closed. Of a request that was
//! reset nothing is heard any more, though its answer may be on its way. So one whose answer may name a stream is not
//! reset before it has had its time.

use crate::link::Link;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use gatewright_abi::host;
use gatewright_plugin::Hook;
use gatewright_proto::v1::{HookAnswer, HookCall};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Instant;
use tonic::Status;

/// Where calls go to.
const CALL: &str = "http://plugin/gatewright.plugin.v1.Plugin/Call";

/// How much longer than it may take a call goes on that was given up.
const LATE: Duration = Duration::from_secs(1);

/// How many calls to a process go on that were given up; more are reset at once.
pub(crate) const MOST_LATE: usize = 64;

/// A call under way. Dropping it gives it up.
pub(crate) struct Single {
    /// Until it is answered.
    answering: Option<BoxFuture<'static, Result<HookAnswer, Status>>>,
    link: Arc<Link>,
    hook: Hook,
    may_take: Instant,
}

// === impl Single ===

impl Single {
    /// Sends a call of this hook, which may take so long, once there is room.
    pub(crate) async fn send(link: &Arc<Link>, hook: Hook, limit: Duration, call: &HookCall) -> Result<Self, Status> {
        let may_take = Instant::now() + limit;
        let answering = Some(link.wire.ask(CALL, call).await?.boxed());
        Ok(Self { answering, link: link.clone(), hook, may_take })
    }
}

impl Future for Single {
    type Output = Result<HookAnswer, Status>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(answering) = &mut self.answering else { return Poll::Pending };
        let answered = ready!(answering.poll_unpin(cx));
        self.answering = None;
        Poll::Ready(answered)
    }
}

impl Drop for Single {
    fn drop(&mut self) {
        let Some(answering) = self.answering.take().filter(|_| self.hook == Hook::PreLlm) else { return };
        let Ok(place) = self.link.flights.late().try_acquire_owned() else { return };
        let (link, hook, until) = (self.link.clone(), self.hook, self.may_take + LATE);
        self.link.runtime.spawn(async move {
            let answered = tokio::time::timeout_at(until, answering).await;
            if let Ok(Ok(answer)) = answered
                && let Some(stream) = host::unclaimed(hook, &answer.answer)
            {
                link.close(stream);
            }
            drop(place);
        });
    }
}

#[cfg(test)]
mod tests;
