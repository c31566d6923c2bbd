use super::{Limits, Overdue, Watch};
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::time::Duration;
use tokio::task::coop::{consume_budget, has_budget_remaining};
use tokio::time::{Instant, sleep};

fn limits(deadline: Option<u64>) -> Limits {
    Limits {
        first_byte: Duration::from_secs(10),
        whole: None,
        idle: Duration::from_secs(3),
        deadline: deadline.map(|seconds| Instant::now() + Duration::from_secs(seconds)),
    }
}

#[tokio::test(start_paused = true)]
async fn the_beginning_has_its_time() {
    let start = Instant::now();
    let mut watch = Watch::new(limits(None));
    assert_eq!(watch.over(pending::<()>()).await, Err(Overdue::FirstByte(Duration::from_secs(10))));
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn pauses_are_counted_from_the_last_progress() {
    let mut watch = Watch::new(limits(None));
    assert_eq!(watch.over(sleep(Duration::from_secs(9))).await, Ok(()));
    watch.begin();
    let start = Instant::now();
    for _ in 0..20 {
        assert_eq!(watch.over(sleep(Duration::from_secs(2))).await, Ok(()));
        watch.touch();
    }
    assert_eq!(watch.over(pending::<()>()).await, Err(Overdue::Idle(Duration::from_secs(3))));
    assert_eq!(start.elapsed().as_secs(), 43);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_begins_at_once_has_the_shorter_time_for_its_pauses() {
    let start = Instant::now();
    let mut watch = Watch::new(limits(None));
    watch.begin();
    assert_eq!(watch.over(pending::<()>()).await, Err(Overdue::Idle(Duration::from_secs(3))));
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_cuts_all_short() {
    let start = Instant::now();
    let mut watch = Watch::new(limits(Some(4)));
    assert_eq!(watch.over(sleep(Duration::from_secs(2))).await, Ok(()));
    watch.begin();
    assert_eq!(watch.over(pending::<()>()).await, Err(Overdue::Deadline));
    assert_eq!(start.elapsed().as_secs(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer_has_its_time_and_a_stream_has_not() {
    let whole = Some(Duration::from_secs(5));
    let start = Instant::now();
    let mut watch = Watch::new(Limits { whole, ..limits(None) });
    watch.begin();
    let overdue = loop {
        match watch.over(sleep(Duration::from_secs(2))).await {
            Ok(()) => watch.touch(),
            Err(overdue) => break overdue,
        }
    };
    assert_eq!(overdue, Overdue::Whole(Duration::from_secs(5)));
    assert_eq!(start.elapsed().as_secs(), 5);
    let mut watch = Watch::new(Limits { whole, ..limits(None) });
    watch.begin_stream();
    for _ in 0..10 {
        assert_eq!(watch.over(sleep(Duration::from_secs(2))).await, Ok(()));
        watch.touch();
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_in_a_whole_answer_do_not_count() {
    let start = Instant::now();
    let mut watch = Watch::new(Limits { whole: Some(Duration::from_secs(50)), ..limits(None) });
    watch.begin_whole();
    assert_eq!(watch.over(pending::<()>()).await, Err(Overdue::Whole(Duration::from_secs(50))));
    assert_eq!(start.elapsed().as_secs(), 50);
    let mut watch = Watch::new(limits(Some(1000)));
    watch.begin_whole();
    assert_eq!(watch.over(pending::<()>()).await, Err(Overdue::Deadline));
    assert_eq!(start.elapsed().as_secs(), 1050);
}

#[tokio::test(start_paused = true)]
async fn what_is_ready_wins() {
    let mut watch = Watch::new(limits(Some(0)));
    assert_eq!(watch.over(async { 7 }).await, Ok(7));
    assert_eq!(watch.over(pending::<()>()).await, Err(Overdue::Deadline));
}

/// A task that has had its share of the thread is put off by every timer, and must be heard again.
#[tokio::test(start_paused = true)]
async fn a_task_without_budget_is_watched_too() {
    let mut watch = Watch::new(limits(None));
    let mut busy = true;
    let overdue = poll_fn(|context| {
        while busy && has_budget_remaining() {
            let _ = pin!(consume_budget()).poll(context);
        }
        busy = false;
        watch.poll(context)
    });
    assert_eq!(overdue.await, Overdue::FirstByte(Duration::from_secs(10)));
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_last_is_woken() {
    let mut watch = Watch::new(limits(None));
    assert!(futures_util::poll!(pin!(watch.over(pending::<()>()))).is_pending());
    let other = tokio::spawn(async move { watch.over(pending::<()>()).await });
    assert_eq!(other.await.unwrap(), Err(Overdue::FirstByte(Duration::from_secs(10))));
}
