//! How a component is run.

use gatewright_abi::View;
use gatewright_plugin::Permission;
use std::collections::BTreeSet;

/// How calls share instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstancePolicy {
    /// Calls take any instance that is idle: globals mean nothing.
    Pooled,
    /// All calls share one instance, one after the other: globals mean what their author thinks.
    Single,
    /// All calls of a request share one instance, one after the other; a call outside of a request has one of its own.
    PerRequest,
    /// Each call has an instance of its own.
    PerCall,
}

/// How a component is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the operator granted.
    pub granted: BTreeSet<Permission>,
    /// How calls share instances; `None` leaves it to the manifest.
    pub instances: Option<InstancePolicy>,
    /// The most memory of an instance.
    pub memory_bytes: usize,
    /// What it sees of requests; `None` leaves it to the manifest.
    pub view: Option<View>,
    /// The calls after which a pooled instance is not used again, so that what leaks in a guest does not leak for ever.
    pub most_calls: u32,
    /// The handles of calls that an instance may keep without dropping them; one that keeps more is not used again.
    pub most_handles: u32,
}

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Self {
            granted: BTreeSet::new(),
            instances: None,
            memory_bytes: 64 << 20,
            view: None,
            most_calls: 100_000,
            most_handles: 100_000,
        }
    }
}
