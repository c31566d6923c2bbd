//! The listener and its limits.

use crate::{Millis, Seconds};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The listener and its limits. A change of `host`, `port` and `workers` waits for a restart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// The address to listen on: an IP address or a host name. One beyond loopback needs `auth.keys`, a plugin that
    /// authenticates, or `auth.allow_anonymous`.
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// The largest body of a request, in bytes; above it the answer is 413.
    #[schemars(range(min = 1024, max = 1_073_741_824))]
    pub max_body_bytes: u64,
    /// The bodies of all requests in flight together, in bytes; above it the answer is 503. Not below
    /// `max_body_bytes`.
    #[schemars(range(min = 1024, max = 1_099_511_627_776_u64))]
    pub max_inflight_body_bytes: u64,
    /// The longest time of a request, its attempts, fallbacks and stream included; after it the answer is 504.
    #[schemars(extend("minimum" = 0.001, "maximum" = 86400))]
    pub request_timeout_seconds: Seconds,
    /// Requests in flight at the same time; above it the answer is 503.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_concurrent_requests: u32,
    /// How long requests in flight may take after SIGTERM; 0 cuts them at once.
    #[schemars(extend("maximum" = 3600))]
    pub drain_timeout_seconds: Seconds,
    /// The longest time for a client to send the head of a request.
    #[schemars(range(min = 100, max = 300_000))]
    pub header_timeout_ms: Millis,
    /// The largest head of a request, in bytes; above it the answer is 431.
    #[schemars(range(min = 8192, max = 1_048_576))]
    pub max_header_bytes: u32,
    /// What a plugin's `stream_mode` may hold back of one stream, in bytes. Above it the plugin's failure mode
    /// decides.
    #[schemars(range(min = 65_536, max = 1_073_741_824))]
    pub stream_buffer_bytes: u64,
    /// Threads that serve requests. Unset: one for each CPU that the process may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub workers: Option<u32>,
}

// === impl Server ===

impl Default for Server {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            host: "127.0.0.1".to_owned(),
            port: 8080,
            max_body_bytes: 32 * MIB,
            max_inflight_body_bytes: 512 * MIB,
            request_timeout_seconds: Seconds::new(600),
            max_concurrent_requests: 10_000,
            drain_timeout_seconds: Seconds::new(30),
            header_timeout_ms: Millis::new(10_000),
            max_header_bytes: 64 * 1024,
            stream_buffer_bytes: 32 * MIB,
            workers: None,
        }
    }
}

impl Server {
    /// Whether only this machine can reach it.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }
}

/// Whether a host is this machine's loopback.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}
