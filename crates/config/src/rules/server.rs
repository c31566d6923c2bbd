//! Rules of `server`.

use crate::Server;
use crate::problem::{Findings, Path, shortened};
use std::net::IpAddr;

pub(super) fn check(server: &Server, path: &Path, findings: &mut Findings) {
    let host = &server.host;
    let label = |label: &str| {
        !label.is_empty() && label.len() <= 63 && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if host.parse::<IpAddr>().is_err() && !host.split('.').all(label) {
        let message =
            format!("`{}` is neither an IP address nor a host name; the port has a key of its own", shortened(host));
        findings.error(&path.key("host"), message);
    }
    if server.max_inflight_body_bytes < server.max_body_bytes {
        let message = format!(
            "must not be below max_body_bytes ({}), is {}",
            server.max_body_bytes, server.max_inflight_body_bytes
        );
        findings.error(&path.key("max_inflight_body_bytes"), message);
    }
}
