use super::*;
use std::sync::mpsc::{Receiver, Sender, channel};

/// How long a test waits for what must happen.
const AMPLE: Duration = Duration::from_secs(20);

/// A task that holds its thread until something is sent, or all who might are gone.
fn hold(standby: &Standby) -> Sender<()> {
    let (release, released) = channel();
    standby.handle().spawn(async move { released.recv() });
    release
}

/// A task that says that it had its turn.
fn turn(standby: &Standby) -> Receiver<()> {
    let (tell, told) = channel();
    standby.handle().spawn(async move { tell.send(()) });
    told
}

/// Looks until a thread is called.
fn until_called(standby: &Standby) {
    let begun = Instant::now();
    while !standby.look(Instant::now()) {
        assert!(begun.elapsed() < AMPLE, "nobody is called");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn another_thread_takes_over_from_each_that_is_held() {
    let standby = Standby::start("worker".to_owned()).unwrap();
    let mut held = Vec::new();
    for _ in 0..STANDING_BY {
        held.push(hold(&standby));
        let turn = turn(&standby);
        assert!(turn.recv_timeout(HELD / 2).is_err(), "the thread that works is held");
        until_called(&standby);
        turn.recv_timeout(AMPLE).unwrap();
    }
    held.push(hold(&standby));
    let turn = turn(&standby);
    std::thread::sleep(3 * HELD);
    assert!(!standby.look(Instant::now()), "nobody stands by any more");
    held.pop();
    turn.recv_timeout(AMPLE).unwrap();
    drop(held);
    standby.end();
}

#[test]
fn who_rests_or_works_is_not_held() {
    let standby = Standby::start("worker".to_owned()).unwrap();
    let begun = Instant::now();
    let busy = standby.handle().spawn(async move {
        while begun.elapsed() < 4 * HELD {
            tokio::task::yield_now().await;
        }
    });
    while begun.elapsed() < 8 * HELD {
        assert!(!standby.look(Instant::now()));
        std::thread::sleep(HELD / 10);
    }
    assert!(busy.is_finished());
    standby.end();
}

#[test]
fn a_thread_that_is_held_does_not_keep_the_worker_from_its_end() {
    let standby = Standby::start("worker".to_owned()).unwrap();
    let _held = hold(&standby);
    let begun = Instant::now();
    standby.end();
    assert!(begun.elapsed() < AMPLE);
}
