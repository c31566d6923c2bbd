use super::*;
use crate::price::Unpriced;
use gatewright_pipeline::PluginSet;
use gatewright_plugin::Facts;
use gatewright_testkit::poll_once;
use std::pin::pin;
use std::time::Instant;
use tokio_util::task::TaskTracker;

#[tokio::test]
async fn a_stream_that_says_nothing_gives_others_their_turn() {
    let set = Arc::new(PluginSet::empty());
    let mut life = Lifecycle::open(set, Facts::default(), Instant::now(), Arc::new(Unpriced), TaskTracker::new());
    let silent = std::iter::repeat_with(|| Chunk::from_parts([])).take(100_000);
    // A plugin may drop what says something, too.
    let mut driver = Driver::new(&mut life, Source::Replay(silent.collect()), STREAM_BUFFER_BYTES);
    driver.plan.collect = true;
    let mut next = pin!(driver.next(&mut life));
    assert!(poll_once(next.as_mut()).is_none(), "it is not gone through at one go");
    let error = next.await.unwrap().unwrap_err();
    assert_eq!(error.message, "the provider's stream ended too early");
}
