//! Services that record what they are asked, and answer what the test told them to.

mod http;
mod kv;
mod llm;
mod log;
mod metrics;
mod records;

pub use self::http::MockHttp;
pub use kv::MockKv;
pub use llm::MockLlm;
pub use log::{LogLine, MockLog};
pub use metrics::{MockMetrics, RecordedSample};
pub use records::MockRecords;

use gatewright_plugin::Permission;
use gatewright_plugin::services::{ServiceError, ServiceSet, Services};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One of each. All permissions are granted but those that [`MockServices::deny`] names.
#[derive(Clone, Debug, Default)]
pub struct MockServices {
    /// Keeps lines.
    pub log: Arc<MockLog>,
    /// Keeps samples.
    pub metrics: Arc<MockMetrics>,
    /// Keeps rows.
    pub records: Arc<MockRecords>,
    /// Keeps values in memory.
    pub kv: Arc<MockKv>,
    /// Keeps requests and gives scripted replies.
    pub http: Arc<MockHttp>,
    /// Keeps requests and gives scripted replies.
    pub llm: Arc<MockLlm>,
    denied: Denied,
}

/// The permissions that are not granted, shared by all services.
#[derive(Clone, Debug, Default)]
pub(crate) struct Denied(Arc<Mutex<BTreeSet<Permission>>>);

// === impl MockServices ===

impl MockServices {
    /// Services of which these permissions are refused, as an operator does by not granting them.
    pub fn deny(permissions: impl IntoIterator<Item = Permission>) -> Self {
        let denied = Denied(Arc::new(Mutex::new(permissions.into_iter().collect())));
        Self {
            log: Arc::default(),
            metrics: Arc::new(MockMetrics::new(denied.clone())),
            records: Arc::new(MockRecords::new(denied.clone())),
            kv: Arc::new(MockKv::new(denied.clone())),
            http: Arc::new(MockHttp::new(denied.clone())),
            llm: Arc::new(MockLlm::new(denied.clone())),
            denied,
        }
    }

    /// The same services, as a context takes them.
    pub fn services(&self) -> Services {
        Services::from(ServiceSet {
            log: self.log.clone(),
            metrics: self.metrics.clone(),
            records: self.records.clone(),
            kv: self.kv.clone(),
            http: self.http.clone(),
            llm: self.llm.clone(),
        })
    }

    /// Whether a permission is granted.
    pub fn grants(&self, permission: Permission) -> bool {
        self.denied.check(permission, "").is_ok()
    }
}

// === impl Denied ===

impl Denied {
    pub(crate) fn check(&self, permission: Permission, what: &str) -> Result<(), ServiceError> {
        match lock(&self.0).contains(&permission) {
            true => Err(ServiceError::Denied { permission, granted: false, what: what.to_owned() }),
            false => Ok(()),
        }
    }
}

/// A test that failed while it held the lock must not hide behind a poisoned one.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
