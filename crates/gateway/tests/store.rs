//! What plugins keep, from one start of the gateway to the next.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test")]

use gatewright::prelude::*;
use gatewright::{Error, Gateway, Started};
use gatewright_plugin::services::ServiceError;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The number of a start, and how the one before ended.
type Seen = Result<(i64, Option<String>), ServiceError>;

/// Counts its starts, and marks its ends.
struct Counting {
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// The same, without a word of it in its manifest.
struct Unasked(Counting);

impl Counting {
    async fn started(&self, cx: &Cx) {
        let kv = cx.services().kv.clone();
        let seen = async {
            let ended = kv.get("ended").await?.map(|value| String::from_utf8_lossy(&value).into_owned());
            Ok((kv.increment("starts", 1).await?, ended))
        };
        let seen = seen.await;
        self.seen.lock().unwrap().push(seen);
    }
}

#[plugin(permission = Permission::Kv)]
impl Plugin for Counting {
    async fn on_startup(&self, cx: &mut Cx, _: &Startup) -> Result<(), Failure> {
        self.started(cx).await;
        Ok(())
    }

    async fn on_shutdown(&self, cx: &mut Cx, _: &Shutdown) -> Result<(), Failure> {
        let kv = cx.services().kv.clone();
        kv.set("ended", "cleanly".into(), None).await?;
        Ok(())
    }
}

#[plugin]
impl Plugin for Unasked {
    async fn on_startup(&self, cx: &mut Cx, _: &Startup) -> Result<(), Failure> {
        self.0.started(cx).await;
        Ok(())
    }
}

fn counting() -> Counting {
    Counting { seen: Arc::default() }
}

async fn start(plugin: impl Plugin, app_dir: Option<&Path>) -> Result<Started, Error> {
    let config = br#"{"server": {"port": 0, "workers": 1}, "plugins": []}"#;
    let config = gatewright::config::parse(config).unwrap_or_else(|errors| panic!("{errors}")).config;
    let builder = Gateway::builder().plugin(plugin).config(config);
    let builder = match app_dir {
        Some(app_dir) => builder.app_dir(app_dir),
        None => builder,
    };
    builder.start().await
}

async fn stop(started: Started) {
    assert!(started.drain(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn a_value_survives_a_restart() {
    let app_dir = tempfile::tempdir().unwrap();
    for (number, ended) in [(1, None), (2, Some("cleanly".to_owned())), (3, Some("cleanly".to_owned()))] {
        let plugin = counting();
        let seen = plugin.seen.clone();
        stop(start(plugin, Some(app_dir.path())).await.unwrap()).await;
        assert_eq!(*seen.lock().unwrap(), [Ok((number, ended))]);
    }
    let left: Vec<_> = std::fs::read_dir(app_dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["gatewright.db"], "what a stopped gateway leaves is one file");
}

#[tokio::test]
async fn without_an_app_dir_it_does_not() {
    for _ in 0..2 {
        let plugin = counting();
        let seen = plugin.seen.clone();
        stop(start(plugin, None).await.unwrap()).await;
        assert_eq!(*seen.lock().unwrap(), [Ok((1, None))]);
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_told_at_the_start() {
    let app_dir = tempfile::tempdir().unwrap();
    let file = app_dir.path().join("gatewright.db");
    std::fs::write(&file, [0x55; 8192]).unwrap();
    let error = start(counting(), Some(app_dir.path())).await.err().unwrap().to_string();
    let begins = format!("the store {} cannot be opened: it is damaged", file.display());
    assert!(error.starts_with(&begins), "{error}");
}

#[tokio::test]
async fn whoever_does_not_ask_for_kv_gets_an_error_for_each_call() {
    let app_dir = tempfile::tempdir().unwrap();
    std::fs::write(app_dir.path().join("gatewright.db"), [0x55; 8192]).unwrap();
    let plugin = Unasked(counting());
    let seen = plugin.0.seen.clone();
    stop(start(plugin, Some(app_dir.path())).await.unwrap()).await;
    let seen = seen.lock().unwrap();
    assert!(matches!(&seen[..], [Err(ServiceError::Failed(why))] if why.contains("it is damaged")), "{seen:?}");
}

#[tokio::test]
async fn nothing_is_opened_for_those_who_need_nothing() {
    struct Idle;

    #[plugin]
    impl Plugin for Idle {}

    let app_dir = tempfile::tempdir().unwrap();
    stop(start(Idle, Some(app_dir.path())).await.unwrap()).await;
    assert_eq!(std::fs::read_dir(app_dir.path()).unwrap().count(), 0);
}
