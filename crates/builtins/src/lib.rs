//! The one list of the plugins that ship, and those of them that have more than a plugin may have: `logging` and
//! `telemetry` are given it by their constructors.
//!
//! The others are in `gatewright-stock-plugins`. The docs of each are in `docs/plugins`.

pub mod catalog;
mod logging;
mod telemetry;

pub use catalog::{Builtin, CATALOG, Privileges, find};
pub use logging::Logging;
pub use telemetry::Telemetry;
