use super::*;
use futures_util::FutureExt;

fn waits(results: &Results, function: Function) -> bool {
    results.of(function).now_or_never().is_none()
}

#[tokio::test]
async fn what_may_be_large_waits_for_what_is_on_its_way() {
    let results = Results::new();
    let mut reads = Vec::new();
    for _ in 0..READS {
        reads.push(results.of(Function::KvGet).await);
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
