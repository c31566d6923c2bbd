use super::*;
use std::sync::mpsc;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::sync::Notify;

/// More in a row than there are tasks that do nothing.
const MANY: usize = 3 * IDLERS;

/// Holds a thread of a runtime of two until everybody was woken who was to be; answers how many were.
fn woken_elsewhere(make_way: fn()) -> usize {
    let runtime = Builder::new_multi_thread().worker_threads(2).on_thread_start(begin).enable_all().build().unwrap();
    let (tell, told) = mpsc::channel();
    let calls: Vec<Arc<Notify>> = (0..MANY).map(|_| Arc::default()).collect();
    for call in calls.clone() {
        let tell = tell.clone();
        runtime.spawn(async move {
            call.notified().await;
            let _ = tell.send(());
        });
    }
    std::thread::sleep(Duration::from_millis(100));
    let holder = runtime.spawn(async move {
        for call in calls {
            call.notify_one();
            make_way();
        }
        let second = Duration::from_secs(1);
        (0..MANY).take_while(|_| told.recv_timeout(second).is_ok()).count()
    });
    let woken = runtime.block_on(holder).unwrap();
    runtime.shutdown_background();
    woken
}

#[test]
fn all_that_were_woken_before_a_thread_is_held_run_elsewhere() {
    assert_eq!(woken_elsewhere(make_way), MANY);
}

#[test]
fn without_it_the_last_one_waits() {
    assert_eq!(woken_elsewhere(|| ()), MANY - 1);
}

#[test]
fn where_there_is_one_thread_nothing_is_done() {
    make_way();
}
