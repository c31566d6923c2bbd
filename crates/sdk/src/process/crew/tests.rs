use super::{Crew, HELD, IN_A_ROW};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The longest that anything here is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs it where hooks run, and waits for it here.
fn run<T: Send + 'static>(crew: &'static Crew, work: impl Future<Output = T> + Send + 'static) -> T {
    let (tell, told) = mpsc::channel();
    crew.spawn(async move { tell.send(work.await).unwrap() }).detach();
    told.recv_timeout(PATIENCE).unwrap()
}

fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let started = Instant::now();
    while !happened() {
        assert!(started.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// All threads but one.
fn others(crew: &Crew) -> u32 {
    u32::try_from(crew.beside.metrics().num_workers()).unwrap() - 1
}

fn until_calm(crew: &Crew) {
    until("all but one rest", || {
        let state = crew.state();
        state.driving && state.resting == others(crew)
    });
}

/// Hooks that block, on all threads but one, and what lets them go on.
fn block(crew: &'static Crew) -> Vec<mpsc::Sender<()>> {
    until_calm(crew);
    let others = others(crew);
    let blocked = (0..others).map(|_| {
        let (go_on, wait) = mpsc::channel::<()>();
        crew.spawn(async move { wait.recv().unwrap_or_default() }).detach();
        go_on
    });
    let blocked = blocked.collect();
    until("they block", || crew.state().running == others);
    blocked
}

#[test]
fn hooks_that_block_hold_neither_hooks_nor_the_runtime() {
    let crew = Crew::start().unwrap();
    for _ in 0..3 {
        let blocked = block(crew);
        assert_eq!(run(crew, async { 7 }), 7);
        let (tell, told) = mpsc::channel();
        crew.runtime.spawn(async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            tell.send(()).unwrap();
        });
        told.recv_timeout(PATIENCE).unwrap();
        drop(blocked);
    }
}

#[test]
fn one_thread_works_and_the_others_rest_when_nothing_blocks() {
    let crew = Crew::start().unwrap();
    drop(block(crew));
    until_calm(crew);
    for _ in 0..1000 {
        run(crew, async {});
    }
    until_calm(crew);
    until("nobody looks", || !crew.state().looking);
}

#[test]
fn hooks_wait_for_the_runtime_on_every_thread_at_once() {
    let crew = Crew::start().unwrap();
    let waiting = (0..64).map(|number| {
        let (tell, told) = mpsc::channel();
        crew.spawn(async move {
            let (answer, answered) = oneshot::channel();
            crew.runtime.spawn(async move {
                tokio::time::sleep(Duration::from_millis(2)).await;
                answer.send(number).unwrap();
            });
            tell.send(crew.wait(answered).unwrap()).unwrap();
        })
        .detach();
        told
    });
    let waiting: Vec<_> = waiting.collect();
    for (number, told) in waiting.into_iter().enumerate() {
        assert_eq!(told.recv_timeout(PATIENCE), Ok(number));
    }
    assert_eq!(crew.state().waiting, 0);
}

#[test]
fn a_hook_that_has_always_something_to_do_does_not_hold_the_runtime() {
    let crew = Crew::start().unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let (busy, turns) = (over.clone(), IN_A_ROW * 10);
    crew.runtime.spawn(async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        over.store(true, Ordering::Release);
    });
    let mut turned = 0;
    let turning = poll_fn(move |cx| {
        turned += 1;
        if busy.load(Ordering::Acquire) {
            return Poll::Ready(turned);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    });
    assert!(run(crew, turning) > turns);
}

#[test]
fn a_task_that_is_dropped_ends() {
    struct Ends(mpsc::Sender<()>);
    impl Drop for Ends {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
        }
    }
    let crew = Crew::start().unwrap();
    let (tell, told) = mpsc::channel();
    let ends = Ends(tell);
    let task = crew.spawn(async move {
        let _ends = ends;
        std::future::pending::<()>().await;
    });
    assert!(told.recv_timeout(HELD * 10).is_err());
    drop(task);
    told.recv_timeout(PATIENCE).unwrap();
}

#[test]
fn a_panic_costs_no_thread() {
    let crew = Crew::start().unwrap();
    for _ in 0..20 {
        let panicked = run(crew, crew.spawn(async { panic!("as it should") }).fallible());
        assert_eq!(panicked, None::<()>);
    }
    drop(block(crew));
    assert_eq!(run(crew, async { 7 }), 7);
}
