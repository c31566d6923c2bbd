//! How a stream is shaped: the default for the process, which can be changed while it runs, and a request's own wish.

use std::sync::atomic::{AtomicU32, Ordering};

/// The longest stream that can be asked for.
pub(crate) const MAX_CHUNKS: u32 = 1_000_000;
/// The slowest pace, in milliseconds.
pub(crate) const MAX_PACE_MS: u32 = 60_000;

/// The shape of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Content chunks, 1 to [`MAX_CHUNKS`].
    pub(crate) chunks: u32,
    /// Milliseconds between content chunks, 0 (saturated) to [`MAX_PACE_MS`].
    pub(crate) pace_ms: u32,
}

/// A query string that does not name settings: an unknown key, or a value that is no number or out of range.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadQuery;

impl Settings {
    /// These settings with what `query` (`chunks=50&pace_ms=10`, either part optional) changes.
    ///
    /// An unknown key is an error: a typing mistake must not turn into a measurement of the defaults.
    pub(crate) fn with_query(mut self, query: &str) -> Result<Self, BadQuery> {
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').ok_or(BadQuery)?;
            let value: u32 = value.parse().map_err(|_| BadQuery)?;
            match key {
                "chunks" if (1..=MAX_CHUNKS).contains(&value) => self.chunks = value,
                "pace_ms" if value <= MAX_PACE_MS => self.pace_ms = value,
                _ => return Err(BadQuery),
            }
        }
        Ok(self)
    }
}

/// The settings for requests that do not bring their own.
///
/// They can be changed in a running process, because a gateway does not pass a client's query string on, and a restart
/// between scenarios would leave the proxies with dead connections.
#[derive(Debug)]
pub(crate) struct Shared {
    chunks: AtomicU32,
    pace_ms: AtomicU32,
}

impl Shared {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { chunks: AtomicU32::new(settings.chunks), pace_ms: AtomicU32::new(settings.pace_ms) }
    }

    pub(crate) fn get(&self) -> Settings {
        Settings { chunks: self.chunks.load(Ordering::Relaxed), pace_ms: self.pace_ms.load(Ordering::Relaxed) }
    }

    pub(crate) fn set(&self, settings: Settings) {
        self.chunks.store(settings.chunks, Ordering::Relaxed);
        self.pace_ms.store(settings.pace_ms, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
