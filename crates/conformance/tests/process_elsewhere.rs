//! Processes that the gateway does not start, and what it takes from those that it does.

#![expect(clippy::unwrap_used, reason = "a test")]

use gatewright_host::Stage;
use gatewright_host_process::{Address, Options, Patience, Process, Processes};
use gatewright_pipeline::{Entry, Exchange, Instance, PluginSet, Settings};
use gatewright_plugin::hosted::point;
use gatewright_plugin::{Facts, Failure, FailureMode};
use gatewright_proto::v1::plugin_client::PluginClient;
use gatewright_proto::v1::{HookCall, StartRequest, StopRequest, StreamPull};
use gatewright_proto::{MAX_TO_PLUGIN_BYTES, message_limit};
use gatewright_testkit::request;
use gatewright_testkit::services::MockServices;
use serde_json::{Value as Json, json};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;
use tonic::transport::Channel;
use tonic::{Code, Request};

const PLUGIN: &str = env!("CARGO_BIN_EXE_test-plugin");

/// Somebody else's process, which ends with the test.
struct Elsewhere(Child);

impl Elsewhere {
    fn run(listen: &str) -> Self {
        let mut command = Command::new(PLUGIN);
        Self(command.args(["every_hook", "--listen", listen]).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn options(config: Json) -> Options {
    let mut options = Options::new("it", config, MockServices::default().log.clone());
    options.arguments.push("every_hook".into());
    options.patience = Patience { health: Duration::from_millis(300), ..Patience::default() };
    options
}

async fn until_it_loads(processes: &Processes, address: &str, config: Json) -> Arc<Process> {
    let (address, started) = (address.parse::<Address>().unwrap(), Instant::now());
    loop {
        match processes.load(&address, options(config.clone())).await {
            Ok(process) => return process,
            Err(error) if started.elapsed() > Duration::from_secs(10) => panic_with(&error.to_string()),
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

#[expect(clippy::panic, reason = "a test")]
fn panic_with(message: &str) -> ! {
    panic!("{message}")
}

async fn check(process: &Arc<Process>, services: &MockServices) -> Result<bool, Failure> {
    let instance = Instance::start("it", process.clone(), Json::Null, services.services(), None, None).await?;
    let settings = Settings { failure_mode: Some(FailureMode::Closed), ..Settings::default() };
    let set = PluginSet::compile(1, vec![Entry { instance, settings }]).unwrap();
    let mut exchange = Exchange::new(Arc::new(set), Facts::default());
    let mut payload = Arc::new(request("m").user("hello").build());
    exchange
        .run::<point::CheckInput>(&mut payload)
        .await
        .map(|blocked| blocked.is_some())
        .map_err(|fault| fault.failure)
}

fn blocks() -> Json {
    json!({ "hooks": { "check_input": [{ "block_on": "hello" }] } })
}

/// It is reached, each gateway has an instance of its own, and one that comes back is reached again.
async fn is_reached(address: &str, listen: &str) {
    let (processes, services) = (Processes::start().unwrap(), MockServices::default());
    let error = processes.load(&address.parse().unwrap(), options(blocks())).await.err().unwrap().to_string();
    assert!(error.contains("nobody answers at"), "{error}");
    let elsewhere = Elsewhere::run(listen);
    let one = until_it_loads(&processes, address, blocks()).await;
    let other = until_it_loads(&processes, address, json!({})).await;
    assert_eq!(check(&one, &services).await, Ok(true));
    assert_eq!(check(&other, &services).await, Ok(false));
    assert_eq!(one.status().pid, None);
    drop(other);
    assert_eq!(check(&one, &services).await, Ok(true));

    drop(elsewhere);
    let started = Instant::now();
    while one.status().away.is_none() {
        assert!(started.elapsed() < Duration::from_secs(10), "it is away");
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(check(&one, &services).await.err().map(|failure| failure.cause()), Some("unavailable"));
    let _back = Elsewhere::run(listen);
    while one.status().away.is_some() {
        assert!(started.elapsed() < Duration::from_secs(20), "it is back: {:?}", one.status());
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(check(&one, &services).await, Ok(true));
    drop(one);
    processes.close().await;
}

/// An address that nobody listens at.
fn free() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

async fn client(at: String) -> PluginClient<Channel> {
    let started = Instant::now();
    loop {
        match PluginClient::connect(at.clone()).await {
            Ok(client) => return client.max_encoding_message_size(usize::MAX),
            Err(error) => assert!(started.elapsed() < Duration::from_secs(10), "{error}"),
        }
        sleep(Duration::from_millis(10)).await;
    }
}

fn start() -> StartRequest {
    StartRequest { name: "it".to_owned(), config: b"{}".as_slice().into(), ..StartRequest::default() }
}

/// Who is no gateway of ours, but speaks gRPC, is understood in full.
#[tokio::test]
async fn it_answers_any_client_of_grpc() {
    let free = free();
    let _elsewhere = Elsewhere::run(&free.to_string());
    let mut client = client(format!("http://{free}")).await;
    let instance = client.start(start()).await.unwrap().into_inner().instance;
    // No such hook: the answer says so.
    let call =
        |bytes: usize| HookCall { id: 7, hook: 999, head: vec![0; bytes].into(), instance, ..HookCall::default() };
    for bytes in [0, 1 << 20] {
        let answer = client.call(call(bytes)).await.unwrap().into_inner();
        assert_eq!((answer.call, answer.answer.is_empty()), (7, false));
    }
    let too_long = client.call(call(message_limit(MAX_TO_PLUGIN_BYTES) + 1)).await.err().unwrap();
    assert_eq!(too_long.code(), Code::OutOfRange, "{too_long}");
    let mut compressed = Request::new(call(0));
    compressed.metadata_mut().insert("grpc-encoding", "gzip".parse().unwrap());
    let compressed = client.call(compressed).await.err().unwrap();
    assert_eq!(compressed.code(), Code::Unimplemented, "{compressed}");
    let chunks = client.pull(StreamPull { stream: 3, call: 7, instance }).await.unwrap().into_inner();
    assert_eq!((chunks.call, chunks.pulled.is_empty()), (7, false));
    let nobodys = client.call(HookCall { instance: instance + 1, ..call(0) }).await.err().unwrap();
    assert_eq!(nobodys.code(), Code::NotFound, "{nobodys}");
    let nobodys = client.pull(StreamPull { stream: 3, call: 7, instance: instance + 1 }).await.err().unwrap();
    assert_eq!(nobodys.code(), Code::NotFound, "{nobodys}");
}

/// However many others make, each has its own until it ends it, or its connection does.
#[tokio::test]
async fn it_has_room_for_only_so_many() {
    let free = free();
    let _elsewhere = Elsewhere::run(&free.to_string());
    let (processes, services, address) =
        (Processes::start().unwrap(), MockServices::default(), format!("grpc://{free}"));
    let one = until_it_loads(&processes, &address, blocks()).await;
    let mut other = client(format!("http://{free}")).await;
    for _ in 0..100 {
        let instance = other.start(start()).await.unwrap().into_inner().instance;
        other.stop(StopRequest { instance }).await.unwrap();
    }
    assert_eq!(check(&one, &services).await, Ok(true), "they took its place");
    for _ in 0..63 {
        other.start(start()).await.unwrap();
    }
    let full = other.start(start()).await.err().unwrap();
    assert_eq!(full.code(), Code::ResourceExhausted, "{full}");
    let error = processes.load(&address.parse().unwrap(), options(blocks())).await.err().unwrap().to_string();
    assert!(error.contains("it has 64 instances"), "{error}");
    assert_eq!(check(&one, &services).await, Ok(true));
    drop(other);
    let another = until_it_loads(&processes, &address, json!({})).await;
    assert_eq!(check(&another, &services).await, Ok(false));
    assert_eq!(one.status().restarts, 0);
    drop((one, another));
    processes.close().await;
}

/// Whose instance is gone makes another.
async fn it_loses_the_instance(sessions: bool) {
    let folder = tempfile::tempdir().unwrap();
    let at = format!("unix://{}", folder.path().join("it.sock").display());
    let _elsewhere = Elsewhere::run(&at);
    let (processes, services) = (Processes::start().unwrap(), MockServices::default());
    let mut client = client(at.clone()).await;
    let options = Options { sessions, ..options(blocks()) };
    let one = processes.load(&format!("grpc+{at}").parse().unwrap(), options).await.unwrap();
    assert_eq!(check(&one, &services).await, Ok(true));
    client.stop(StopRequest { instance: 1 }).await.unwrap();
    let failure = check(&one, &services).await.err();
    assert_eq!(failure.as_ref().map(Failure::cause), Some("unavailable"), "{failure:?}");
    let started = Instant::now();
    while one.status().restarts == 0 {
        assert!(started.elapsed() < Duration::from_secs(10), "it is back: {:?}", one.status());
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(check(&one, &services).await, Ok(true));
    drop(one);
    processes.close().await;
}

#[tokio::test]
async fn it_loses_the_instance_of_a_session() {
    it_loses_the_instance(true).await;
}

#[tokio::test]
async fn it_loses_the_instance_of_single_calls() {
    it_loses_the_instance(false).await;
}

#[tokio::test]
async fn it_listens_at_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.sock");
    is_reached(&format!("grpc+unix://{}", path.display()), &format!("unix://{}", path.display())).await;
}

#[tokio::test]
async fn it_listens_at_a_port() {
    let free = free();
    is_reached(&format!("grpc://{free}"), &free.to_string()).await;
}

#[test]
fn it_is_run_by_hand() {
    let output = Command::new(PLUGIN).arg("every_hook").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("This is a plugin of Gatewright, `every_hook`. It is not run by hand"), "{said}");
}

#[tokio::test]
async fn it_is_started_as_it_was() {
    let (processes, services) = (Processes::start().unwrap(), MockServices::default());
    let config = json!({ "hooks": { "on_startup": [], "check_input": [{ "sleep": 1 }] } });
    let process = processes.load(&Address::File(PLUGIN.into()), options(config)).await.unwrap();
    assert_eq!(check(&process, &services).await, Ok(false));
    let starts = || services.records.rows().iter().filter(|row| row.row["hook"] == "on_startup").count();
    assert_eq!(starts(), 1);
    let pid = rustix::process::Pid::from_raw(process.status().pid.unwrap().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let started = Instant::now();
    while process.status().restarts == 0 {
        assert!(started.elapsed() < Duration::from_secs(10), "it is back: {:?}", process.status());
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(starts(), 2, "its `on_startup` is called again, with the services that it had");
    drop(process);
    processes.close().await;
}

#[tokio::test]
async fn it_has_no_environment_but_what_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let (script, told) = (folder.path().join("it"), folder.path().join("told"));
    let text = format!("#!/bin/sh\nenv > {0}.new\nmv {0}.new {0}\nexec {PLUGIN} every_hook\n", told.display());
    write_executable(&script, &text);
    let processes = Processes::start().unwrap();
    let mut options = options(json!({}));
    options.environment.insert("KEY".into(), "value".into());
    let process = processes.load(&Address::File(script), options).await.unwrap();
    let told = std::fs::read_to_string(told).unwrap();
    let mut names: Vec<&str> = told.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    names.retain(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name));
    names.sort_unstable();
    let ours =
        ["GATEWRIGHT_HOST_SOCKET", "GATEWRIGHT_HOST_TOKEN", "GATEWRIGHT_PLUGIN_COOKIE", "GATEWRIGHT_PLUGIN_SOCKET"];
    assert_eq!(names, [&ours[..], &["KEY"]].concat());
    drop(process);
    processes.close().await;
}

#[tokio::test]
async fn what_is_run_is_what_was_checked() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("it");
    write_executable(&script, &format!("#!/bin/sh\ntouch $0.ran\nexec {PLUGIN} every_hook\n"));
    let copy = Stage::new(folder.path().join("stage")).put(&script, None).unwrap();
    let ran = |path: &Path| Path::new(&format!("{}.ran", path.display())).exists();
    let processes = Processes::start().unwrap();
    let load = async |original: Option<&Path>| {
        let options = Options { copy: Some(copy.clone()), original: original.map(Into::into), ..options(json!({})) };
        processes.load(&Address::File(copy.path.clone()), options).await.unwrap()
    };
    drop(load(Some(&script)).await);
    assert_eq!([ran(&script), ran(&copy.path)], [true, false], "the original, with what lies beside it");
    write_executable(&script, "#!/bin/sh\nexit 3\n");
    drop(load(Some(&script)).await);
    assert!(ran(&copy.path), "it is another one now");
    drop(load(None).await);
    processes.close().await;
}

fn write_executable(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
