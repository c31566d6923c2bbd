//! The gateway's log: events as lines, written behind the request, without secrets.

mod conceal;
mod json;
mod level;
mod line;
mod plugin;
mod redact;
mod writer;

pub use conceal::{Conceal, conceal, concealed};
pub use plugin::PluginLog;
pub use redact::{Redacted, redact};

use level::Filter;
use line::LineLayer;
use std::fmt;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tracing::Subscriber;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use writer::Queue;

/// How long the end of the process waits for the lines that are left.
const LAST_FLUSH: Duration = Duration::from_secs(2);

/// What is logged, how and where to.
#[derive(Debug)]
pub struct LogConfig {
    /// How lines look.
    pub style: LogStyle,
    /// `off`, `error`, `warn`, `info`, `debug`, `trace`, or directives: `info,gatewright_pipeline=debug`. Below `info`,
    /// the libraries that say most (HTTP, TLS, SQL, WASM) stay at `info` unless a directive names them.
    pub level: String,
    /// Where lines go.
    pub output: LogOutput,
    /// Most bytes of lines that wait to be written; what comes on top is dropped and counted. Default 1 MiB.
    pub max_queued_bytes: usize,
}

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogStyle {
    /// One JSON object a line, for programs.
    #[default]
    Json,
    /// For people, in colours on a terminal.
    Pretty,
}

/// Where lines go.
#[derive(Default)]
pub enum LogOutput {
    /// To standard output.
    #[default]
    Stdout,
    /// To standard error.
    Stderr,
    /// Here. Called from a thread of the log's own.
    Writer(Box<dyn Write + Send>),
}

/// The log could not be set up, or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// Not a level.
    #[error(
        "`{0}` is not a log level: use off, error, warn, info, debug or trace, or directives such as `info,hyper=warn`"
    )]
    Level(String),
    /// The thread that writes could not be started.
    #[error("the log's thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
    /// The process has a log already.
    #[error("the process has a log already")]
    Installed,
}

/// Changes the log while it runs. Cheap to copy.
#[derive(Clone, Debug)]
pub struct LogHandle {
    queue: Queue,
    filter: Filter,
}

/// Keeps the log running. Dropped, it writes the lines that are left, for at most 2 s; keep it until the end of `main`.
#[derive(Debug)]
#[must_use = "the log ends when this is dropped"]
pub struct LogGuard {
    handle: LogHandle,
}

/// Sets up the log of this process, for `tracing` and `log` alike.
pub fn init(config: LogConfig) -> Result<LogGuard, LogError> {
    let (subscriber, guard) = subscriber(config)?;
    subscriber.try_init().map_err(|_| LogError::Installed)?;
    Ok(guard)
}

/// The same log, for those who install it themselves.
pub fn subscriber(config: LogConfig) -> Result<(impl Subscriber + Send + Sync, LogGuard), LogError> {
    let filter = Filter::new(&config.level)?;
    let (output, colours): (Box<dyn Write + Send>, bool) = match config.output {
        LogOutput::Stdout => (Box::new(stdout()), stdout().is_terminal()),
        LogOutput::Stderr => (Box::new(stderr()), stderr().is_terminal()),
        LogOutput::Writer(writer) => (writer, false),
    };
    let style = config.style;
    let notice = match style {
        LogStyle::Json => {
            |count| format!("{{\"level\":\"WARN\",\"message\":\"log lines were dropped\",\"count\":{count}}}\n")
        }
        LogStyle::Pretty => |count| format!("WARN log lines were dropped count={count}\n"),
    };
    let queue = Queue::start(config.max_queued_bytes, output, notice)?;
    let lines = LineLayer { style, colours, queue: queue.clone() };
    let subscriber = tracing_subscriber::registry().with(filter.clone()).with(lines);
    Ok((subscriber, LogGuard { handle: LogHandle { queue, filter } }))
}

// === impl LogConfig ===

impl Default for LogConfig {
    fn default() -> Self {
        let (style, output) = (LogStyle::default(), LogOutput::default());
        Self { style, level: "info".to_owned(), output, max_queued_bytes: 1 << 20 }
    }
}

// === impl LogStyle ===

impl std::str::FromStr for LogStyle {
    type Err = String;

    /// `json` or `pretty`.
    fn from_str(style: &str) -> Result<Self, String> {
        match style {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            other => Err(format!("`{other}` is not a log style: use json or pretty")),
        }
    }
}

// === impl LogOutput ===

impl fmt::Debug for LogOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stdout => "Stdout",
            Self::Stderr => "Stderr",
            Self::Writer(_) => "Writer",
        })
    }
}

// === impl LogHandle ===

impl LogHandle {
    /// Changes what is logged: see [`LogConfig::level`]. An error changes nothing.
    pub fn set_level(&self, level: &str) -> Result<(), LogError> {
        self.filter.set(level)
    }

    /// How many lines were dropped, since they found no room.
    pub fn dropped(&self) -> u64 {
        self.queue.dropped().load(Relaxed)
    }

    /// Waits until all lines so far are written, at most so long; answers whether they are.
    pub fn flush(&self, at_most: Duration) -> bool {
        self.queue.flush(at_most)
    }

    pub(crate) fn dropped_lines(&self) -> Arc<AtomicU64> {
        self.queue.dropped().clone()
    }
}

// === impl LogGuard ===

impl LogGuard {
    /// Changes the log while it runs.
    pub fn handle(&self) -> &LogHandle {
        &self.handle
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.handle.queue.close(LAST_FLUSH);
    }
}
