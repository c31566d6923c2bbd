//! The work whose cost is measured: chains of hooks, and whole requests, with a number of plugins each.
//!
//! `bench-pipeline` measures time and does exact amounts of work under callgrind; `bench-allocations` counts what is
//! allocated. They are two programs, since an allocator that counts would be part of the time.

mod allocations;
mod chain;
mod plugins;
mod request;
mod scenario;

pub use allocations::allocations;
pub use scenario::{PLUGINS, SCENARIOS, Scenario, Unknown, Work, scenario};

use gatewright_plugin::Failure;

/// Why a piece of work cannot be made or done.
pub type Problem = Box<dyn std::error::Error>;

/// Runs a future on a runtime of its own thread, as the gateway's workers have.
pub fn on_a_worker<T>(work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// Says which plugin did not start.
#[derive(Debug, thiserror::Error)]
#[error("a plugin did not start: {0}")]
struct NotStarted(Failure);
