use super::*;
use gatewright_plugin::services::Kv as _;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Waits until it may go on, and says that it began.
struct Stuck(Arc<AtomicBool>, oneshot::Receiver<()>);

impl Operation for Stuck {
    type Answer = ();

    const WRITES: bool = false;

    fn weight(&self) -> usize {
        0
    }

    async fn run(self, _: &mut SqliteConnection) -> Result<(), Failed> {
        self.0.store(true, Relaxed);
        let _ = self.1.await;
        Ok(())
    }
}

#[tokio::test]
async fn what_waits_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::in_dir(folder.path());
    let (go, gate) = oneshot::channel();
    let began = Arc::new(AtomicBool::new(false));
    let stuck = tokio::spawn({
        let (store, began) = (store.clone(), began.clone());
        async move { store.ask(Stuck(began, gate)).await }
    });
    while !began.load(Relaxed) {
        tokio::task::yield_now().await;
    }
    // Each instance has a share of it.
    let asked: Vec<_> = (0..20)
        .map(|number| {
            let kv = store.kv(&number.to_string());
            tokio::spawn(async move { kv.set("a", vec![0; 3 << 20].into(), None).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let room = store.0.room.available_permits();
    assert!(room < 3 << 20, "as many as there is room for are in the queue, and {room} bytes are left");
    go.send(()).unwrap();
    stuck.await.unwrap().unwrap();
    for asked in asked {
        assert_eq!(asked.await.unwrap(), Ok(()));
    }
    assert_eq!(store.0.room.available_permits(), MAX_WAITING_BYTES);
}

#[tokio::test]
async fn the_thread_ends_with_its_last_user() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::in_dir(folder.path());
    let kv = store.kv("it");
    kv.set("a", "1".into(), None).await.unwrap();
    let log = folder.path().join("gatewright.db-wal");
    assert!(log.exists());
    drop((store, kv));
    for _ in 0..200 {
        if !log.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the file is still open");
}

#[tokio::test]
async fn a_close_comes_after_what_was_asked() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::in_dir(folder.path());
    let asked: Vec<_> = (0..50)
        .map(|number| {
            let kv = store.kv("it");
            tokio::spawn(async move { kv.set(&number.to_string(), "x".into(), None).await })
        })
        .collect();
    tokio::task::yield_now().await;
    store.close().await;
    store.close().await;
    let mut done = 0;
    for asked in asked {
        done += usize::from(asked.await.unwrap().is_ok());
    }
    assert_eq!(Store::in_dir(folder.path()).kv("it").list("", 100).await.unwrap().len(), done);
    assert!(store.open().await.unwrap_err().to_string().contains("the store is closed"));
}
