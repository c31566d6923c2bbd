//! Rows for logs.

use super::ServiceError;

/// One row.
#[derive(Clone, Debug)]
pub struct Record {
    /// The table, in a space of the plugin's own.
    pub table: String,
    /// The columns.
    pub row: serde_json::Map<String, serde_json::Value>,
}

/// Takes rows; permission `records`. They are written in batches, behind the request. Never waits: when the queue is
/// full the row is refused and counted.
pub trait Records: Send + Sync {
    /// Takes one.
    fn append(&self, record: Record) -> Result<(), ServiceError>;
}
