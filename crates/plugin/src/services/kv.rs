//! Keys and values, in a space of the plugin's own.

use super::{BoxFuture, ServiceError};
use bytes::Bytes;
use std::time::Duration;

/// Longest key.
pub const MAX_KV_KEY_BYTES: usize = 255;

/// Largest value.
pub const MAX_KV_VALUE_BYTES: usize = 5 << 20;

/// The most that one plugin may keep: 64 MiB. Keys and values count, and [`KV_ENTRY_BYTES`] for each.
pub const MAX_KV_BYTES: usize = 64 << 20;

/// What an entry counts beside its key and its value.
pub const KV_ENTRY_BYTES: usize = 64;

/// Keys of at most 255 bytes, values of at most 5 MiB; permission `kv`. Usable in every hook, `on_startup` and
/// `on_shutdown` included.
pub trait Kv: Send + Sync {
    /// The value of a key.
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>, ServiceError>>;

    /// Sets a key, for ever or for a time.
    fn set<'a>(&'a self, key: &'a str, value: Bytes, ttl: Option<Duration>) -> BoxFuture<'a, Result<(), ServiceError>>;

    /// Takes a key out; answers whether it was there.
    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool, ServiceError>>;

    /// Keys with this prefix, in order, at most `limit`.
    fn list<'a>(&'a self, prefix: &'a str, limit: usize) -> BoxFuture<'a, Result<Vec<String>, ServiceError>>;

    /// Adds to a whole number (absent counts as 0) and answers the sum.
    fn increment<'a>(&'a self, key: &'a str, by: i64) -> BoxFuture<'a, Result<i64, ServiceError>>;

    /// Sets a key if its value is `expected` (`None`: if it is absent); answers whether it did.
    fn compare_and_set<'a>(
        &'a self,
        key: &'a str,
        expected: Option<Bytes>,
        value: Bytes,
    ) -> BoxFuture<'a, Result<bool, ServiceError>>;
}
