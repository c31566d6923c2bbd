//! What tests read of the log.

use std::io::{Result, Write};
use std::sync::{Arc, Mutex};
use tracing::subscriber::DefaultGuard;

/// What this thread logs from now on, until it is dropped.
pub(crate) struct Logged {
    output: Output,
    _installed: DefaultGuard,
}

#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

// === impl Logged ===

impl Logged {
    pub(crate) fn from_now_on() -> Self {
        let output = Output::default();
        let writer = output.clone();
        let lines = tracing_subscriber::fmt().with_ansi(false).without_time().with_target(false);
        let subscriber = lines.with_writer(move || writer.clone()).finish();
        Self { output, _installed: tracing::subscriber::set_default(subscriber) }
    }

    /// The lines so far: level, message, fields.
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.output.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| line.trim().to_owned()).collect()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
