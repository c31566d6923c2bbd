//! The services of an instance that does not serve yet: it can log.

use bytes::Bytes;
use gatewright_model::{ErrorKind, LlmError, Request, Response};
use gatewright_plugin::Facts;
use gatewright_plugin::services::{
    BoxFuture, Http, HttpCall, HttpReply, Kv, Level, Llm, Log, LogRecord, Metrics, Record, Records, Sample,
    ServiceError, ServiceSet, Services,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Knows the plugin's name.
struct Before {
    name: Box<str>,
    /// How many bytes it may still log.
    left: AtomicUsize,
}

/// The most that is logged before an instance serves.
const MAX_LOGGED_BYTES: usize = 256 << 10;

/// What a line has around its message.
const AROUND: usize = 100;

/// The services of an instance of this name, before it starts.
pub(crate) fn services(name: &str) -> Services {
    let before = Arc::new(Before { name: name.into(), left: AtomicUsize::new(MAX_LOGGED_BYTES) });
    Services::from(ServiceSet {
        log: before.clone(),
        metrics: before.clone(),
        records: before.clone(),
        kv: before.clone(),
        http: before.clone(),
        llm: before,
    })
}

fn too_early() -> ServiceError {
    ServiceError::Invalid("services are there from `on_startup` on".to_owned())
}

fn refused<T: Send + 'static>() -> BoxFuture<'static, Result<T, ServiceError>> {
    Box::pin(std::future::ready(Err(too_early())))
}

impl Before {
    /// Whether so many bytes may be logged; says once that no more are.
    fn admits(&self, bytes: usize) -> bool {
        let take = |left: usize| (left > 0).then(|| left.saturating_sub(bytes));
        match self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(left) if left >= bytes => true,
            Ok(_) => {
                tracing::warn!(
                    plugin = &*self.name,
                    "lines of a plugin were left out: it writes more than {} KiB while it is made",
                    MAX_LOGGED_BYTES >> 10
                );
                false
            }
            Err(_) => false,
        }
    }
}

impl Log for Before {
    fn log(&self, record: &LogRecord<'_>) {
        let (plugin, message) = (&*self.name, record.message);
        if !self.admits(message.len() + AROUND) {
            return;
        }
        match record.level {
            Level::Debug => tracing::debug!(plugin, "{message}"),
            Level::Info => tracing::info!(plugin, "{message}"),
            Level::Warn => tracing::warn!(plugin, "{message}"),
            Level::Error => tracing::error!(plugin, "{message}"),
        }
    }
}

impl Metrics for Before {
    fn record(&self, _: &Sample<'_>) -> Result<(), ServiceError> {
        Err(too_early())
    }
}

impl Records for Before {
    fn append(&self, _: Record) -> Result<(), ServiceError> {
        Err(too_early())
    }
}

impl Kv for Before {
    fn get<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Bytes>, ServiceError>> {
        refused()
    }

    fn set<'a>(&'a self, _: &'a str, _: Bytes, _: Option<Duration>) -> BoxFuture<'a, Result<(), ServiceError>> {
        refused()
    }

    fn delete<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<bool, ServiceError>> {
        refused()
    }

    fn list<'a>(&'a self, _: &'a str, _: usize) -> BoxFuture<'a, Result<Vec<String>, ServiceError>> {
        refused()
    }

    fn increment<'a>(&'a self, _: &'a str, _: i64) -> BoxFuture<'a, Result<i64, ServiceError>> {
        refused()
    }

    fn compare_and_set<'a>(
        &'a self,
        _: &'a str,
        _: Option<Bytes>,
        _: Bytes,
    ) -> BoxFuture<'a, Result<bool, ServiceError>> {
        refused()
    }
}

impl Http for Before {
    fn send(&self, _: HttpCall) -> BoxFuture<'_, Result<HttpReply, ServiceError>> {
        refused()
    }
}

impl Llm for Before {
    fn complete<'a>(&'a self, _: &'a Facts, _: Request) -> BoxFuture<'a, Result<Response, LlmError>> {
        Box::pin(std::future::ready(Err(LlmError::new(ErrorKind::Internal, too_early().to_string()))))
    }
}

#[cfg(test)]
mod tests;
