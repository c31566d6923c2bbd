//! From several runtimes, as workers have them.

use super::*;
use std::sync::mpsc;
use std::thread;
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A worker that asked once, and whose thread is then held until it is told to end.
fn held(plugin: &Arc<PluginEgress>, url: &str) -> (mpsc::Sender<()>, thread::JoinHandle<()>) {
    let (plugin, url) = (plugin.clone(), url.to_owned());
    let (asked, has_asked) = mpsc::channel();
    let (end, ended) = mpsc::channel::<()>();
    let worker = thread::spawn(move || {
        runtime().block_on(async {
            plugin.send(call(&url)).await.unwrap();
            asked.send(()).unwrap();
            let _ = ended.recv();
        });
    });
    has_asked.recv().unwrap();
    (end, worker)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_worker_whose_thread_is_held_holds_nobody_elses_request() {
    let server = Server::start(OK).await;
    let plugin = Arc::new(Egress::new().plugin(allowed(&[format!("127.0.0.1:{}", server.port)])));
    let url = server.url("127.0.0.1");
    let (end, worker) = tokio::task::block_in_place(|| held(&plugin, &url));
    let reply = plugin.send(HttpCall { timeout: Duration::from_secs(2), ..call(&url) }).await;
    assert_eq!(reply.map(|reply| reply.status), Ok(200), "it went over a connection of the one that is held");
    assert_eq!(server.connections(), 2);
    drop(end);
    worker.join().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn connections_go_with_their_worker_and_no_others() {
    let server = Server::start(OK).await;
    let plugin = Arc::new(Egress::new().plugin(allowed(&[format!("127.0.0.1:{}", server.port)])));
    let url = server.url("127.0.0.1");
    plugin.send(call(&url)).await.unwrap();
    let (end, worker) = tokio::task::block_in_place(|| held(&plugin, &url));
    assert_eq!(plugin.connections.kept.available_permits(), MAX_KEPT - 2);
    drop(end);
    worker.join().unwrap();
    assert_eq!(plugin.connections.kept.available_permits(), MAX_KEPT - 1, "its connection went with it");
    plugin.send(call(&url)).await.unwrap();
    assert_eq!(server.connections(), 2, "this one's is there");
}
