//! What the pipeline tells of its calls.

use gatewright_plugin::Hook;
use std::time::Duration;

/// Told of every hook call of one instance. Made by telemetry, with its metric handles resolved beforehand.
pub trait Probe: Send + Sync {
    /// A call ended.
    fn called(&self, hook: Hook, judged: Judged, took: Duration);
}

/// How the host judged a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Judged {
    /// It did its job: any outcome, a block included.
    Ok,
    /// It failed; the cause is [`Failure::cause`](gatewright_plugin::Failure::cause).
    Failed(&'static str),
    /// It was given up before it had ended, since its request was: the client went away.
    CutOff,
    /// It was not called, since its breaker is open or it did not load.
    Skipped,
}
