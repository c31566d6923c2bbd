use super::*;
use futures_util::FutureExt;

fn waits(results: &Results, function: Function) -> bool {
    results.of(function, 0).now_or_never().is_none()
}

#[tokio::test]
async fn what_may_be_large_waits_for_what_is_on_its_way() {
    let results = Results::new();
    let mut reads = Vec::new();
    for _ in 0..READS {
        reads.push(results.of(Function::KvGet, 0).await);
    }
    assert!(waits(&results, Function::KvGet));
    assert!(waits(&results, Function::KvList));
    assert!(!waits(&results, Function::KvSet), "its result is nothing");
    assert!(!waits(&results, Function::HttpSend), "who asks others takes no place of those who read");
    reads.pop();
    assert!(!waits(&results, Function::KvGet));
    assert!(waits(&results, Function::KvList), "it may be as much as all others");
    reads.clear();
    assert!(!waits(&results, Function::KvList));
}

#[tokio::test]
async fn a_request_waits_for_none_that_was_made_for_another() {
    let results = Results::new();
    let mut requests = Vec::new();
    for _ in 0..REQUESTS {
        requests.push(results.of(Function::LlmComplete, 0).await);
    }
    assert!(waits(&results, Function::LlmComplete));
    assert!(results.of(Function::LlmComplete, 1).now_or_never().is_some());
}
