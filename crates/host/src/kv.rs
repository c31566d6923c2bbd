//! Keys and values in memory: they last as long as the process.

use bytes::Bytes;
use gatewright_plugin::services::{
    BoxFuture, KV_ENTRY_BYTES, Kv, MAX_KV_BYTES, MAX_KV_KEY_BYTES, MAX_KV_VALUE_BYTES, ServiceError,
};
use std::collections::BTreeMap;
use std::future::ready;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A plugin's own space, in memory.
#[derive(Debug, Default)]
pub struct MemoryKv(Mutex<Space>);

#[derive(Debug, Default)]
struct Space {
    entries: BTreeMap<String, Entry>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    value: Bytes,
    expires: Option<Instant>,
}

// === impl MemoryKv ===

impl MemoryKv {
    fn space(&self) -> MutexGuard<'_, Space> {
        // No code of ours panics while it holds the lock, and a half-done write is one entry at most.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kv for MemoryKv {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>, ServiceError>> {
        Box::pin(ready(legal(key).map(|()| self.space().get(key))))
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, ttl: Option<Duration>) -> BoxFuture<'a, Result<(), ServiceError>> {
        Box::pin(ready(legal(key).and_then(|()| self.space().set(key, value, ttl))))
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool, ServiceError>> {
        Box::pin(ready(legal(key).map(|()| {
            let mut space = self.space();
            let there = space.get(key).is_some();
            space.remove(key);
            there
        })))
    }

    fn list<'a>(&'a self, prefix: &'a str, limit: usize) -> BoxFuture<'a, Result<Vec<String>, ServiceError>> {
        let (space, now) = (self.space(), Instant::now());
        let keys = space.entries.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
        let live = keys.filter(|(_, entry)| entry.is_live(now)).map(|(key, _)| key.clone());
        let listed = live.take(limit).collect();
        drop(space);
        Box::pin(ready(Ok(listed)))
    }

    fn increment<'a>(&'a self, key: &'a str, by: i64) -> BoxFuture<'a, Result<i64, ServiceError>> {
        let add = || {
            let mut space = self.space();
            let old = match space.get(key) {
                None => 0,
                Some(value) => std::str::from_utf8(&value)
                    .ok()
                    .and_then(|text| text.parse::<i64>().ok())
                    .ok_or_else(|| ServiceError::Invalid("the value is not a whole number".to_owned()))?,
            };
            let sum = old.checked_add(by).ok_or_else(|| ServiceError::Invalid("the sum overflows".to_owned()))?;
            let ttl = space
                .entries
                .get(key)
                .filter(|entry| entry.is_live(Instant::now()))
                .and_then(|entry| entry.expires)
                .map(|at| at.saturating_duration_since(Instant::now()));
            space.set(key, Bytes::from(sum.to_string()), ttl)?;
            Ok(sum)
        };
        Box::pin(ready(legal(key).and_then(|()| add())))
    }

    fn compare_and_set<'a>(
        &'a self,
        key: &'a str,
        expected: Option<Bytes>,
        value: Bytes,
    ) -> BoxFuture<'a, Result<bool, ServiceError>> {
        let swap = || {
            let mut space = self.space();
            if space.get(key) != expected {
                return Ok(false);
            }
            space.set(key, value, None).map(|()| true)
        };
        Box::pin(ready(legal(key).and_then(|()| swap())))
    }
}

// === impl Space ===

impl Space {
    fn get(&self, key: &str) -> Option<Bytes> {
        let entry = self.entries.get(key)?;
        entry.is_live(Instant::now()).then(|| entry.value.clone())
    }

    fn set(&mut self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<(), ServiceError> {
        if value.len() > MAX_KV_VALUE_BYTES {
            return Err(ServiceError::TooLarge(format!("a value has at most {MAX_KV_VALUE_BYTES} bytes")));
        }
        let added = weight(key, &value);
        if self.bytes_without(key) + added > MAX_KV_BYTES {
            let now = Instant::now();
            self.entries.retain(|_, entry| entry.is_live(now));
            self.bytes = self.entries.iter().map(|(key, entry)| weight(key, &entry.value)).sum();
        }
        if self.bytes_without(key) + added > MAX_KV_BYTES {
            return Err(ServiceError::TooLarge(format!("a plugin keeps at most {MAX_KV_BYTES} bytes")));
        }
        self.remove(key);
        self.bytes += added;
        // A time beyond all clocks is for ever.
        let expires = ttl.and_then(|ttl| Instant::now().checked_add(ttl));
        self.entries.insert(key.to_owned(), Entry { value, expires });
        Ok(())
    }

    /// What is kept but for this key.
    fn bytes_without(&self, key: &str) -> usize {
        self.bytes - self.entries.get(key).map_or(0, |old| weight(key, &old.value))
    }

    fn remove(&mut self, key: &str) {
        if let Some(old) = self.entries.remove(key) {
            self.bytes -= weight(key, &old.value);
        }
    }
}

// === impl Entry ===

impl Entry {
    fn is_live(&self, now: Instant) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// What an entry takes of what a plugin may keep.
fn weight(key: &str, value: &Bytes) -> usize {
    key.len() + value.len() + KV_ENTRY_BYTES
}

fn legal(key: &str) -> Result<(), ServiceError> {
    match key.len() {
        1..=MAX_KV_KEY_BYTES => Ok(()),
        _ => Err(ServiceError::Invalid(format!("a key has 1 to {MAX_KV_KEY_BYTES} bytes"))),
    }
}

#[cfg(test)]
mod tests;
