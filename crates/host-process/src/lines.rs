//! What a process writes, line by line, into the host's log.
//!
//! It is always read, so that the process never waits for the log; what is too long is cut, and what is too much is
//! left out and counted.

use gatewright_plugin::services::{Level, Log, LogRecord};
use serde_json::{Map, Value as Json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The most bytes of a line.
const LONGEST: usize = 8 << 10;

/// The most lines at once, and how many more a second.
const BURST: u32 = 500;
const A_SECOND: u32 = 100;

/// The last line that a process wrote.
#[derive(Clone, Debug, Default)]
pub(crate) struct LastWords(Arc<Mutex<String>>);

/// Cuts bytes into lines.
#[derive(Debug, Default)]
struct Lines {
    line: Vec<u8>,
    /// The rest of this line is left out.
    cut: bool,
}

/// Lets so many lines pass.
#[derive(Debug)]
struct Rate {
    left: u32,
    at: Instant,
    left_out: u64,
}

/// Reads to the end, and logs line by line.
pub(crate) async fn drain(mut from: impl AsyncRead + Unpin, log: Arc<dyn Log>, plain: Level, last: Option<LastWords>) {
    let (mut lines, mut rate, mut buffer) = (Lines::default(), Rate::new(), vec![0; 16 << 10]);
    let mut write = |line: &[u8]| {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end();
        if text.is_empty() {
            return;
        }
        if let Some(last) = &last {
            last.set(text);
        }
        match rate.admits(Instant::now()) {
            None => {}
            Some(0) => record(&*log, plain, text),
            Some(left_out) => {
                let message = format!("{left_out} lines of its output were left out");
                log.log(&LogRecord { level: Level::Warn, message: &message, fields: &[], request_id: "" });
                record(&*log, plain, text);
            }
        }
    };
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        lines.take(&buffer[..read], &mut write);
    }
    lines.end(&mut write);
}

/// A line that is a JSON object says its level, message and fields itself.
fn record(log: &dyn Log, plain: Level, text: &str) {
    let object = text.starts_with('{').then(|| serde_json::from_str::<Map<String, Json>>(text).ok()).flatten();
    let Some(mut object) = object else {
        return log.log(&LogRecord { level: plain, message: text, fields: &[], request_id: "" });
    };
    let mut word = |names: &[&str]| {
        let name = names.iter().find(|name| object.get(**name).is_some_and(Json::is_string))?;
        match object.shift_remove(*name) {
            Some(Json::String(word)) => Some(word),
            _ => None,
        }
    };
    let (level, message, request_id) = (word(&["level", "severity"]), word(&["message", "msg"]), word(&["request_id"]));
    let level = match level.unwrap_or_default().to_ascii_lowercase().as_str() {
        "trace" | "debug" => Level::Debug,
        "info" => Level::Info,
        "warn" | "warning" => Level::Warn,
        "error" | "fatal" | "critical" | "panic" => Level::Error,
        _ => plain,
    };
    let fields: Vec<(&str, Json)> = object.iter().map(|(name, value)| (&**name, value.clone())).collect();
    let (message, request_id) = (message.unwrap_or_default(), request_id.unwrap_or_default());
    log.log(&LogRecord { level, message: &message, fields: &fields, request_id: &request_id });
}

// === impl LastWords ===

impl LastWords {
    fn set(&self, line: &str) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.clear();
        last.extend(line.chars().take(300));
    }

    /// The last line, for the end of a sentence; empty if there is none.
    pub(crate) fn said(&self) -> String {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_empty() { String::new() } else { format!(": {last}") }
    }
}

// === impl Lines ===

impl Lines {
    fn take(&mut self, bytes: &[u8], write: &mut impl FnMut(&[u8])) {
        let mut pieces = bytes.split(|byte| *byte == b'\n');
        self.add(pieces.next().unwrap_or_default());
        for piece in pieces {
            self.end(write);
            self.add(piece);
        }
    }

    fn add(&mut self, piece: &[u8]) {
        let room = LONGEST - self.line.len();
        if piece.len() > room {
            self.cut = true;
        }
        self.line.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    fn end(&mut self, write: &mut impl FnMut(&[u8])) {
        if std::mem::take(&mut self.cut) {
            self.line.extend_from_slice(" ...".as_bytes());
        }
        write(&self.line);
        self.line.clear();
    }
}

// === impl Rate ===

impl Rate {
    fn new() -> Self {
        Self { left: BURST, at: Instant::now(), left_out: 0 }
    }

    /// How many lines were left out before this one, if this one may pass.
    fn admits(&mut self, now: Instant) -> Option<u64> {
        let passed = now.saturating_duration_since(self.at);
        let earned = u32::try_from(passed.as_millis() * u128::from(A_SECOND) / 1000).unwrap_or(BURST);
        if earned > 0 {
            self.left = self.left.saturating_add(earned).min(BURST);
            self.at += Duration::from_millis(u64::from(earned) * 1000 / u64::from(A_SECOND));
        }
        if self.left == 0 {
            self.left_out += 1;
            return None;
        }
        self.left -= 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests;
