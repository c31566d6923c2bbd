use super::*;
use crate::route::Route;
use crate::snapshot::Limits;
use gatewright_engine::{Engine, Routing, Unpriced};
use gatewright_pipeline::PluginSet;
use http::Method;
use std::collections::BTreeMap;

#[tokio::test]
async fn a_request_counts_for_its_worker_until_it_is_closed() {
    let snapshot = || Snapshot {
        plugins: Arc::new(PluginSet::empty()),
        engine: Engine::new(Routing::new([], None, BTreeMap::new())),
        keys: None,
        pricing: Arc::new(Unpriced),
        limits: Limits::default(),
        metrics: None,
    };
    let (shared, own) = (Shared::new(snapshot(), TaskTracker::new()), TaskTracker::new());
    let Route::Llm(endpoint) = Route::of(&Method::POST, "/v1/chat/completions") else { panic!() };
    let open = || Open::new(&shared, &own, &shared.snapshot(), endpoint, &HeaderMap::new(), Instant::now());
    let (answered, cut_off) = (open(), open());
    assert_eq!((own.len(), shared.tasks.len()), (2, 0));
    answered.finish();
    assert_eq!(own.len(), 1);
    drop(cut_off);
    assert!(own.is_empty());
}
