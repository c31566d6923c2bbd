//! Compiled chains of hooks: who stands where, in which order, and what the host makes of each call.
//!
//! A [`PluginSet`] is compiled when plugins change; a request takes one at its start, as an [`Exchange`], and finishes
//! on it. Every call goes through one place (`chain.rs`), which judges it by failure mode and deadline: its edits and
//! writes are kept when it succeeds in time, and given up otherwise.

mod bits;
mod breaker;
mod call;
mod chain;
mod exchange;
mod instance;
mod judge;
mod life;
mod probe;
mod reaper;
mod scope;
mod set;
pub mod shelter;

pub use breaker::{BREAKER_COOL_DOWN, BREAKER_FAILURES};
pub use call::Fault;
pub use chain::Decision;
pub use exchange::{CLOSING_BUDGET, Exchange, MAX_METADATA_BYTES, MAX_SCRATCH_BYTES, Round};
pub use instance::Instance;
pub use judge::{Judge, MAX_REASON_BYTES, MAX_RESULT_BLOCKS, MAX_RESULT_BYTES, MAX_RESULT_CHOICES, cut, reason};
pub use probe::{Judged, Probe};
pub use reaper::{Reaper, ReaperTask};
pub use scope::Scope;
pub use set::{Entry, Placement, PluginSet, Settings, Slot, TooMany};
