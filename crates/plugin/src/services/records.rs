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
    /// Takes one, and says whether it was taken: each row crosses to the host by itself.
    fn append(&self, record: Record) -> Result<(), ServiceError>;

    /// Takes several, which cross together. A row that is refused keeps no other out; the error is that of the first.
    fn append_all(&self, records: Vec<Record>) -> Result<(), ServiceError> {
        let mut told = Ok(());
        for record in records {
            told = told.and(self.append(record));
        }
        told
    }
}
