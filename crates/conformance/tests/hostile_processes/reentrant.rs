//! Calls of a process from within what it asked of the host, and questions about calls of others.

use crate::{BRIEF, PATIENCE, beside, check, instance, load, neighbour};
use bytes::Bytes;
use gatewright_host_process::{Process, Processes};
use gatewright_pipeline::Instance;
use gatewright_plugin::FailureMode;
use gatewright_plugin::services::{BoxFuture, Kv, ServiceError, Services};
use gatewright_testkit::services::MockServices;
use serde_json::Value as Json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Keys and values that send a request through the plugin before they add. They do nothing else.
#[derive(Default)]
struct Again {
    plugin: OnceLock<Arc<Instance>>,
    answered: AtomicUsize,
}

fn not_here<'a, T: Send + 'a>() -> BoxFuture<'a, Result<T, ServiceError>> {
    Box::pin(std::future::ready(Err(ServiceError::Invalid("nobody asks for it".to_owned()))))
}

impl Kv for Again {
    fn increment<'a>(&'a self, _: &'a str, by: i64) -> BoxFuture<'a, Result<i64, ServiceError>> {
        Box::pin(async move {
            let inner = check(self.plugin.get().unwrap(), PATIENCE, FailureMode::Closed).await;
            self.answered.fetch_add(usize::from(inner.is_ok()), Ordering::AcqRel);
            Ok(by)
        })
    }

    fn get<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Bytes>, ServiceError>> {
        not_here()
    }

    fn set<'a>(&'a self, _: &'a str, _: Bytes, _: Option<Duration>) -> BoxFuture<'a, Result<(), ServiceError>> {
        not_here()
    }

    fn delete<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<bool, ServiceError>> {
        not_here()
    }

    fn list<'a>(&'a self, _: &'a str, _: usize) -> BoxFuture<'a, Result<Vec<String>, ServiceError>> {
        not_here()
    }

    fn compare_and_set<'a>(
        &'a self,
        _: &'a str,
        _: Option<Bytes>,
        _: Bytes,
    ) -> BoxFuture<'a, Result<bool, ServiceError>> {
        not_here()
    }
}

async fn served_by(process: &Arc<Process>, services: Services) -> Arc<Instance> {
    Instance::start("hostile", process.clone(), Json::Null, services, None, None).await.unwrap()
}

#[tokio::test]
async fn it_is_called_again_within_what_it_asks() {
    let processes = Processes::start().unwrap();
    let process = load(&processes, "asks").await.unwrap();
    let again = Arc::new(Again::default());
    let mut set = (*MockServices::default().services()).clone();
    set.kv = again.clone();
    let it = served_by(&process, set.into()).await;
    assert!(again.plugin.set(instance("hostile", &process).await).is_ok());
    assert_eq!(check(&it, PATIENCE, FailureMode::Closed).await, Ok(()));
    assert_eq!(again.answered.load(Ordering::Acquire), 1, "so was the call within it");
    assert_eq!(process.status().restarts, 0);
    drop((it, process, again));
    processes.close().await;
}

#[tokio::test]
async fn it_meddles_with_calls_of_others_and_is_refused() {
    let processes = Processes::start().unwrap();
    let others = instance("neighbour", &neighbour(&processes).await).await;
    let process = load(&processes, "meddles").await.unwrap();
    let mocks = MockServices::default();
    let it = served_by(&process, mocks.services()).await;
    for _ in 0..3 {
        // It answers once all that it asked was refused.
        let answered = beside(&others, "meddles", check(&it, BRIEF * 10, FailureMode::Closed)).await;
        assert_eq!(answered, Ok(()));
    }
    let said = mocks.log.lines().iter().filter(|line| line.message == "it was refused").count();
    assert_eq!(said, 3, "of the lines that are none, those in calls of its own are told of");
    assert_eq!(process.status().restarts, 0);
    drop((it, others, process));
    processes.close().await;
}
