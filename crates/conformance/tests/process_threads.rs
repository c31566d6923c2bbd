//! Processes that are called from several threads: each has a connection of its own, and answers for itself.

#![expect(clippy::unwrap_used, reason = "a test")]

use bytes::Bytes;
use gatewright_host_process::{Address, Options, Patience, Process, Processes};
use gatewright_plugin::hosted::{Call, Hosted, Reply};
use gatewright_plugin::services::{BoxFuture, Kv, ServiceError, ServiceSet, Services};
use gatewright_plugin::{Cx, Facts, Failure, State, Verdict};
use gatewright_testkit::request;
use gatewright_testkit::services::MockServices;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value as Json, json};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

const PLUGIN: &str = env!("CARGO_BIN_EXE_test-plugin");

/// The longest that anything here is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

const THREADS: usize = 4;

/// Answers nothing, and counts who waits.
#[derive(Default)]
struct Closed {
    waiting: AtomicUsize,
}

impl Kv for Closed {
    fn get<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Bytes>, ServiceError>> {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        Box::pin(std::future::pending())
    }

    fn set<'a>(&'a self, _: &'a str, _: Bytes, _: Option<Duration>) -> BoxFuture<'a, Result<(), ServiceError>> {
        Box::pin(std::future::pending())
    }

    fn delete<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<bool, ServiceError>> {
        Box::pin(std::future::pending())
    }

    fn list<'a>(&'a self, _: &'a str, _: usize) -> BoxFuture<'a, Result<Vec<String>, ServiceError>> {
        Box::pin(std::future::pending())
    }

    fn increment<'a>(&'a self, _: &'a str, _: i64) -> BoxFuture<'a, Result<i64, ServiceError>> {
        Box::pin(std::future::pending())
    }

    fn compare_and_set<'a>(
        &'a self,
        _: &'a str,
        _: Option<Bytes>,
        _: Bytes,
    ) -> BoxFuture<'a, Result<bool, ServiceError>> {
        Box::pin(std::future::pending())
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A worker: a thread with a runtime of its own.
fn worker<F: Future<Output = ()>>(work: impl FnOnce() -> F + Send + 'static) -> JoinHandle<()> {
    std::thread::spawn(move || runtime().block_on(work()))
}

fn options(plugin: &str, config: Json, sessions: bool) -> Options {
    let mut options = Options::new("it", config, MockServices::default().log.clone());
    options.arguments.push(plugin.into());
    options.sessions = sessions;
    options.patience = Patience { heed: Duration::from_millis(200), ..Patience::default() };
    // What is given up here is to end at once.
    options.timeout = Some(Duration::from_millis(200));
    options
}

/// Blocks what says so.
fn blocks() -> Json {
    json!({ "hooks": { "check_input": [{ "block_on": "secret" }] } })
}

async fn load(processes: &Processes, plugin: &str, config: Json, sessions: bool) -> Arc<Process> {
    processes.load(&Address::File(PLUGIN.into()), options(plugin, config, sessions)).await.unwrap()
}

/// Whether a text is blocked.
async fn check(process: &Arc<Process>, services: &Services, id: &str, text: &str) -> Result<bool, Failure> {
    let facts = Facts { request_id: id.to_owned(), ..Facts::default() };
    let cx = Cx::new(Arc::new(facts), State::default(), None, services.clone());
    let call = Call::CheckInput(Arc::new(request("m").user(text).build()));
    match process.clone().call(cx, call).await.reply {
        Reply::CheckInput(verdict) => Ok(!matches!(verdict, Verdict::Allow)),
        Reply::Failed(failure) => Err(failure),
        _ => Err(Failure::new("another hook's answer")),
    }
}

