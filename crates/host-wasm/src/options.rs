//! How a component is run.

use gatewright_abi::View;
use gatewright_plugin::Permission;
use std::collections::BTreeSet;
use std::time::Duration;

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

/// The longest time of a call that is made in place.
pub const MOST_IN_PLACE: Duration = Duration::from_millis(2);

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
    /// The time of its calls, where that is less than each hook has by itself. With at most [`MOST_IN_PLACE`], calls are
    /// made in place: nobody else has the thread until they end or are ended. A component that may wait for the host, and
    /// one whose calls share an instance, is not called so.
    pub timeout: Option<Duration>,
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
            timeout: None,
            most_calls: 100_000,
            most_handles: 100_000,
        }
    }
}
