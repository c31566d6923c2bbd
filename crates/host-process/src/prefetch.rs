//! Which parts are sent with a call.

use gatewright_abi::Part;
use gatewright_abi::host::Rest;
use gatewright_plugin::Hook;
use gatewright_proto::v1::PartContent;
use std::sync::atomic::{AtomicU32, Ordering};

/// What the plugin looked at in its last call of each hook: that is sent along with the next, so that it need not wait
/// for it. Facts, state and scratchpad are small, and go along from the beginning.
#[derive(Debug)]
pub(crate) struct Prefetch([AtomicU32; Hook::COUNT]);

/// Sent until an answer says otherwise.
const SMALL: u32 = 1 << Part::Facts as u32 | 1 << Part::State as u32 | 1 << Part::Scratch as u32;

// === impl Prefetch ===

impl Default for Prefetch {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU32::new(SMALL)))
    }
}

impl Prefetch {
    /// The parts to send. Over single calls nothing is fetched, and all there is goes along; over a session what has room.
    pub(crate) fn parts(&self, hook: Hook, rest: &Rest, session: bool, mut room: usize) -> Vec<PartContent> {
        let wanted = if session { self.0[hook as usize].load(Ordering::Relaxed) } else { u32::MAX };
        let wanted = Part::ALL.into_iter().filter(|part| wanted & 1 << *part as u32 != 0);
        // What there is not, or is not to be seen, is not sent: whoever asks is told why.
        let there = wanted.filter_map(|part| Some((part, rest.part(part).ok()?)));
        let sent = there.filter(|(_, contents)| {
            let left = room.checked_sub(contents.bytes());
            room = left.unwrap_or(room);
            left.is_some() || !session
        });
        sent.map(|(part, contents)| PartContent {
            part: part as u32,
            content: contents.into_bytes(),
            ..PartContent::default()
        })
        .collect()
    }

    /// What the plugin looked at.
    pub(crate) fn learn(&self, hook: Hook, looked: u32) {
        let learned = &self.0[hook as usize];
        if learned.load(Ordering::Relaxed) != looked {
            learned.store(looked, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