/// Calls until this thread and all others have a connection.
async fn until_connected(process: &Arc<Process>, services: &Services, connections: usize) {
    let started = Instant::now();
    while process.status().connections != connections {
        assert!(started.elapsed() < PATIENCE, "{:?}", process.status());
        assert_eq!(check(process, services, "warm", "hello").await, Ok(false));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let started = Instant::now();
    while !happened() {
        assert!(started.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The sockets that a process has open.
fn sockets(pid: u32) -> usize {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    open.filter(|file| std::fs::read_link(file.path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket:")))
        .count()
}

/// Every thread gets a connection, and each call the answer of its own; what it asks finds its way too.
async fn threads_call_at_once(sessions: bool) {
    let processes = Processes::start().unwrap();
    let process = load(&processes, "every_hook", blocks(), sessions).await;
    let services = MockServices::default();
    let met = Arc::new(Barrier::new(THREADS));
    let workers = (0..THREADS).map(|thread| {
        let (process, services, met) = (process.clone(), services.services(), met.clone());
        worker(move || async move {
            until_connected(&process, &services, THREADS).await;
            met.wait();
            for round in 0..50 {
                let id = format!("{thread}-{round}");
                let text = if (thread + round) % 2 == 0 { "a secret" } else { "nothing" };
                let blocked = check(&process, &services, &id, text).await;
                assert_eq!(blocked, Ok((thread + round) % 2 == 0), "{id}");
            }
            met.wait();
        })
    });
    workers.collect::<Vec<_>>().into_iter().for_each(|worker| worker.join().unwrap());
    let rows = services.records.rows();
    for (thread, round) in (0..THREADS).flat_map(|thread| (0..50).map(move |round| (thread, round))) {
        let of = rows.iter().filter(|row| row.row["request"] == format!("{thread}-{round}")).count();
        assert_eq!(of, 1, "the call {thread}-{round} wrote one row");
    }
    // Their runtimes have ended: nothing of them is left, and others go on.
    until("their connections are gone", || process.status().connections == 0).await;
    assert_eq!(check(&process, &services.services(), "last", "a secret").await, Ok(true));
    assert_eq!(process.status().restarts, 0);
    drop(process);
    processes.close().await;
}

#[tokio::test]
async fn threads_call_at_once_over_sessions() {
    threads_call_at_once(true).await;
}

#[tokio::test]
async fn threads_call_at_once_by_single_calls() {
    threads_call_at_once(false).await;
}

/// A runtime that ends under its calls takes its own with it, and nobody else's.
async fn a_runtime_ends(sessions: bool) {
    let processes = Processes::start().unwrap();
    let config = json!({ "hooks": { "check_input": [{ "wait": "never" }] } });
    let process = load(&processes, "every_hook_waiting", config, sessions).await;
    let closed = Arc::new(Closed::default());
    let mocks = MockServices::default();
    let services = Services::from(ServiceSet {
        log: mocks.log.clone(),
        metrics: mocks.metrics.clone(),
        records: mocks.records.clone(),
        kv: closed.clone(),
        http: mocks.http.clone(),
        llm: mocks.llm.clone(),
    });
    let (of_worker, waiting, from) = (process.clone(), closed.clone(), services.clone());
    let calls = move || async move {
        let call = |id: usize| {
            let (process, services) = (of_worker.clone(), from.clone());
            tokio::spawn(async move { check(&process, &services, &id.to_string(), "hello").await })
        };
        // Over the supervisor's connection, and given up: it is heeded there.
        let first = call(0);
        until("it has a connection", || of_worker.status().connections == 1).await;
        until("the first one waits", || waiting.waiting.load(Ordering::Acquire) == 1).await;
        first.abort();
        let _given_up: Vec<_> = (1..9).map(call).collect();
        until("they wait", || waiting.waiting.load(Ordering::Acquire) == 9).await;
        // Here the runtime ends.
    };
    tokio::task::spawn_blocking(|| worker(calls).join().unwrap()).await.unwrap();
    until("its connection is gone", || process.status().connections == 0).await;
    // Were their ends waited for, the process would be killed for them.
    tokio::time::sleep(Duration::from_millis(600)).await;
    let status = process.status();
    assert_eq!((status.restarts, status.away), (0, None));
    let late = tokio::time::timeout(Duration::from_millis(50), check(&process, &services, "late", "hello")).await;
    assert!(late.is_err(), "it waits, as all do: {late:?}");
    drop(process);
    processes.close().await;
}

#[tokio::test]
async fn a_runtime_ends_under_its_session() {
    a_runtime_ends(true).await;
}

#[tokio::test]
async fn a_runtime_ends_under_its_single_calls() {
    a_runtime_ends(false).await;
}

/// Calls that are given up end over there, over the connection that they went over.
async fn calls_are_cancelled(sessions: bool) {
    let processes = Processes::start().unwrap();
    let config = json!({ "hooks": { "check_input": [{ "wait": "never" }] } });
    let process = load(&processes, "every_hook_waiting", config, sessions).await;
    let closed = Arc::new(Closed::default());
    let mocks = MockServices::default();
    let services = Services::from(ServiceSet {
        log: mocks.log.clone(),
        metrics: mocks.metrics.clone(),
        records: mocks.records.clone(),
        kv: closed.clone(),
        http: mocks.http.clone(),
        llm: mocks.llm.clone(),
    });
    let of_worker = process.clone();
    let calls = move || async move {
        let started = Instant::now();
        let mut given_up = 0;
        while of_worker.status().connections == 0 || given_up < 20 {
            assert!(started.elapsed() < PATIENCE);
            let call = check(&of_worker, &services, "it", "hello");
            assert!(tokio::time::timeout(Duration::from_millis(20), call).await.is_err());
            given_up += 1;
        }
        // Three that go on are more than are put up with.
        tokio::time::sleep(Duration::from_millis(600)).await;
        let status = of_worker.status();
        assert_eq!((status.restarts, status.away, status.connections), (0, None, 1));
    };
    tokio::task::spawn_blocking(|| worker(calls).join().unwrap()).await.unwrap();
    drop(process);
    processes.close().await;
}

#[tokio::test]
async fn calls_of_a_session_are_cancelled() {
    calls_are_cancelled(true).await;
}

#[tokio::test]
async fn single_calls_are_cancelled() {
    calls_are_cancelled(false).await;
}

/// Calls of all threads fail at once when the process is killed, and all come back with it.
async fn it_is_killed_under_calls(sessions: bool) {
    let processes = Processes::start().unwrap();
    let config = json!({ "hooks": { "check_input": [{ "sleep": 20 }, { "block_on": "secret" }] } });
    let process = load(&processes, "every_hook", config, sessions).await;
    let services = MockServices::default().services();
    let met = Arc::new(Barrier::new(THREADS + 1));
    let failed = Arc::new(AtomicUsize::new(0));
    let workers = (0..THREADS).map(|_| {
        let (process, services, met, failed) = (process.clone(), services.clone(), met.clone(), failed.clone());
        worker(move || async move {
            until_connected(&process, &services, THREADS).await;
            met.wait();
            let started = Instant::now();
            loop {
                assert!(started.elapsed() < PATIENCE, "{:?}", process.status());
                let call = check(&process, &services, "it", "a secret");
                match tokio::time::timeout(Duration::from_secs(5), call).await.unwrap() {
                    Ok(blocked) => assert!(blocked),
                    Err(failure) => {
                        assert_eq!(failure.cause(), "unavailable", "{failure}");
                        failed.fetch_add(1, Ordering::AcqRel);
                        tokio::time::sleep(Duration::from_millis(5)).await;
                        if process.status().restarts == 1 {
                            break;
                        }
                    }
                }
                if process.status().restarts == 1 {
                    break;
                }
            }
            until_connected(&process, &services, THREADS).await;
            met.wait();
        })
    });
    let workers: Vec<_> = workers.collect();
    tokio::task::spawn_blocking({
        let (met, process) = (met.clone(), process.clone());
        move || {
            met.wait();
            std::thread::sleep(Duration::from_millis(30));
            let pid = Pid::from_raw(process.status().pid.unwrap().cast_signed()).unwrap();
            kill_process(pid, Signal::KILL).unwrap();
            met.wait();
        }
    })
    .await
    .unwrap();
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    assert!(failed.load(Ordering::Acquire) >= THREADS);
    drop(process);
    processes.close().await;
}

#[tokio::test]
async fn it_is_killed_under_sessions() {
    it_is_killed_under_calls(true).await;
}

#[tokio::test]
async fn it_is_killed_under_single_calls() {
    it_is_killed_under_calls(false).await;
}

/// A hook that blocks its thread keeps no other call waiting, whether that looks at what came along or fetches it.
async fn a_hook_blocks(sessions: bool) {
    let processes = Processes::start().unwrap();
    let config = json!({ "hooks": { "check_input": [{ "block_on": "secret" }], "pre_request": [{ "sleep": 1500 }] } });
    let process = load(&processes, "every_hook", config, sessions).await;
    let services = MockServices::default().services();
    let blocking = {
        let cx = Cx::new(Arc::new(Facts::default()), State::default(), None, services.clone());
        let call = Call::PreRequest(Arc::new(request("m").user("hello").build()));
        tokio::spawn(process.clone().call(cx, call))
    };
    let mut calls = 0;
    while !blocking.is_finished() {
        let began = Instant::now();
        assert_eq!(check(&process, &services, "it", "a secret").await, Ok(true));
        let took = began.elapsed();
        assert!(took < Duration::from_secs(1), "the call {calls} took {took:?}");
        calls += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(calls > 20, "{calls} calls meanwhile");
    assert!(matches!(blocking.await.unwrap().reply, Reply::PreRequest(_)));
    assert_eq!(process.status().restarts, 0);
    drop(process);
    processes.close().await;
}

#[tokio::test]
async fn a_hook_blocks_beside_a_session() {
    a_hook_blocks(true).await;
}

#[tokio::test]
async fn a_hook_blocks_beside_single_calls() {
    a_hook_blocks(false).await;
}

/// Somebody else's process, which ends with the test.
struct Elsewhere(Child);

impl Drop for Elsewhere {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A process that lives on is left as it was found.
async fn connections_are_closed(address: &str, listen: &str) {
    let mut command = Command::new(PLUGIN);
    let elsewhere = Elsewhere(command.args(["every_hook", "--listen", listen]).stderr(Stdio::null()).spawn().unwrap());
    let processes = Processes::start().unwrap();
    let address: Address = address.parse().unwrap();
    let started = Instant::now();
    let process = loop {
        match processes.load(&address, options("every_hook", blocks(), true)).await {
            Ok(process) => break process,
            Err(error) => assert!(started.elapsed() < PATIENCE, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let loaded = sockets(elsewhere.0.id());
    let services = MockServices::default().services();
    let (over, stays) = (Arc::new(AtomicBool::new(false)), process.clone());
    let workers = (0..THREADS).map(|_| {
        let (process, services, over) = (process.clone(), services.clone(), over.clone());
        worker(move || async move {
            until_connected(&process, &services, THREADS).await;
            drop(process);
            until("it is closed", || over.load(Ordering::Acquire)).await;
        })
    });
    let workers: Vec<_> = workers.collect();
    drop(process);
    until("all are connected", || stays.status().connections == THREADS).await;
    assert_eq!(sockets(elsewhere.0.id()), loaded + THREADS);
    // Whoever still calls has it, too: their copies go.
    until("they let go", || Arc::strong_count(&stays) == 1).await;
    drop(stays);
    // The threads live, and so does the process: it is the connections that end.
    until("they are closed", || sockets(elsewhere.0.id()) == loaded - 1).await;
    over.store(true, Ordering::Release);
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    processes.close().await;
}

#[tokio::test]
async fn connections_to_a_path_are_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.sock");
    connections_are_closed(&format!("grpc+unix://{}", path.display()), &format!("unix://{}", path.display())).await;
}

#[tokio::test]
async fn connections_to_a_port_are_closed() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    connections_are_closed(&format!("grpc://{free}"), &free.to_string()).await;
}
