use super::*;
use crate::snapshot::Snapshot;
use crate::stop::stop;
use std::future::pending;
use std::net::{Ipv4Addr, TcpListener};

/// What a gateway without plugins and providers shares.
fn shared() -> Arc<Shared> {
    Shared::new(Snapshot::bare(), TaskTracker::new())
}

#[tokio::test(start_paused = true)]
async fn a_retired_worker_ends_while_others_are_busy() {
    let (shared, queue, (_say, stopped)) = (shared(), Arc::<Queue>::default(), stop());
    shared.tasks.spawn(pending::<()>());
    queue.close();
    let worked = work(shared.clone(), queue, stopped, Arc::default());
    tokio::time::timeout(2 * LEFT_BEHIND, worked).await.expect("others' requests are not its own");
    assert_eq!(shared.tasks.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_told_to_stop_waits_for_what_requests_left_behind() {
    let (shared, queue, (say, stopped)) = (shared(), Arc::<Queue>::default(), stop());
    let left = Arc::new(Notify::new());
    shared.tasks.spawn({
        let left = left.clone();
        async move { left.notified().await }
    });
    say.send(Stop::Finish).unwrap();
    queue.close();
    let worked = tokio::spawn(work(shared, queue, stopped, Arc::default()));
    tokio::time::sleep(2 * LEFT_BEHIND).await;
    assert!(!worked.is_finished());
    left.notify_one();
    worked.await.unwrap();
}

#[test]
fn a_retired_worker_ends_after_its_connections() {
    let (_say, stopped) = stop();
    let worker = Worker::start(0, false, shared(), stopped).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = StdStream::connect(listener.local_addr().unwrap()).unwrap();
    let (served, _) = listener.accept().unwrap();
    served.set_nonblocking(true).unwrap();
    worker.take(served).unwrap();
    worker.retire();
    std::thread::sleep(Duration::from_millis(100));
    assert!(!worker.is_done() && worker.load() == 1);
    drop(client);
    worker.join();
}
