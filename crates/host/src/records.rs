//! Rows that go to the log, one line each.

use gatewright_plugin::services::{Record, Records, ServiceError};
use std::sync::Arc;

/// The largest row: what a value in a line of the log may have, which cuts what is longer.
const MAX_ROW_BYTES: usize = 16 << 10;

/// The longest name of a table.
const MAX_TABLE_BYTES: usize = 256;

/// Writes a plugin's rows as log lines.
#[derive(Clone, Debug)]
pub struct LoggedRecords {
    plugin: Arc<str>,
}

// === impl LoggedRecords ===

impl LoggedRecords {
    /// Of the plugin of this name.
    pub fn new(plugin: &str) -> Self {
        Self { plugin: plugin.into() }
    }
}

impl Records for LoggedRecords {
    fn append(&self, record: Record) -> Result<(), ServiceError> {
        if record.table.len() > MAX_TABLE_BYTES {
            return Err(ServiceError::TooLarge(format!("a table's name has at most {MAX_TABLE_BYTES} bytes")));
        }
        let row = serde_json::Value::Object(record.row).to_string();
        if row.len() > MAX_ROW_BYTES {
            return Err(ServiceError::TooLarge(format!("a row has at most {MAX_ROW_BYTES} bytes")));
        }
        tracing::info!(target: "gatewright::records", plugin = %self.plugin, table = %record.table, %row, "record");
        Ok(())
    }
}

#[cfg(test)]
mod tests;
