//! The cases that apply to any plugin, whatever it does and whichever host runs it.
//!
//! `crates/conformance` holds hosts to the rules, with plugins that are known; this crate holds a plugin to them that
//! nobody knows. It is called as the pipeline calls it, with payloads that are plain, empty, odd, large and rare, and
//! must answer each of them within its timeout with what the hook allows. What it decides is its own affair.
//!
//! A [`Subject`] loads it; [`run`] runs the cases and gives a [`Report`].

mod asking;
mod case;
mod config;
mod hooks;
mod life;
mod report;
mod runner;
mod sample;
mod services;
mod stand;
mod subject;

pub use case::{About, CaseReport, Outcome};
pub use report::{HookTimes, Report};
pub use runner::{Event, run};
pub use subject::{Asked, NotLoaded, Subject, Test};
