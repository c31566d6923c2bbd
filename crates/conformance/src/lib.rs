//! The executable contract: every rule of hooks as a named case, against any host.
//!
//! A [`Host`] loads the [test plugins](plugins), each an ordinary plugin that does what its config says and records
//! what it was given. [`cases`] states the rules; [`run_group`] runs those of a group and gives a [`Report`].
//! Together they are a [`Table`] of hooks, hosts and groups of cases, which `tests/table.rs` fills and prints. What is linked in runs under [`Builtin`]; other hosts load the same sources from
//! artefacts of their own kind.
//!
//! [`transcript`] is what the plugins that ship do in a row of requests: the same in every host.
//!
//! Each case has a runtime of its own and runs in real time, so that it also holds for hosts across a process
//! boundary; where a case waits for something not to happen, it waits for milliseconds.

mod case;
mod cases;
mod gateway;
mod host;
mod journal;

mod report;
mod sample;
mod setup;
mod sse;
mod transcript;

pub use case::{Case, CaseFailure, Group, Outcome};
pub use cases::cases;
pub use gatewright_test_plugins as plugins;
pub use host::{Builtin, HOSTS, Host};
pub use report::{CaseReport, Report, Table, run_group};
pub use transcript::{STOCK_PLUGINS, transcript};
