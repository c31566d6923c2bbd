//! Keys and values, in memory.

use super::{Denied, lock};
use bytes::Bytes;
use gatewright_plugin::Permission;
use gatewright_plugin::services::{BoxFuture, Kv, MAX_KV_KEY_BYTES, MAX_KV_VALUE_BYTES, ServiceError};
use std::collections::BTreeMap;
use std::future::ready;
use std::sync::Mutex;
use std::time::Duration;

/// Keeps values in memory, with the limits of the real one. Time stands still until [`MockKv::advance`].
#[derive(Debug, Default)]
pub struct MockKv {
    denied: Denied,
    store: Mutex<Store>,
}

#[derive(Debug, Default)]
struct Store {
    now: Duration,
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    value: Bytes,
    expires: Option<Duration>,
}

// === impl MockKv ===

impl MockKv {
    pub(crate) fn new(denied: Denied) -> Self {
        Self { denied, store: Mutex::default() }
    }

    /// Lets time pass, so that keys which were set for a time expire.
    pub fn advance(&self, by: Duration) {
        let mut store = lock(&self.store);
        store.now += by;
        let now = store.now;
        store.entries.retain(|_, entry| entry.expires.is_none_or(|expires| expires > now));
    }

    /// Keys and values so far, by key.
    pub fn entries(&self) -> BTreeMap<String, Bytes> {
        lock(&self.store).entries.iter().map(|(key, entry)| (key.clone(), entry.value.clone())).collect()
    }

    /// Does it at once; the trait's futures are ready when they are made.
    fn with<'a, T: Send + 'a>(
        &self,
        key: &str,
        act: impl FnOnce(&mut Store) -> Result<T, ServiceError>,
    ) -> BoxFuture<'a, Result<T, ServiceError>> {
        let checked = self.denied.check(Permission::Kv, key).and_then(|()| match key.len() {
            ..=MAX_KV_KEY_BYTES => Ok(()),
            length => Err(ServiceError::TooLarge(format!("a key of {length} bytes; at most {MAX_KV_KEY_BYTES}"))),
        });
        Box::pin(ready(checked.and_then(|()| act(&mut lock(&self.store)))))
    }
}

impl Kv for MockKv {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>, ServiceError>> {
        self.with(key, |store| Ok(store.get(key)))
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, ttl: Option<Duration>) -> BoxFuture<'a, Result<(), ServiceError>> {
        self.with(key, |store| store.put(key, value, ttl))
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool, ServiceError>> {
        self.with(key, |store| Ok(store.entries.remove(key).is_some()))
    }

    fn list<'a>(&'a self, prefix: &'a str, limit: usize) -> BoxFuture<'a, Result<Vec<String>, ServiceError>> {
        self.with(prefix, |store| {
            Ok(store.entries.keys().filter(|key| key.starts_with(prefix)).take(limit).cloned().collect())
        })
    }

    fn increment<'a>(&'a self, key: &'a str, by: i64) -> BoxFuture<'a, Result<i64, ServiceError>> {
        self.with(key, |store| {
            let old = match store.get(key) {
                Some(value) => std::str::from_utf8(&value)
                    .ok()
                    .and_then(|text| text.parse::<i64>().ok())
                    .ok_or_else(|| ServiceError::Invalid(format!("`{key}` holds no whole number")))?,
                None => 0,
            };
            let sum = old.checked_add(by).ok_or_else(|| ServiceError::Invalid(format!("`{key}` would overflow")))?;
            let ttl = store.ttl(key);
            store.put(key, Bytes::from(sum.to_string()), ttl)?;
            Ok(sum)
        })
    }

    fn compare_and_set<'a>(
        &'a self,
        key: &'a str,
        expected: Option<Bytes>,
        value: Bytes,
    ) -> BoxFuture<'a, Result<bool, ServiceError>> {
        self.with(key, |store| {
            let same = store.get(key) == expected;
            if same {
                let ttl = store.ttl(key);
                store.put(key, value, ttl)?;
            }
            Ok(same)
        })
    }
}

// === impl Store ===

impl Store {
    fn get(&self, key: &str) -> Option<Bytes> {
        self.entries.get(key).map(|entry| entry.value.clone())
    }

    /// What is left of a key's time.
    fn ttl(&self, key: &str) -> Option<Duration> {
        Some(self.entries.get(key)?.expires?.saturating_sub(self.now))
    }

    fn put(&mut self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<(), ServiceError> {
        if value.len() > MAX_KV_VALUE_BYTES {
            let length = value.len();
            return Err(ServiceError::TooLarge(format!("a value of {length} bytes; at most {MAX_KV_VALUE_BYTES}")));
        }
        let expires = ttl.map(|ttl| self.now + ttl);
        self.entries.insert(key.to_owned(), Entry { value, expires });
        Ok(())
    }
}
