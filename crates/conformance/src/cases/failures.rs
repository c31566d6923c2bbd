//! A plugin that does not do its job: one case a cell of hook, failure and failure mode.

mod chains;
mod requests;

use crate::case::Case;
use crate::host::Host;
use crate::plugins::TestPlugin;
use crate::sample::{Sample, oversized};
use gatewright_plugin::Hook;
use serde_json::{Value as Json, json};
use std::time::Duration;

/// How long the plugin that fails may take.
const TIMEOUT: Duration = Duration::from_millis(8);

/// The time that calls have, against this host.
fn timeout(host: &dyn Host) -> Duration {
    TIMEOUT * host.patience()
}

/// Further requests after a failure.
const FURTHER: usize = 100;

/// A way not to do one's job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fails {
    Panic,
    Timeout,
    Returned,
    Malformed,
    Oversized,
}

pub(super) fn cases(list: &mut Vec<Case>) {
    chains::cases(list);
    requests::cases(list);
}

// === impl Fails ===

impl Fails {
    const ALL: [Self; 5] = [Self::Panic, Self::Timeout, Self::Returned, Self::Malformed, Self::Oversized];

    /// Its word in faults and error codes.
    fn word(self) -> &'static str {
        match self {
            Self::Panic => "panic",
            Self::Timeout => "timeout",
            Self::Returned => "error",
            Self::Malformed => "malformed",
            Self::Oversized => "oversized",
        }
    }

    /// Steps that end so; `None` if the hook cannot.
    fn steps<H: Sample>(self, host: &dyn Host, plugin: &TestPlugin) -> Option<Json> {
        Some(match self {
            Self::Panic => json!([{ "panic": "an inner secret" }]),
            Self::Timeout if plugin.immediate.contains(H::HOOK) => {
                json!([{ "sleep": 2 * timeout(host).as_millis() as u64 }])
            }
            Self::Timeout => json!([{ "wait": "never" }]),
            Self::Returned => json!([{ "fail": "an inner secret" }]),
            Self::Malformed => return H::malformed(),
            Self::Oversized => oversized(),
        })
    }
}

/// What a call does before it fails, none of which may stay; then how it fails.
fn traces<H: Sample>(fails: &Json) -> Json {
    let mut steps = vec![json!({ "set": ["trace", 1] }), json!({ "metadata": ["trace", 1] }), json!({ "scratch": 1 })];
    if H::EDITS && H::HOOK != Hook::OnStreamChunk {
        steps.push(json!({ "edit": "-trace" }));
    }
    steps.extend(fails.as_array().cloned().unwrap_or_default());
    steps.into()
}
