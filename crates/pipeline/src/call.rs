//! One call of one hook, in the two ways there are: at once on the caller's thread, or owning all it works on.

use futures_util::FutureExt;
use gatewright_model::{ErrorKind, LlmError};
use gatewright_plugin::hosted::{HookPoint, Hosted};
use gatewright_plugin::{Cx, Failure, Hook, Kind, panicking};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A plugin that must not be missed failed: the request ends.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("plugin `{plugin}` failed in {hook}: {failure}")]
pub struct Fault {
    /// The instance.
    pub plugin: Arc<str>,
    /// The hook.
    pub hook: Hook,
    /// The request.
    pub request_id: String,
    /// The longest time of the call; `None` if the request had no time left.
    pub limit: Option<Duration>,
    /// What happened; for logs, since it may hold the plugin's own text.
    pub failure: Failure,
}

/// Calls an immediate hook on the caller's context and payload. Whatever it wrote or edited is still a proposal.
pub(crate) fn call_now<H: HookPoint>(
    plugin: &Arc<dyn Hosted>,
    cx: &mut Cx,
    payload: &mut H::Payload,
) -> Result<H::Outcome, Failure> {
    // Unwind safety: after a panic the caller undoes the payload and drops what the context collected.
    match catch_unwind(AssertUnwindSafe(|| plugin.call_now(cx, H::lend(payload)))) {
        Ok(reply) => H::outcome(reply),
        Err(panic) => Err(Failure::Panicked(panicking::caught(&*panic))),
    }
}

/// Calls a hook that owns what it works on, for at most `timeout`. Context and payload come back only from a call that
/// ended in time without a panic.
pub(crate) async fn call_owned<H: HookPoint>(
    plugin: &Arc<dyn Hosted>,
    cx: Cx,
    payload: H::Payload,
    timeout: Duration,
) -> (Option<Cx>, Option<H::Payload>, Result<H::Outcome, Failure>) {
    let started = Instant::now();
    let call = AssertUnwindSafe(plugin.clone().call(cx, H::give(payload))).catch_unwind();
    match tokio::time::timeout(timeout, call).await {
        // The worker was late too: the answer was there before the timer was looked at.
        Ok(Ok(_)) if started.elapsed() >= timeout => (None, None, Err(Failure::TimedOut)),
        Ok(Ok(returned)) => {
            let outcome = H::outcome(returned.reply);
            match (H::take(returned.call), outcome) {
                (Some(payload), outcome) => (Some(returned.cx), Some(payload), outcome),
                (None, _) => (None, None, Err(Failure::Malformed("it gave back another hook's payload".to_owned()))),
            }
        }
        Ok(Err(panic)) => (None, None, Err(Failure::Panicked(panicking::caught(&*panic)))),
        Err(_) => (None, None, Err(Failure::TimedOut)),
    }
}

// === impl Fault ===

impl Fault {
    /// The error that the client gets: which plugin and what kind of failure, no internals.
    pub fn to_error(&self) -> LlmError {
        if self.is_out_of_time() {
            let message = format!("the request took longer than it may: its time was over in plugin {}", self.plugin);
            return LlmError::new(ErrorKind::Timeout, message)
                .with_plugin(&*self.plugin)
                .with_code("deadline_exceeded");
        }
        let message = format!("plugin {} failed: {}", self.plugin, self.failure.cause());
        LlmError::new(ErrorKind::PluginUnavailable, message).with_plugin(&*self.plugin).with_code(self.failure.cause())
    }

    /// Whether the request's own time was over in a hook that may change or refuse what goes on: who chooses when that is
    /// must not choose what goes on unseen.
    pub(crate) fn is_out_of_time(&self) -> bool {
        let changes = matches!(self.hook.info().kind, Kind::Intercept | Kind::Decide);
        changes && self.limit.is_none() && self.failure == Failure::TimedOut
    }

    /// What happened, for logs: of a time-out also how long the call may take.
    pub fn what(&self) -> String {
        match (&self.failure, self.limit) {
            (Failure::TimedOut, Some(limit)) => format!("{}: it may take {limit:?}", self.failure),
            (Failure::TimedOut, None) => format!("{}: the request had no time left", self.failure),
            (failure, _) => failure.to_string(),
        }
    }
}
