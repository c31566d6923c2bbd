//! Why the file cannot be used.

use gatewright_plugin::services::ServiceError;
use sqlx::migrate::MigrateError;
use std::path::{Path, PathBuf};

/// The file cannot be opened. Says which, why, and what helps.
#[derive(Debug, thiserror::Error)]
#[error("the store {} cannot be opened: {cause}", .file.display())]
pub struct StoreError {
    file: PathBuf,
    cause: Cause,
}

/// What is wrong. Does not name the file: plugins get to see it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Cause {
    #[error("it is damaged, or no SQLite database ({0}); put a backup in its place, or move it away to begin anew")]
    Damaged(String),
    #[error("another process holds it locked ({0})")]
    Locked(String),
    #[error("the disk is full ({0})")]
    Full(String),
    #[error("{0}; the folder must be there, and the gateway must be able to write in it")]
    Access(String),
    #[error("it is of a newer gateway, which made migration {0} that this one does not know")]
    Newer(i64),
    #[error("{0}")]
    Other(String),
    #[error("the store is closed, since the gateway stops")]
    Closed,
}

// === impl StoreError ===

impl StoreError {
    pub(crate) fn new(file: &Path, cause: Cause) -> Self {
        Self { file: file.to_owned(), cause }
    }

    #[cfg(test)]
    pub(crate) fn cause(&self) -> &Cause {
        &self.cause
    }
}

// === impl Cause ===

impl Cause {
    pub(crate) fn of_io(error: &std::io::Error) -> Self {
        Self::Access(error.to_string())
    }
}

impl From<&sqlx::Error> for Cause {
    fn from(error: &sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else { return Self::Other(error.to_string()) };
        let why = database.message().to_owned();
        // The primary result code is in the lowest byte.
        match database.code().and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff) {
            Some(11 | 26) => Self::Damaged(why),
            Some(5 | 6) => Self::Locked(why),
            Some(13) => Self::Full(why),
            Some(3 | 8 | 10 | 14 | 23) => Self::Access(why),
            _ => Self::Other(why),
        }
    }
}

impl From<sqlx::Error> for Cause {
    fn from(error: sqlx::Error) -> Self {
        Self::from(&error)
    }
}

impl From<MigrateError> for Cause {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            MigrateError::VersionMissing(version) => Self::Newer(version),
            error => Self::Other(error.to_string()),
        }
    }
}

impl From<&Cause> for ServiceError {
    fn from(cause: &Cause) -> Self {
        Self::Failed(format!("the store failed: {cause}"))
    }
}
