//! Keys and values of plugins.

use crate::store::{Failed, Operation, Store};
use bytes::Bytes;
use gatewright_plugin::services::{
    BoxFuture, KV_ENTRY_BYTES, Kv, MAX_KV_BYTES, MAX_KV_KEY_BYTES, MAX_KV_VALUE_BYTES, ServiceError,
};
use sqlx::SqliteConnection;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Semaphore;

/// The most bytes that an instance has waiting for the store, and what the smallest operation counts as.
const SHARE: usize = 6 << 20;
const LEAST: usize = 32 << 10;

/// How many rows one sweep takes out, so that others do not wait long.
const SWEPT_AT_ONCE: i64 = 500;

/// The most keys of one list, since others wait meanwhile.
const MOST_LISTED: usize = 10_000;

/// Takes out rows of a space that are over, so many at once. By the index of times, whatever the planner would do: an
/// instance whose space is full asks for it at each write, and to look at all its rows holds up everybody.
const TAKE_OUT: &str = "DELETE FROM kv WHERE id IN \
                        (SELECT id FROM kv INDEXED BY kv_expires_at WHERE space = ? AND expires_at <= ? LIMIT ?)";

/// How many empty pages a sweep gives back to the disk.
const PAGES_GIVEN_BACK: &str = "PRAGMA incremental_vacuum(256)";

/// The space of one plugin instance. Its name is that in the config, so a later start finds what an earlier one left.
#[derive(Clone, Debug)]
pub struct SqliteKv {
    store: Store,
    space: Arc<str>,
    /// What it may have waiting: the store does one thing after the other, and others wait behind it.
    share: Arc<Semaphore>,
}

/// A key in its space.
struct Place {
    space: Arc<str>,
    key: Vec<u8>,
}

struct Get(Place);

struct Set {
    place: Place,
    value: Bytes,
    expires: Option<i64>,
}

struct Delete(Place);

struct List {
    prefix: Place,
    limit: usize,
}

struct Increment {
    place: Place,
    by: i64,
}

struct CompareAndSet {
    place: Place,
    expected: Option<Bytes>,
    value: Bytes,
}

/// Takes out rows that are over, so many at once; answers whether there may be more.
pub(crate) async fn sweep(file: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let over = "DELETE FROM kv WHERE id IN (SELECT id FROM kv WHERE expires_at <= ? LIMIT ?)";
    let swept = sqlx::query(over).bind(now()).bind(SWEPT_AT_ONCE).execute(&mut *file).await?.rows_affected();
    if swept > 0 {
        sqlx::query(PAGES_GIVEN_BACK).execute(file).await?;
    }
    Ok(i64::try_from(swept).is_ok_and(|swept| swept == SWEPT_AT_ONCE))
}

// === impl SqliteKv ===

impl SqliteKv {
    pub(crate) fn new(store: Store, instance: &str) -> Self {
        Self { store, space: instance.into(), share: Arc::new(Semaphore::new(SHARE)) }
    }

    async fn ask<O: Operation>(&self, operation: O) -> Result<O::Answer, ServiceError> {
        let weight = u32::try_from(operation.weight().clamp(LEAST, SHARE)).unwrap_or(u32::MAX);
        // It is never closed.
        let _share = self.share.acquire_many(weight).await;
        self.store.ask(operation).await
    }

    fn place(&self, key: &str) -> Result<Place, ServiceError> {
        match key.len() {
            1..=MAX_KV_KEY_BYTES => Ok(Place { space: self.space.clone(), key: key.as_bytes().to_vec() }),
            _ => Err(ServiceError::Invalid(format!("a key has 1 to {MAX_KV_KEY_BYTES} bytes"))),
        }
    }
}

