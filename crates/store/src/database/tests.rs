use crate::error::Cause;
use crate::{Store, StoreError};
use gatewright_plugin::services::{Kv, ServiceError};
use sqlx::{Connection, Executor, SqliteConnection};
use std::path::Path;
use std::time::Duration;

async fn opened(folder: &Path) -> Result<(), StoreError> {
    Store::in_dir(folder).open().await
}

async fn raw(store: &Store) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{}", store.file().display())).await.unwrap()
}

#[tokio::test]
async fn nothing_is_there_before_it_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::in_dir(folder.path());
    let kv = store.kv("it");
    assert!(!store.file().exists());
    kv.set("a", "1".into(), None).await.unwrap();
    assert!(store.file().exists());
    store.close().await;
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["gatewright.db"], "closed, it is one file");
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_reads_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::in_dir(folder.path());
    store.kv("it").set("a", "1".into(), None).await.unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(crate::FILE_NAME);
    std::fs::write(&file, "no database at all".repeat(1000)).unwrap();
    let message = opened(folder.path()).await.unwrap_err().to_string();
    let expected = format!(
        "the store {} cannot be opened: it is damaged, or no SQLite database (file is not a database); put a backup in \
         its place, or move it away to begin anew",
        file.display()
    );
    assert_eq!(message, expected);
    // Of a plugin's call this fails, and nothing else.
    let kv = Store::in_dir(folder.path()).kv("it");
    for _ in 0..2 {
        let Err(ServiceError::Failed(message)) = kv.get("a").await else { panic!("it is no database") };
        assert!(message.contains("it is damaged") && !message.contains("gatewright.db"), "{message}");
    }
    std::fs::remove_file(file).unwrap();
    tokio::time::sleep(super::PAUSE).await;
    assert_eq!(kv.get("a").await, Ok(None), "as soon as it can be, it is opened");
}

#[tokio::test]
async fn damage_within_the_file_fails_calls() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::in_dir(folder.path());
    store.kv("it").set("a", vec![1; 1 << 20].into(), None).await.unwrap();
    store.close().await;
    let mut bytes = std::fs::read(store.file()).unwrap();
    bytes[4096..64 << 10].fill(0xaa);
    std::fs::write(store.file(), bytes).unwrap();
    let store = Store::in_dir(folder.path());
    let error = match store.open().await {
        Err(error) => error.to_string(),
        Ok(()) => store.kv("it").get("a").await.unwrap_err().to_string(),
    };
    assert!(error.contains("it is damaged"), "{error}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let error = opened(&folder.path().join("missing")).await.unwrap_err();
    assert!(matches!(error.cause(), Cause::Access(_)), "{error}");
    std::fs::create_dir(folder.path().join(crate::FILE_NAME)).unwrap();
    let error = opened(folder.path()).await.unwrap_err();
    assert!(matches!(error.cause(), Cause::Access(_)), "{error}");
}

#[tokio::test]
async fn a_file_of_a_newer_gateway_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::in_dir(folder.path());
    store.open().await.unwrap();
    store.close().await;
    let mut file = raw(&store).await;
    file.execute("INSERT INTO _sqlx_migrations VALUES (999, 'later', 0, true, x'00', 0)").await.unwrap();
    file.close().await.unwrap();
    let error = opened(folder.path()).await.unwrap_err();
    assert_eq!(error.cause(), &Cause::Newer(999));
}

#[tokio::test]
async fn another_that_writes_is_waited_for_and_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::in_dir(folder.path());
    let kv = store.kv("it");
    kv.set("a", "1".into(), None).await.unwrap();
    let mut other = raw(&store).await;
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let waiting = kv.clone();
    let waiting = tokio::spawn(async move { waiting.set("a", "2".into(), None).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    other.execute("COMMIT").await.unwrap();
    assert_eq!(waiting.await.unwrap(), Ok(()));

    other.execute("BEGIN EXCLUSIVE").await.unwrap();
    let locked = opened(folder.path()).await.unwrap_err();
    assert!(matches!(locked.cause(), Cause::Locked(_)), "{locked}");
    other.execute("COMMIT").await.unwrap();
    assert_eq!(kv.get("a").await, Ok(Some("2".into())));
}

/// `max_page_count` is what a full disk looks like.
#[tokio::test]
async fn a_full_disk_fails_writes_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::in_dir(folder.path());
    let kv = store.kv("it");
    kv.set("a", "1".into(), None).await.unwrap();
    store.ask(Full).await.unwrap();
    let error = kv.set("b", vec![0; 1 << 20].into(), None).await.unwrap_err().to_string();
    assert!(error.starts_with("the store failed: the disk is full"), "{error}");
    assert_eq!(kv.get("b").await, Ok(None));
    assert_eq!(kv.get("a").await, Ok(Some("1".into())));
    // The connection that failed was given up, and with it the limit.
    kv.set("b", "2".into(), None).await.unwrap();
}

struct Full;

impl crate::store::Operation for Full {
    type Answer = ();

    const WRITES: bool = false;

    fn weight(&self) -> usize {
        0
    }

    async fn run(self, file: &mut SqliteConnection) -> Result<(), crate::store::Failed> {
        file.execute("PRAGMA max_page_count = 20").await?;
        Ok(())
    }
}
