//! From what plugins decide and fail at to the error that the client gets.

use gatewright_model::{DecodeError, ErrorKind, LlmError};
use gatewright_pipeline::{Decision, Fault, cut, reason};
use gatewright_plugin::{Rejection, Verdict};

/// What the client is told by a plugin that gives no reason, and the code of a decision that has none.
const NO_REASON: &str = "Blocked by plugin";
const BLOCKED: &str = "content_blocked";

/// The error for a plugin's decision against the content.
pub fn blocked(plugin: &str, rejection: Rejection) -> LlmError {
    rejected(ErrorKind::GuardrailBlocked, plugin, rejection)
}

/// The error for a plugin's rejection, of the kind that its hook has.
pub fn rejected(kind: ErrorKind, plugin: &str, mut rejection: Rejection) -> LlmError {
    let (status, code, retry_after) = (rejection.status, rejection.code.take(), rejection.retry_after);
    let error = LlmError::new(kind, told(reason(rejection))).with_plugin(plugin);
    let error = match status {
        Some(status) => error.with_status(status),
        None => error,
    };
    // A decision is final: no fallback goes around it.
    let error = LlmError { allow_fallbacks: Some(false), retry_after, ..error };
    match code {
        Some(code) => error.with_code(code),
        None if kind == ErrorKind::GuardrailBlocked => error.with_code(BLOCKED),
        None => error,
    }
}

/// What the client is told of a reason.
fn told(reason: String) -> String {
    if reason.is_empty() { NO_REASON.to_owned() } else { reason }
}

/// The error that a plugin fails an attempt with, as far as an error can be so.
pub(crate) fn failed_by(plugin: &str, error: LlmError) -> LlmError {
    let mut error = error.with_plugin(plugin);
    error.message = told(cut(error.message));
    error.status = error.status.filter(|status| (400..=599).contains(status));
    for text in [&mut error.code, &mut error.param, &mut error.provider] {
        *text = text.take().map(cut);
    }
    if error.kind == ErrorKind::GuardrailBlocked && error.code.is_none() {
        error.code = Some(BLOCKED.to_owned());
    }
    error
}

/// What a guard's chain came to.
pub(crate) fn verdict(decided: Result<Option<Decision<Verdict>>, Fault>) -> Result<(), LlmError> {
    match decided.map_err(|fault| fault_error(&fault))? {
        Some(Decision { plugin, outcome: Verdict::Block(no) }) => Err(blocked(&plugin, no)),
        _ => Ok(()),
    }
}

/// The error for a plugin that must not be missed and failed.
pub fn fault_error(fault: &Fault) -> LlmError {
    tracing::error!(
        plugin = %fault.plugin,
        hook = fault.hook.name(),
        request_id = %fault.request_id,
        cause = fault.failure.cause(),
        error = fault.what(),
        "plugin failed, and may not be missed: the request ends"
    );
    LlmError { allow_fallbacks: Some(false), ..fault.to_error() }
}

/// Logs what a plugin failed at as its request was closed: nobody gets an error of it.
pub(crate) fn log_closing(fault: &Fault) {
    tracing::warn!(
        plugin = %fault.plugin,
        hook = fault.hook.name(),
        request_id = %fault.request_id,
        cause = fault.failure.cause(),
        error = fault.what(),
        "plugin failed: the request was already decided"
    );
}

/// The error for a whole answer that somebody must see, and cannot.
pub(crate) fn unreadable_answer(error: DecodeError) -> LlmError {
    LlmError::new(ErrorKind::Upstream, format!("the provider's answer cannot be read: {error}"))
}

#[cfg(test)]
mod tests;