impl Kv for SqliteKv {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>, ServiceError>> {
        Box::pin(async move { self.ask(Get(self.place(key)?)).await })
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, ttl: Option<Duration>) -> BoxFuture<'a, Result<(), ServiceError>> {
        Box::pin(async move {
            let place = self.place(key)?;
            legal(&value)?;
            // The time begins now, not when it is this one's turn.
            self.ask(Set { place, value, expires: ttl.and_then(expiry) }).await
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool, ServiceError>> {
        Box::pin(async move { self.ask(Delete(self.place(key)?)).await })
    }

    fn list<'a>(&'a self, prefix: &'a str, limit: usize) -> BoxFuture<'a, Result<Vec<String>, ServiceError>> {
        Box::pin(async move {
            if prefix.len() > MAX_KV_KEY_BYTES || limit == 0 {
                return Ok(Vec::new());
            }
            let prefix = Place { space: self.space.clone(), key: prefix.as_bytes().to_vec() };
            self.ask(List { prefix, limit }).await
        })
    }

    fn increment<'a>(&'a self, key: &'a str, by: i64) -> BoxFuture<'a, Result<i64, ServiceError>> {
        Box::pin(async move { self.ask(Increment { place: self.place(key)?, by }).await })
    }

    fn compare_and_set<'a>(
        &'a self,
        key: &'a str,
        expected: Option<Bytes>,
        value: Bytes,
    ) -> BoxFuture<'a, Result<bool, ServiceError>> {
        Box::pin(async move {
            let place = self.place(key)?;
            if expected.as_ref().is_some_and(|expected| expected.len() > MAX_KV_VALUE_BYTES) {
                return Ok(false);
            }
            // Too large a value is refused only if it would have been set.
            let value = if value.len() > MAX_KV_VALUE_BYTES { value.slice(..=MAX_KV_VALUE_BYTES) } else { value };
            self.ask(CompareAndSet { place, expected, value }).await
        })
    }
}

// === impl Place ===

impl Place {
    /// The value and the time of an entry that is not over.
    async fn live(&self, file: &mut SqliteConnection) -> Result<Option<(Vec<u8>, Option<i64>)>, sqlx::Error> {
        let entry = "SELECT value, expires_at FROM kv \
                     WHERE space = (SELECT id FROM kv_spaces WHERE name = ?) AND key = ? \
                     AND (expires_at IS NULL OR expires_at > ?)";
        sqlx::query_as(entry).bind(&*self.space).bind(&*self.key).bind(now()).fetch_optional(file).await
    }

    /// The space, made if there is none, and the bytes that it takes.
    async fn space(&self, file: &mut SqliteConnection) -> Result<(i64, i64), sqlx::Error> {
        let there = "SELECT id, bytes FROM kv_spaces WHERE name = ?";
        if let Some(found) = sqlx::query_as(there).bind(&*self.space).fetch_optional(&mut *file).await? {
            return Ok(found);
        }
        let new = "INSERT INTO kv_spaces (name) VALUES (?) RETURNING id, bytes";
        sqlx::query_as(new).bind(&*self.space).fetch_one(file).await
    }

    /// Puts an entry in, if there is room; what is over makes room.
    async fn put(&self, file: &mut SqliteConnection, value: Bytes, expires: Option<i64>) -> Result<(), Failed> {
        legal(&value)?;
        let (space, mut bytes) = self.space(file).await?;
        let added = to_i64(self.key.len() + value.len() + KV_ENTRY_BYTES);
        let most = to_i64(MAX_KV_BYTES);
        if bytes + added > most {
            bytes -= self.replaced(file, space).await?;
        }
        while bytes + added > most {
            // No more than it needs: to take out all that is over may take long.
            let query = sqlx::query(TAKE_OUT).bind(space).bind(now()).bind(SWEPT_AT_ONCE);
            if query.execute(&mut *file).await?.rows_affected() == 0 {
                break;
            }
            bytes = self.space(file).await?.1 - self.replaced(file, space).await?;
        }
        if bytes + added > most {
            return Err(ServiceError::TooLarge(format!("a plugin keeps at most {MAX_KV_BYTES} bytes")).into());
        }
        let upsert = "INSERT INTO kv (space, key, expires_at, value) VALUES (?, ?, ?, ?) \
                      ON CONFLICT (space, key) DO UPDATE SET expires_at = excluded.expires_at, value = excluded.value";
        let query = sqlx::query(upsert).bind(space).bind(&*self.key).bind(expires).bind(Vec::from(value));
        query.execute(file).await?;
        Ok(())
    }

    /// The bytes of the entry that is there, over or not.
    async fn replaced(&self, file: &mut SqliteConnection, space: i64) -> Result<i64, sqlx::Error> {
        let length = "SELECT length(value) FROM kv WHERE space = ? AND key = ?";
        let length: Option<i64> = sqlx::query_scalar(length).bind(space).bind(&*self.key).fetch_optional(file).await?;
        Ok(length.map_or(0, |length| length + to_i64(self.key.len() + KV_ENTRY_BYTES)))
    }
}

// === impl Operation ===

impl Operation for Get {
    type Answer = Option<Bytes>;

    const WRITES: bool = false;

    fn weight(&self) -> usize {
        self.0.key.len()
    }

    async fn run(self, file: &mut SqliteConnection) -> Result<Self::Answer, Failed> {
        Ok(self.0.live(file).await?.map(|(value, _)| value.into()))
    }
}

impl Operation for Set {
    type Answer = ();

