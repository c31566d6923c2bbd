//! Compiled chains of hooks.

mod probe;

pub use probe::{Judged, Probe};
