//! The cases, a file or folder a subject.

mod attempts;
mod breaker;
mod closing;
mod failures;
mod hooks;
mod order;
mod scope;
mod snapshot;
mod state;
mod streams;
mod time;

use crate::case::Case;

/// Every case, group by group.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    hooks::cases(&mut cases);
    order::cases(&mut cases);
    scope::cases(&mut cases);
    snapshot::cases(&mut cases);
    failures::cases(&mut cases);
    time::cases(&mut cases);
    breaker::cases(&mut cases);
    state::cases(&mut cases);
    attempts::cases(&mut cases);
    closing::cases(&mut cases);
    streams::cases(&mut cases);
    cases
}
