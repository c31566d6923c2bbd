//! Why a process does not serve.

use crate::address::Address;
use gatewright_abi::Unintelligible;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a process does not serve, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The system refused to start it.
    #[error("`{}` cannot be started: {error}", .path.display())]
    Spawn {
        /// The executable.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The system refused what the gateway needs for it.
    #[error("a socket for it cannot be made: {0}")]
    Socket(io::Error),
    /// It ended before it served.
    #[error(
        "it {how} before it served{last_words}; a plugin is built with an SDK, or serves proto/gatewright/plugin/v1"
    )]
    Ended {
        /// How it ended.
        how: String,
        /// The last line that it wrote.
        last_words: String,
    },
    /// It took too long.
    #[error("it did not serve within {within:?}: it {lacks}")]
    Slow {
        /// The time that it had.
        within: Duration,
        /// What it did not do.
        lacks: &'static str,
    },
    /// Nobody listens.
    #[error("nobody answers at {address}: {error}; is it running?")]
    Unreachable {
        /// Where.
        address: Address,
        /// Why not.
        error: String,
    },
    /// Somebody else listens at its socket.
    #[error("it gave back another cookie than it was given: it is not the process that was started")]
    Cookie,
    /// What it says of itself cannot be understood.
    #[error(transparent)]
    Unintelligible(#[from] Unintelligible),
    /// It is another than before.
    #[error("it says other things of itself than when it was loaded: reload it")]
    Another,
    /// It refused its config.
    #[error("{0}")]
    Config(String),
    /// It makes no more instances.
    #[error("it makes no more instances: {0}")]
    Full(String),
    /// It does not do what a plugin does.
    #[error("it does not speak as a plugin does: {0}")]
    Protocol(String),
    /// Its `on_startup` failed.
    #[error("its on_startup failed: {0}")]
    Startup(String),
    /// The gateway ends.
    #[error("the gateway ends")]
    Ending,
}
