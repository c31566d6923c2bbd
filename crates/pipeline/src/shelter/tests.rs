use super::*;
use std::pin::Pin;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc;
use std::time::{Duration, Instant};
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

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Holds a thread of two on which a task has just had its share; answers whether the other one goes on with that task.
fn goes_on_elsewhere(within: fn(Task) -> Task) -> bool {
    let runtime = Builder::new_multi_thread().worker_threads(2).on_thread_start(begin).enable_all().build().unwrap();
    let (occupied, occupies) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    runtime.spawn(async move {
        let _ = occupied.send(());
        let _ = released.recv();
    });
    occupies.recv().unwrap();
    let (turns, first) = (Arc::<AtomicUsize>::default(), AtomicBool::new(true));
    let busy = turns.clone();
    let both = runtime.spawn(async move {
        tokio::spawn(within(Box::pin(async move {
            loop {
                busy.fetch_add(1, Ordering::AcqRel);
                tokio::task::coop::consume_budget().await;
            }
        })));
        tokio::spawn(poll_fn(move |cx| {
            if first.swap(false, Ordering::AcqRel) {
                // Behind the other one.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let (before, since) = (turns.load(Ordering::Acquire), Instant::now());
            assert!(before > 0, "the other one has had its share");
            let _ = release.send(());
            while since.elapsed() < Duration::from_secs(1) {
                if turns.load(Ordering::Acquire) > before {
                    return Poll::Ready(true);
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            Poll::Ready(false)
        }))
        .await
        .unwrap()
    });
    let goes_on = runtime.block_on(both).unwrap();
    runtime.shutdown_background();
    goes_on
}

#[test]
fn who_has_had_its_share_is_found_by_others() {
    assert!(goes_on_elsewhere(|task| Box::pin(within_reach(task))));
}

#[test]
fn without_it_that_one_waits() {
    assert!(!goes_on_elsewhere(|task| task));
}
