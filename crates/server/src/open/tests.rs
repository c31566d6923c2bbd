use super::*;
use crate::route::Route;
use crate::snapshot::Snapshot;
use http::Method;

#[tokio::test]
async fn a_request_counts_for_its_worker_until_it_is_closed() {
    let (shared, own) = (Shared::new(Snapshot::bare(), TaskTracker::new()), TaskTracker::new());
    let Route::Llm(endpoint) = Route::of(&Method::POST, "/v1/chat/completions") else { panic!() };
    let open = || Open::new(&shared, &own, &shared.snapshot(), endpoint, &HeaderMap::new(), Instant::now());
    let (answered, cut_off) = (open(), open());
    assert_eq!((own.len(), shared.tasks.len()), (2, 0));
    answered.finish();
    assert_eq!(own.len(), 1);
    drop(cut_off);
    assert!(own.is_empty());
}
