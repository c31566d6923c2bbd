//! Rows, kept.

use super::{Denied, lock};
use gatewright_plugin::Permission;
use gatewright_plugin::services::{Record, Records, ServiceError};
use std::sync::Mutex;

/// Keeps the rows that are given to it.
#[derive(Debug, Default)]
pub struct MockRecords {
    denied: Denied,
    rows: Mutex<Vec<Record>>,
}

// === impl MockRecords ===

impl MockRecords {
    pub(crate) fn new(denied: Denied) -> Self {
        Self { denied, rows: Mutex::default() }
    }

    /// The rows so far.
    pub fn rows(&self) -> Vec<Record> {
        lock(&self.rows).clone()
    }
}

impl Records for MockRecords {
    fn append(&self, record: Record) -> Result<(), ServiceError> {
        self.denied.check(Permission::Records, &record.table)?;
        lock(&self.rows).push(record);
        Ok(())
    }
}
