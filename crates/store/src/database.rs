//! The file, as its thread sees it: opened when it is needed, and anew after it failed.

use crate::error::Cause;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqlSafeStr, SqliteConnection};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long to wait for another process that writes.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// A file that could not be opened is not tried again at once.
const PAUSE: Duration = Duration::from_secs(1);

/// The write-ahead log is cut down to this size, should it ever have grown beyond it.
const MAX_KEPT_LOG: &str = "16777216";

/// The file.
pub(crate) struct Database {
    file: PathBuf,
    connection: Option<SqliteConnection>,
    /// When and why it could not be opened.
    failed: Option<(Instant, Cause)>,
}

// === impl Database ===

impl Database {
    pub(crate) fn new(file: PathBuf) -> Self {
        Self { file, connection: None, failed: None }
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    pub(crate) fn is_open(&self) -> bool {
        self.connection.is_some()
    }

    /// The open file. What failed a moment ago is not tried again.
    pub(crate) async fn get(&mut self) -> Result<&mut SqliteConnection, Cause> {
        if let Some((when, cause)) = self.failed.as_ref().filter(|_| !self.is_open())
            && when.elapsed() < PAUSE
        {
            return Err(cause.clone());
        }
        self.open().await
    }

    /// Opens the file, unless it is.
    pub(crate) async fn open(&mut self) -> Result<&mut SqliteConnection, Cause> {
        if self.connection.is_none() {
            match open(&self.file).await {
                Ok(connection) => self.connection = Some(connection),
                Err(cause) => {
                    self.failed = Some((Instant::now(), cause.clone()));
                    return Err(cause);
                }
            }
        }
        self.connection.as_mut().ok_or(Cause::Closed)
    }

    /// Gives the connection up: after an error nobody knows what its transaction has come to.
    pub(crate) async fn give_up(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = connection.close_hard().await;
        }
    }

    /// Closes the file; the write-ahead log goes into it.
    pub(crate) async fn close(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(file = %self.file.display(), %error, "the store was not closed cleanly; nothing is lost");
        }
    }
}

async fn open(file: &Path) -> Result<SqliteConnection, Cause> {
    create(file).map_err(|error| Cause::of_io(&error))?;
    let until = Instant::now() + LOCK_TIMEOUT;
    loop {
        match connect(file).await {
            // The first change to the write-ahead log does not wait for others that do the same.
            Err(Cause::Locked(_)) if Instant::now() < until => tokio::time::sleep(Duration::from_millis(20)).await,
            connected => return connected,
        }
    }
}

/// An empty file, if there is none, that nobody else can read.
fn create(file: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

async fn connect(file: &Path) -> Result<SqliteConnection, Cause> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(LOCK_TIMEOUT)
        .pragma("journal_size_limit", MAX_KEPT_LOG)
        .thread_name(|_| "store-sqlite".to_owned())
        .disable_statement_logging();
    let mut connection = options.connect().await?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    migrations().run(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(connection)
}

/// What brings a file of any age up to date. Those that were once released stay as they are.
fn migrations() -> Migrator {
    let all = [(1, "kv", include_str!("../migrations/0001_kv.sql"))];
    let migration = |(version, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(all.into_iter().map(migration).collect())
}

#[cfg(test)]
mod tests;
