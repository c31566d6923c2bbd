//! The command line.

use clap::Parser;

/// Sends chat requests over keep-alive HTTP/1.1 connections, and prints one line of JSON about what came of them.
#[derive(Debug, Parser)]
#[command(name = "bench-load", version)]
pub(crate) struct Args {
    /// Endpoint, `http://HOST:PORT/PATH`; a path that ends in `/messages` is spoken to in Anthropic's dialect.
    #[arg(long)]
    pub(crate) url: String,
    /// Connections, each with one request in flight.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) concurrency: u16,
    /// Seconds during which measured requests are started.
    #[arg(long, default_value_t = 5.0, value_parser = seconds, conflicts_with = "requests")]
    pub(crate) duration: f64,
    /// Measured requests, instead of a duration.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) requests: Option<u64>,
    /// Seconds of the same load before anything is counted.
    #[arg(long, default_value_t = 1.0, value_parser = seconds)]
    pub(crate) warmup: f64,
    /// Ask for a stream, and fail each answer that does not come to its proper end.
    #[arg(long)]
    pub(crate) stream: bool,
    /// Make the request body exactly this long, by a longer user message.
    #[arg(long)]
    pub(crate) body_bytes: Option<usize>,
    /// Write `messages` before `model`, as the Python SDK does.
    #[arg(long)]
    pub(crate) messages_first: bool,
    /// The model that is asked for.
    #[arg(long, default_value = "openai/gpt-4o-mini")]
    pub(crate) model: String,
    /// A header of each request, `name: value`; may be given more than once.
    #[arg(long)]
    pub(crate) header: Vec<String>,
    /// The server under test: its CPU time and memory, with those of its child processes, go into the report.
    #[arg(long)]
    pub(crate) pid: Option<u32>,
    /// Requests per second over all connections, instead of as many as are answered.
    #[arg(long, value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// Milliseconds over which the connections begin, evenly, so that paced streams do not all tick at once.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=60_000))]
    pub(crate) stagger: u32,
    /// Seconds after which a request without a complete answer is an error.
    #[arg(long, default_value_t = 30.0, value_parser = seconds)]
    pub(crate) timeout: f64,
}

/// A day is more than any run needs, and keeps every sum of durations far from overflow.
fn seconds(text: &str) -> Result<f64, String> {
    within(text, 0.0..=86_400.0)
}

fn rate(text: &str) -> Result<f64, String> {
    within(text, 0.001..=10_000_000.0)
}

fn within(text: &str, range: std::ops::RangeInclusive<f64>) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if range.contains(&value) => Ok(value),
        _ => Err(format!("a number from {} to {}", range.start(), range.end())),
    }
}
