//! Processes that misbehave: their own calls fail, others are untouched, and nothing of them is left.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

#[path = "hostile_processes/answers.rs"]
mod answers;
#[path = "hostile_processes/isolated.rs"]
mod isolated;
#[path = "hostile_processes/reentrant.rs"]
mod reentrant;
#[path = "hostile_processes/traces.rs"]
mod traces;

use gatewright_host_process::{Address, LoadError, Options, Patience, Process, Processes};
use gatewright_pipeline::{Entry, Exchange, Instance, PluginSet, Settings};
use gatewright_plugin::hosted::point;
use gatewright_plugin::{Facts, Failure, FailureMode};
use gatewright_testkit::request;
use gatewright_testkit::services::MockServices;
use rustix::process::{DumpableBehavior, Pid, Signal, dumpable_behavior, kill_process, test_kill_process};
use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// The longest that anything here is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// The time of a call here.
const BRIEF: Duration = Duration::from_millis(300);

/// Short times, so that the tests are.
fn impatient() -> Patience {
    Patience {
        start: Duration::from_millis(1500),
        end: Duration::from_millis(200),
        heed: Duration::from_millis(200),
        unheeded: 2,
        health: Duration::from_millis(500),
        ..Patience::default()
    }
}

fn options(how: &str) -> Options {
    let mut options = Options::new("hostile", Json::Null, MockServices::default().log.clone());
    options.arguments.push(how.into());
    options.patience = impatient();
    options.timeout = Some(BRIEF);
    options
}

/// The program that misbehaves.
fn program() -> Address {
    Address::File(env!("CARGO_BIN_EXE_hostile-process").into())
}

async fn load(processes: &Processes, how: &str) -> Result<Arc<Process>, LoadError> {
    processes.load(&program(), options(how)).await
}

/// A plugin that keeps its rules, beside those that do not.
async fn neighbour(processes: &Processes) -> Arc<Process> {
    let config = json!({ "hooks": { "check_input": [] } });
    let mut options = Options::new("neighbour", config, MockServices::default().log.clone());
    options.arguments.push("one_hook".into());
    processes.load(&Address::File(env!("CARGO_BIN_EXE_test-plugin").into()), options).await.unwrap()
}

async fn instance(name: &str, process: &Arc<Process>) -> Arc<Instance> {
    let services = MockServices::default().services();
    Instance::start(name, process.clone(), Json::Null, services, None, None).await.unwrap()
}

/// What a request comes to that goes through it.
async fn check(instance: &Arc<Instance>, timeout: Duration, mode: FailureMode) -> Result<(), Failure> {
    let settings = Settings { timeout: Some(timeout), failure_mode: Some(mode), ..Settings::default() };
    let set = PluginSet::compile(1, vec![Entry { instance: instance.clone(), settings }]).unwrap();
    let mut exchange = Exchange::new(Arc::new(set), Facts::default());
    let mut payload = Arc::new(request("m").user("hello").build());
    exchange.run::<point::CheckInput>(&mut payload).await.map(|_| ()).map_err(|fault| fault.failure)
}

/// Does something while others ask, four at once, who are all answered in time.
async fn beside<T>(others: &Arc<Instance>, how: &str, work: impl Future<Output = T>) -> T {
    let ask = async || check(others, PATIENCE, FailureMode::Closed).await;
    let asking = async {
        loop {
            let answered = tokio::join!(ask(), ask(), ask(), ask());
            assert_eq!(answered, (Ok(()), Ok(()), Ok(()), Ok(())), "{how}: its neighbours");
            sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        done = work => done,
        () = asking => unreachable!("they have no end"),
    }
}

async fn fails(instance: &Arc<Instance>) -> &'static str {
    match check(instance, BRIEF, FailureMode::Closed).await {
        Ok(()) => "nothing",
        Err(failure) => failure.cause(),
    }
}

async fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let started = Instant::now();
    while !happened() {
        assert!(started.elapsed() < PATIENCE, "waited in vain: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// It is not there any more, not even as what nobody waited for.
async fn gone(pid: u32) {
    until("it is gone", || !Path::new(&format!("/proc/{pid}")).exists()).await;
}

/// The processes that have this one as the leader of their group.
fn group(leader: u32) -> Vec<u32> {
    field(2, leader)
}

/// The processes that have this number in that place, as the system lists what there is of them behind their names.
fn field(place: usize, number: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
    let has_it = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after = stat.rsplit_once(") ").map(|(_, after)| after.to_owned()).unwrap_or_default();
        after.split(' ').nth(place).and_then(|found| found.parse::<u32>().ok()) == Some(number)
    };
    numbers.filter(has_it).collect()
}

/// Its load fails with these words.
async fn does_not_load(how: &str, words: &[&str]) {
    let processes = Processes::start().unwrap();
    let others = instance("neighbour", &neighbour(&processes).await).await;
    let error = match beside(&others, how, load(&processes, how)).await {
        Ok(_) => panic!("{how}: it loads"),
        Err(error) => error.to_string(),
    };
    for word in words {
        assert!(error.contains(word) && !error.contains('\n'), "{how}: {error}");
    }
    drop(others);
    processes.close().await;
}

/// Its calls fail so, it is ended and started again for a reason that holds one of these words, and a neighbour never
/// notices.
async fn is_started_again(how: &str, causes: &[&str], says: &[&str]) {
    starts_again(how, &program(), options(how), causes, says).await;
}

/// The same of any program.
async fn starts_again(how: &str, program: &Address, options: Options, causes: &[&str], says: &[&str]) {
    let processes = Processes::start().unwrap();
    let others = instance("neighbour", &neighbour(&processes).await).await;
    let process = beside(&others, how, processes.load(program, options)).await.unwrap();
    let it = instance("hostile", &process).await;
    let first = process.status().pid.unwrap();
    let calls = async {
        let (started, mut why) = (Instant::now(), None);
        // The breaker leaves it alone after five in a row: each request has an instance of its own here.
        while process.status().restarts == 0 {
            let cause = fails(&it).await;
            assert!(causes.contains(&cause) || cause == "unavailable", "{how}: {cause}");
            assert!(started.elapsed() < PATIENCE, "{how}: it is not started again: {:?}", process.status());
            why = process.status().away.or(why);
            sleep(Duration::from_millis(5)).await;
        }
        why.unwrap_or_default()
    };
    let why = beside(&others, how, calls).await;
    assert!(says.iter().any(|said| why.contains(said)) && !why.contains('\n'), "{how}: {why}");
    gone(first).await;
    let open = check(&it, BRIEF, FailureMode::Open).await;
    assert_eq!(open, Ok(()), "{how}: it is `fail_open`");
    until("it is up", || process.status().pid.is_some()).await;
    let last = process.status().pid.unwrap();
    drop((it, others, process));
    processes.close().await;
    gone(last).await;
    assert_eq!(group(last), Vec::<u32>::new());
}

#[tokio::test]
async fn it_never_starts() {
    does_not_load("never", &["did not serve within 1.5s", "GATEWRIGHT_PLUGIN_SOCKET"]).await;
}

#[tokio::test]
async fn it_exits_at_once() {
    does_not_load("exits", &["ended with code 3 before it served: there is no licence for this"]).await;
}

#[tokio::test]
async fn it_says_another_cookie() {
    does_not_load("wrong_cookie", &["cookie"]).await;
}

#[tokio::test]
async fn it_says_nothing_that_can_be_understood() {
    does_not_load("unintelligible", &["what it says of itself"]).await;
}

#[tokio::test]
async fn it_speaks_no_http() {
    does_not_load("no_http", &["plugin"]).await;
}

#[tokio::test]
async fn it_refuses_its_config() {
    does_not_load("refuses", &["its config: there is no `key`"]).await;
}

#[tokio::test]
async fn it_was_built_for_another_version() {
    does_not_load("too_new", &["built for version 2 of the contract", "speaks version 1", "upgrade the gateway"]).await;
    does_not_load("too_old", &["built for version 0 of the contract", "build the plugin with a newer SDK"]).await;
}

#[tokio::test]
async fn its_words_are_no_text() {
    does_not_load("no_utf8", &["what it says of itself is not a legal document"]).await;
    does_not_load("exits_garbled", &["ended with code 3 before it served: there is no \u{fffd}\u{fffd} licence"]).await;
}

#[tokio::test]
async fn it_dies_at_its_start() {
    does_not_load("dies_at_start", &["was ended by signal 6 before it served"]).await;
}

#[tokio::test]
async fn it_is_no_executable() {
    let processes = Processes::start().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    for path in [Path::new("/nowhere/at/all"), file.path(), Path::new("/tmp")] {
        let error = processes.load(&Address::File(path.into()), options("")).await.err().unwrap().to_string();
        assert!(error.contains("cannot be started"), "{error}");
    }
    processes.close().await;
}

#[tokio::test]
async fn its_interpreter_is_missing() {
    let processes = Processes::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("plugin");
    std::fs::write(&script, "#!/no/such/python3\nprint()\n").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let error = processes.load(&Address::File(script), options("")).await.err().unwrap().to_string();
    assert!(error.contains("its first line names the interpreter `/no/such/python3`, which is missing"), "{error}");
    processes.close().await;
}

#[tokio::test]
async fn it_starts_slowly() {
    let processes = Processes::start().unwrap();
    let process = load(&processes, "slow").await.unwrap();
    let it = instance("hostile", &process).await;
    assert_eq!(check(&it, PATIENCE, FailureMode::Closed).await, Ok(()));
    drop((it, process));
    processes.close().await;
}

#[tokio::test]
async fn it_dies_in_a_call() {
    is_started_again("dies", &["unavailable"], &["was ended by signal 6"]).await;
}

#[tokio::test]
async fn it_answers_calls_that_it_was_not_asked() {
    is_started_again("wrong_id", &["unavailable"], &["it answered a call that it was not asked"]).await;
}

#[tokio::test]
async fn it_answers_twice() {
    is_started_again("answers_twice", &["nothing"], &["it answered a call that it was not asked"]).await;
}

#[tokio::test]
async fn it_ends_its_session() {
    is_started_again("hangs_up", &["nothing"], &["it ended its session"]).await;
}

#[tokio::test]
async fn it_answers_more_than_a_message_may_have() {
    is_started_again("oversized", &["unavailable", "timeout"], &["its session broke"]).await;
}

#[tokio::test]
async fn it_never_answers_nor_heeds() {
    is_started_again("hangs", &["timeout"], &["goes on with calls that were given up"]).await;
}

/// What clients leave has the time still that it has anyway, and nobody else's call is lost for it.
#[tokio::test]
async fn its_clients_leave_early() {
    let processes = Processes::start().unwrap();
    let mut options = options("dawdles");
    options.timeout = Some(PATIENCE);
    let process = processes.load(&program(), options).await.unwrap();
    let it = instance("hostile", &process).await;
    let another = tokio::spawn({
        let it = it.clone();
        async move { check(&it, PATIENCE, FailureMode::Closed).await }
    });
    for _ in 0..5 {
        let left = tokio::time::timeout(Duration::from_millis(20), check(&it, PATIENCE, FailureMode::Closed)).await;
        assert!(left.is_err());
    }
    assert_eq!(another.await.unwrap(), Ok(()));
    assert_eq!((process.status().restarts, process.status().away), (0, None));
    drop((it, process));
    processes.close().await;
}

#[tokio::test]
async fn it_computes_for_ever() {
    is_started_again("spins", &["timeout"], &["goes on with calls that were given up", "does not say how it is"]).await;
}

#[tokio::test]
async fn it_does_not_read() {
    is_started_again(
        "deaf",
        &["nothing", "timeout"],
        &["does not read what it is told", "goes on with calls", "does not say how it is"],
    )
    .await;
}

#[tokio::test]
async fn it_wants_everything() {
    is_started_again(
        "greedy",
        &["timeout", "malformed"],
        &["goes on with calls", "does not read", "does not say how it is"],
    )
    .await;
}

#[tokio::test]
async fn it_answers_garbage() {
    let processes = Processes::start().unwrap();
    for (how, cause) in [("garbage", "malformed"), ("large", "oversized")] {
        let process = load(&processes, how).await.unwrap();
        let it = instance("hostile", &process).await;
        let failure = check(&it, PATIENCE, FailureMode::Closed).await.err();
        assert_eq!(failure.map(|failure| failure.cause()), Some(cause), "{how}");
        assert_eq!(check(&it, PATIENCE, FailureMode::Open).await, Ok(()), "{how}");
        assert_eq!(process.status().restarts, 0, "{how}");
    }
    processes.close().await;
}

#[cfg(target_os = "linux")]
#[test]
fn it_may_not_read_what_the_gateway_has() {
    let _processes = Processes::start().unwrap();
    assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
}

#[tokio::test]
async fn it_says_more_than_anybody_wants_to_hear() {
    let processes = Processes::start().unwrap();
    let process = load(&processes, "talkative").await.unwrap();
    let it = instance("hostile", &process).await;
    for _ in 0..3 {
        assert_eq!(check(&it, PATIENCE, FailureMode::Closed).await, Ok(()));
    }
    assert_eq!(process.status().restarts, 0);
    drop((it, process));
    processes.close().await;
}

/// What it says of one call is of no other, over whichever connection.
#[tokio::test]
async fn it_says_of_every_other_call_that_it_is_unavailable() {
    let processes = Processes::start().unwrap();
    let process = load(&processes, "sometimes_unavailable").await.unwrap();
    let it = instance("hostile", &process).await;
    let call = async || match check(&it, PATIENCE, FailureMode::Closed).await {
        Ok(()) => "answered",
        Err(failure) if failure.to_string().contains("its database is down") => failure.cause(),
        Err(failure) => panic!("{failure}"),
    };
    // The first go over the supervisor's connection.
    let before = [call().await, call().await, call().await, call().await];
    assert_eq!(before.iter().filter(|outcome| **outcome == "answered").count(), 2, "{before:?}");
    until("it has a connection of its own", || process.status().connections > 0).await;
    let after = [call().await, call().await, call().await, call().await];
    assert_eq!(after.iter().filter(|outcome| **outcome == "answered").count(), 2, "{after:?}");
    assert_eq!((process.status().restarts, process.status().connections), (0, 1));
    drop((it, process));
    processes.close().await;
}

#[tokio::test]
async fn it_is_killed_from_outside() {
    let processes = Processes::start().unwrap();
    let process = load(&processes, "quiet").await.unwrap();
    let it = instance("hostile", &process).await;
    let first = process.status().pid.unwrap();
    kill_process(Pid::from_raw(first.cast_signed()).unwrap(), Signal::KILL).unwrap();
    gone(first).await;
    until("it is away", || process.status().away.is_some() || process.status().restarts > 0).await;
    until("it is back", || process.status().restarts == 1 && process.status().away.is_none()).await;
    assert_eq!(check(&it, PATIENCE, FailureMode::Closed).await, Ok(()));
    drop((it, process));
    processes.close().await;
}

#[tokio::test]
async fn it_is_stopped_from_outside() {
    let processes = Processes::start().unwrap();
    let process = load(&processes, "quiet").await.unwrap();
    let first = process.status().pid.unwrap();
    kill_process(Pid::from_raw(first.cast_signed()).unwrap(), Signal::STOP).unwrap();
    until("it is started again", || process.status().restarts == 1).await;
    gone(first).await;
    drop(process);
    processes.close().await;
}

#[tokio::test]
async fn it_does_not_end_when_asked() {
    let processes = Processes::start().unwrap();
    let process = load(&processes, "stubborn").await.unwrap();
    let pid = process.status().pid.unwrap();
    drop(process);
    processes.close().await;
    assert!(test_kill_process(Pid::from_raw(pid.cast_signed()).unwrap()).is_err());
    gone(pid).await;
}

#[tokio::test]
async fn it_leaves_others_behind() {
    let processes = Processes::start().unwrap();
    let process = load(&processes, "forks").await.unwrap();
    let pid = process.status().pid.unwrap();
    assert_eq!(group(pid).len(), 2);
    drop(process);
    processes.close().await;
    until("its group is gone", || group(pid).is_empty()).await;
}

/// The gateway ends while it is started again.
#[tokio::test]
async fn it_does_not_start_again() {
    let (processes, folder) = (Processes::start().unwrap(), tempfile::tempdir().unwrap());
    let started = folder.path().join("started");
    let mut options = options("starts_once");
    options.arguments.push(started.clone().into());
    let process = processes.load(&program(), options).await.unwrap();
    let it = instance("hostile", &process).await;
    let first = Pid::from_raw(process.status().pid.unwrap().cast_signed()).unwrap();
    kill_process(first, Signal::KILL).unwrap();
    let lines = || std::fs::read_to_string(&started).unwrap_or_default();
    until("its second start", || lines().lines().count() == 2).await;
    let second = lines().lines().last().unwrap().to_owned();
    let (pid, socket) = second.split_once(' ').unwrap();
    drop((it, process));
    let began = Instant::now();
    processes.close().await;
    assert!(began.elapsed() < Duration::from_secs(5), "its start is not waited for");
    assert_eq!(group(pid.parse().unwrap()), Vec::<u32>::new());
    assert!(!Path::new(socket).parent().unwrap().exists(), "nor is its folder there");
}

#[tokio::test]
async fn it_is_noisy() {
    let processes = Processes::start().unwrap();
    for how in ["noisy", "prints"] {
        let mut options = options(how);
        // It takes a while to say so much.
        options.patience.start = PATIENCE;
        let process = processes.load(&program(), options).await.unwrap();
        let it = instance("hostile", &process).await;
        for _ in 0..3 {
            assert_eq!(check(&it, PATIENCE, FailureMode::Closed).await, Ok(()), "{how}");
        }
        assert_eq!(process.status().restarts, 0, "{how}");
    }
    processes.close().await;
}

#[tokio::test]
async fn its_load_is_given_up() {
    let processes = Processes::start().unwrap();
    let loading = tokio::time::timeout(Duration::from_millis(100), load(&processes, "never")).await;
    assert!(loading.is_err());
    let started = Instant::now();
    processes.close().await;
    assert!(started.elapsed() < Duration::from_secs(1), "it is not waited for");
}

/// Says which process it started, and does nothing more.
#[test]
#[ignore = "another test runs it as a program"]
fn be_a_gateway() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let processes = Processes::start().unwrap();
        let process = load(&processes, "stubborn").await.unwrap();
        println!("\npid {}", process.status().pid.unwrap());
        std::future::pending::<()>().await;
    });
}

#[test]
fn its_gateway_is_killed() {
    let mut gateway = Command::new(std::env::current_exe().unwrap())
        .args(["be_a_gateway", "--exact", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(gateway.stdout.take().unwrap()).lines().map_while(Result::ok);
    let pid = lines.filter_map(|line| line.strip_prefix("pid ")?.parse().ok()).next();
    gateway.kill().unwrap();
    gateway.wait().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(gone(pid.unwrap()));
}

#[test]
fn its_gateways_thread_ends() {
    // The thread ends with its last user, and takes what it has with it.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let pid = runtime.block_on(async {
        let processes = Processes::start().unwrap();
        let process = load(&processes, "quiet").await.unwrap();
        process.status().pid.unwrap()
    });
    runtime.block_on(gone(pid));
}
