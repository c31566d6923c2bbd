//! How the gateway speaks with plugins that are processes: `proto/gatewright/plugin/v1/plugin.proto`, as Rust.
//!
//! The code is generated, and committed, so that building needs neither `protoc` nor the time that a generator takes; a
//! test says when it is out of date, and how to write it anew.
//!
//! Beside it is what both sides need: of a session a bounded [queue](queue()) of frames, which leave as few messages; of
//! single calls the bodies of a [single] message; and [room](Room) for what is large.

mod queue;
mod room;
pub mod single;

#[expect(missing_docs, reason = "generated")]
#[rustfmt::skip]
pub mod v1;

pub use queue::{Batches, Full, Outbox, Packs, queue};
pub use room::{Room, Taken};

/// Holds what the plugin is to give back in its introduction.
pub const COOKIE: &str = "GATEWRIGHT_PLUGIN_COOKIE";

/// Holds the path at which the plugin listens.
pub const SOCKET: &str = "GATEWRIGHT_PLUGIN_SOCKET";

/// Holds the path at which the gateway serves [`v1::host_server::Host`].
pub const HOST_SOCKET: &str = "GATEWRIGHT_HOST_SOCKET";

/// Holds the token for it.
pub const HOST_TOKEN: &str = "GATEWRIGHT_HOST_TOKEN";

/// The name of the health service's service.
pub const HEALTH: &str = "plugin";

/// The most bytes of one thing that is said to a plugin: a head with its parts, a part, a result.
pub const MAX_TO_PLUGIN_BYTES: usize = 64 << 20;

/// The most bytes of one thing that a plugin says.
pub const MAX_FROM_PLUGIN_BYTES: usize = 33 << 20;

/// The most bytes of a message: one thing, and what shares the message with it.
pub const fn message_limit(bytes: usize) -> usize {
    bytes + queue::PACK_BYTES + (64 << 10)
}