    const WRITES: bool = true;

    fn weight(&self) -> usize {
        self.place.key.len() + self.value.len()
    }

    async fn run(self, file: &mut SqliteConnection) -> Result<(), Failed> {
        self.place.put(file, self.value, self.expires).await
    }
}

impl Operation for Delete {
    type Answer = bool;

    const WRITES: bool = true;

    fn weight(&self) -> usize {
        self.0.key.len()
    }

    async fn run(self, file: &mut SqliteConnection) -> Result<bool, Failed> {
        let delete = "DELETE FROM kv WHERE space = (SELECT id FROM kv_spaces WHERE name = ?) AND key = ? \
                      RETURNING expires_at IS NULL OR expires_at > ?";
        let query = sqlx::query_scalar(delete).bind(&*self.0.space).bind(&*self.0.key).bind(now());
        Ok(query.fetch_optional(file).await?.unwrap_or(false))
    }
}

impl Operation for List {
    type Answer = Vec<String>;

    const WRITES: bool = false;

    fn weight(&self) -> usize {
        self.prefix.key.len()
    }

    async fn run(self, file: &mut SqliteConnection) -> Result<Vec<String>, Failed> {
        let from = "SELECT key FROM kv WHERE space = (SELECT id FROM kv_spaces WHERE name = ?1) AND key >= ?2 \
                    AND (expires_at IS NULL OR expires_at > ?3) ORDER BY key LIMIT ?4";
        let between = "SELECT key FROM kv WHERE space = (SELECT id FROM kv_spaces WHERE name = ?1) AND key >= ?2 \
                       AND key < ?5 AND (expires_at IS NULL OR expires_at > ?3) ORDER BY key LIMIT ?4";
        let beyond = beyond(&self.prefix.key);
        let query = sqlx::query_scalar::<_, Vec<u8>>(if beyond.is_some() { between } else { from })
            .bind(&*self.prefix.space)
            .bind(&*self.prefix.key)
            .bind(now())
            .bind(to_i64(self.limit.min(MOST_LISTED)));
        let query = match beyond {
            Some(beyond) => query.bind(beyond),
            None => query,
        };
        // Only a hand in the file could have made a key that is no text.
        Ok(query.fetch_all(file).await?.into_iter().filter_map(|key| String::from_utf8(key).ok()).collect())
    }
}

impl Operation for Increment {
    type Answer = i64;

    const WRITES: bool = true;

    fn weight(&self) -> usize {
        self.place.key.len()
    }

    async fn run(self, file: &mut SqliteConnection) -> Result<i64, Failed> {
        let (old, expires) = match self.place.live(file).await? {
            None => (0, None),
            Some((value, expires)) => (number(&value)?, expires),
        };
        let sum = old.checked_add(self.by).ok_or_else(|| ServiceError::Invalid("the sum overflows".to_owned()))?;
        self.place.put(file, Bytes::from(sum.to_string()), expires).await?;
        Ok(sum)
    }
}

impl Operation for CompareAndSet {
    type Answer = bool;

    const WRITES: bool = true;

    fn weight(&self) -> usize {
        self.place.key.len() + self.value.len() + self.expected.as_ref().map_or(0, Bytes::len)
    }

    async fn run(self, file: &mut SqliteConnection) -> Result<bool, Failed> {
        let there = self.place.live(file).await?;
        if there.as_ref().map(|(value, _)| &**value) != self.expected.as_deref() {
            return Ok(false);
        }
        self.place.put(file, self.value, None).await?;
        Ok(true)
    }
}

fn legal(value: &Bytes) -> Result<(), ServiceError> {
    match value.len() {
        0..=MAX_KV_VALUE_BYTES => Ok(()),
        _ => Err(ServiceError::TooLarge(format!("a value has at most {MAX_KV_VALUE_BYTES} bytes"))),
    }
}

fn number(value: &[u8]) -> Result<i64, ServiceError> {
    let number = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| ServiceError::Invalid("the value is not a whole number".to_owned()))
}

/// The first key that does not begin with this prefix and comes after those that do.
fn beyond(prefix: &[u8]) -> Option<Vec<u8>> {
    let (last, before) = prefix.split_last()?;
    match last.checked_add(1) {
        Some(next) => Some([before, &[next]].concat()),
        None => beyond(before),
    }
}

/// Unix time in milliseconds.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// When a time from now is over; a time beyond all clocks is for ever.
fn expiry(ttl: Duration) -> Option<i64> {
    let millis = i64::try_from(ttl.as_nanos().div_ceil(1_000_000)).ok()?;
    now().checked_add(millis)
}

fn to_i64(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
