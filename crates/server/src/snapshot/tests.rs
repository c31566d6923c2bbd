use super::*;
use gatewright_pipeline::{BREAKER_FAILURES, Entry, Exchange, Instance, Settings};
use gatewright_plugin::hosted::{link, point};
use gatewright_plugin::model::HttpRequest;
use gatewright_plugin::payload::RequestSummary;
use gatewright_plugin::prelude::{AccessFlow, Cx, Draft, Failure, Plugin, plugin};
use gatewright_plugin::{Facts, Hook};
use gatewright_testkit::services::MockServices;

/// Fails wherever it stands.
struct Broken;

#[plugin(failure_mode = FailureMode::Closed)]
impl Plugin for Broken {
    fn pre_auth(&self, _: &mut Cx, _: &mut Draft<HttpRequest>) -> Result<AccessFlow, Failure> {
        Err(Failure::new("no"))
    }

    fn post_request(&self, _: &mut Cx, _: &RequestSummary) -> Result<(), Failure> {
        Err(Failure::new("no"))
    }
}

#[tokio::test]
async fn who_looks_on_behind_a_request_makes_nobody_unready() {
    let services = MockServices::default().services();
    let started = Instance::start("broken", link(Broken), serde_json::Value::Null, services, None, None);
    let entry = Entry { instance: started.await.unwrap(), settings: Settings::default() };
    let plugins = Arc::new(PluginSet::compile(1, vec![entry]).unwrap());
    let shared = Shared::new(Snapshot { plugins: plugins.clone(), ..Snapshot::bare() }, TaskTracker::new());
    let exchange = || Exchange::new(plugins.clone(), Facts::default());
    for _ in 0..BREAKER_FAILURES {
        exchange().observe::<point::PostRequest>(&mut Arc::new(RequestSummary::default())).await;
    }
    let Readiness { ready, pending } = shared.readiness();
    assert!(ready && pending[0].contains("post_request") && pending[0].contains("go on without it"), "{pending:?}");
    for _ in 0..BREAKER_FAILURES {
        let request = HttpRequest::new(http::Method::GET, "/".to_owned(), Vec::new(), Default::default(), Vec::new());
        assert!(exchange().run::<point::PreAuth>(&mut Draft::from(request)).await.is_err());
    }
    let Readiness { ready, pending } = shared.readiness();
    assert!(!ready && pending[0].contains("its requests get 503"), "{pending:?}");
    assert_eq!(plugins.members()[0].instance.out(), [Hook::PreAuth, Hook::PostRequest].into_iter().collect());
}
