//! The logic that is measured, as an artefact.

#[path = "../src/looker.rs"]
mod looker;

gatewright_sdk::export!(looker::Looker);
