//! What the test plugins of a case did, in order, and the gates that they wait at.

use crate::case::CaseFailure;
use crate::plugins::{CALLS, GATE};
use bytes::Bytes;
use gatewright_plugin::services::{BoxFuture, Kv, Record, Records, ServiceError, ServiceSet, Services};
use gatewright_testkit::services::MockServices;
use serde_json::{Map, Value as Json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// The longest that a case waits for something that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Keeps what is recorded, over all instances. Copies share one book.
#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<Book>);

#[derive(Default)]
struct Book {
    calls: Mutex<Vec<Call>>,
    open: Mutex<BTreeSet<String>>,
    /// The gates that calls came to.
    reached: Mutex<Vec<String>>,
    /// Calls that waited at a gate and were given up.
    given_up: Mutex<Vec<String>>,
    changed: Notify,
}

/// One call of a test plugin.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    /// The instance.
    pub(crate) plugin: String,
    /// What it recorded: `hook`, `phase`, `request`, `saw`, `state`, `scratch`, facts.
    pub(crate) row: Arc<Map<String, Json>>,
}

/// The services of one instance.
struct Pen {
    plugin: String,
    journal: Journal,
}

// === impl Journal ===

impl Journal {
    /// The services of an instance.
    pub(crate) fn services(&self, plugin: &str) -> Services {
        let pen = Arc::new(Pen { plugin: plugin.to_owned(), journal: self.clone() });
        let mocks = MockServices::default();
        Services::from(ServiceSet {
            log: mocks.log.clone(),
            metrics: mocks.metrics.clone(),
            records: pen.clone(),
            kv: pen,
            http: mocks.http.clone(),
            llm: mocks.llm.clone(),
        })
    }

    /// All calls so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        lock(&self.0.calls).clone()
    }

    /// The calls of an instance's hook.
    pub(crate) fn calls_of(&self, plugin: &str, hook: &str) -> Vec<Call> {
        let mut calls = self.calls();
        calls.retain(|call| call.plugin == plugin && call.hook() == hook);
        calls
    }

    /// All calls so far as `plugin.hook`, or `plugin.hook:phase` where the hook has phases.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.calls().iter().map(Call::line).collect()
    }

    /// The lines of one request.
    pub(crate) fn lines_of(&self, request: &str) -> Vec<String> {
        self.calls().iter().filter(|call| call.text("request") == request).map(Call::line).collect()
    }

    /// Forgets the calls of an instance's hook.
    pub(crate) fn forget(&self, plugin: &str, hook: &str) {
        lock(&self.0.calls).retain(|call| call.plugin != plugin || call.hook() != hook);
    }

    /// Forgets all calls so far.
    pub(crate) fn clear(&self) {
        lock(&self.0.calls).clear();
    }

    /// Waits until this line was written.
    pub(crate) async fn until(&self, line: &str) -> Result<(), CaseFailure> {
        self.wait(line, || self.lines().iter().any(|written| written == line)).await
    }

    /// Waits until a call came to this gate.
    pub(crate) async fn until_reached(&self, gate: &str) -> Result<(), CaseFailure> {
        self.wait(gate, || lock(&self.0.reached).iter().any(|reached| reached == gate)).await
    }

    /// Waits until a call that waited at this gate was given up.
    pub(crate) async fn until_given_up(&self, gate: &str) -> Result<(), CaseFailure> {
        self.wait(gate, || lock(&self.0.given_up).iter().any(|given_up| given_up == gate)).await
    }

    async fn wait(&self, what: &str, happened: impl Fn() -> bool) -> Result<(), CaseFailure> {
        let waiting = async {
            loop {
                let changed = self.0.changed.notified();
                if happened() {
                    return;
                }
                changed.await;
            }
        };
        let late = |_| CaseFailure::new(format!("waited for `{what}`, and saw {:?}", self.lines()));
        tokio::time::timeout(PATIENCE, waiting).await.map_err(late)
    }

    /// Lets go all who wait at this gate, now and later.
    pub(crate) fn open(&self, gate: &str) {
        lock(&self.0.open).insert(gate.to_owned());
        self.0.changed.notify_waiters();
    }

    async fn pass(&self, gate: &str) {
        /// Counts a wait that is dropped.
        struct Waiting<'a>(&'a Journal, &'a str, bool);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                if !self.2 {
                    lock(&self.0.0.given_up).push(self.1.to_owned());
                    self.0.0.changed.notify_waiters();
                }
            }
        }
        let mut waiting = Waiting(self, gate, false);
        lock(&self.0.reached).push(gate.to_owned());
        self.0.changed.notify_waiters();
        loop {
            let changed = self.0.changed.notified();
            if lock(&self.0.open).contains(gate) {
                waiting.2 = true;
                return;
            }
            changed.await;
        }
    }
}

/// A case that failed while it held the lock must not hide behind a poisoned one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Call ===

impl Call {
    /// The hook.
    pub(crate) fn hook(&self) -> &str {
        self.text("hook")
    }

    /// A member of the row that is a text; empty if it is none.
    pub(crate) fn text(&self, member: &str) -> &str {
        self.row.get(member).and_then(Json::as_str).unwrap_or_default()
    }

    /// A member of the row.
    pub(crate) fn get(&self, member: &str) -> &Json {
        self.row.get(member).unwrap_or(&Json::Null)
    }

    /// What the hook was given.
    pub(crate) fn saw(&self) -> &Json {
        self.get("saw")
    }

    fn line(&self) -> String {
        match self.text("phase") {
            "" => format!("{}.{}", self.plugin, self.hook()),
            phase => format!("{}.{}:{phase}", self.plugin, self.hook()),
        }
    }
}

// === impl Pen ===

impl Records for Pen {
    fn append(&self, record: Record) -> Result<(), ServiceError> {
        if record.table == CALLS {
            let call = Call { plugin: self.plugin.clone(), row: Arc::new(record.row) };
            lock(&self.journal.0.calls).push(call);
            self.journal.0.changed.notify_waiters();
        }
        Ok(())
    }
}

impl Kv for Pen {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>, ServiceError>> {
        Box::pin(async move {
            if let Some(gate) = key.strip_prefix(GATE) {
                self.journal.pass(gate).await;
            }
            Ok(None)
        })
    }

    fn set<'a>(&'a self, _: &'a str, _: Bytes, _: Option<Duration>) -> BoxFuture<'a, Result<(), ServiceError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn delete<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<bool, ServiceError>> {
        Box::pin(std::future::ready(Ok(false)))
    }

    fn list<'a>(&'a self, _: &'a str, _: usize) -> BoxFuture<'a, Result<Vec<String>, ServiceError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn increment<'a>(&'a self, _: &'a str, by: i64) -> BoxFuture<'a, Result<i64, ServiceError>> {
        Box::pin(std::future::ready(Ok(by)))
    }

    fn compare_and_set<'a>(
        &'a self,
        _: &'a str,
        _: Option<Bytes>,
        _: Bytes,
    ) -> BoxFuture<'a, Result<bool, ServiceError>> {
        Box::pin(std::future::ready(Ok(false)))
    }
}
