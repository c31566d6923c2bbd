//! Whether, with which key and after how long a failed try is made again.

use crate::RetrySettings;
use gatewright_model::{ErrorKind, LlmError};
use http::{HeaderMap, header};
use std::time::{Duration, SystemTime};

/// A try that failed, and what another one could change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) error: LlmError,
    pub(crate) retry: Retry,
}

/// What another try could change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Nothing: the request itself was refused, or there is no time.
    Never,
    /// It may just work: the network or the provider had trouble.
    SameKey,
    /// Another key may have quota left.
    NextKey,
}

// === impl Failure ===

impl Failure {
    /// A failure that no other try would change.
    pub(crate) fn final_(error: LlmError) -> Self {
        Self { error, retry: Retry::Never }
    }

    /// Trouble that may pass.
    pub(crate) fn passing(error: LlmError) -> Self {
        Self { error, retry: Retry::SameKey }
    }

    /// An error that the provider told, with its HTTP status: 200 for one inside a stream or a body.
    pub(crate) fn told(status: u16, error: LlmError) -> Self {
        let retry = match (status, error.kind) {
            (429, _) | (_, ErrorKind::RateLimit) => Retry::NextKey,
            (500.., _) => Retry::SameKey,
            (200..300, ErrorKind::Upstream | ErrorKind::Overloaded | ErrorKind::Timeout | ErrorKind::Internal) => {
                Retry::SameKey
            }
            _ => Retry::Never,
        };
        Self { error, retry }
    }
}

// === impl RetrySettings ===

impl RetrySettings {
    /// The wait before retry number `retries` (from 0): what the provider asked for, if that is not over the maximum,
    /// and else `min(initial * 2^retries, max)` times `jitter`.
    pub(crate) fn wait(&self, retries: u32, asked: Option<Duration>, jitter: f64) -> Duration {
        if let Some(asked) = asked.filter(|asked| *asked <= self.backoff_max) {
            return asked;
        }
        let factor = 1_u32.checked_shl(retries).unwrap_or(u32::MAX);
        self.backoff_initial.saturating_mul(factor).min(self.backoff_max).mul_f64(jitter)
    }
}

/// A factor from 0.8 to 1.2, so that those who failed together do not come back together.
pub(crate) fn jitter() -> f64 {
    rand::random_range(0.8..=1.2)
}

/// How long the provider asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    if let Some(millis) = text("retry-after-ms").and_then(number) {
        return Duration::try_from_secs_f64(millis / 1000.0).ok();
    }
    let after = text(header::RETRY_AFTER.as_str())?;
    match number(after) {
        Some(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        None => {
            let date = httpdate::parse_http_date(after).ok()?;
            Some(date.duration_since(now).unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests;
