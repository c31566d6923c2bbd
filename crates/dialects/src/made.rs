//! What an answer must have and nobody gave it.

use std::time::{SystemTime, UNIX_EPOCH};

/// `id`, or a new one with `prefix` if it is empty.
pub(crate) fn id(id: &str, prefix: &str) -> String {
    match id {
        "" => format!("{prefix}{}", uuid::Uuid::now_v7().simple()),
        _ => id.to_owned(),
    }
}

/// Unix time in seconds.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
