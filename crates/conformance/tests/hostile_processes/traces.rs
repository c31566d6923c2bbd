//! What a process leaves in the gateway: threads, open files, children and what is temporary go with it. In a process of
//! its own, where nothing else runs.

use crate::{BRIEF, check, field, instance, load, until};
use futures_util::future::join_all;
use gatewright_host_process::Processes;
use gatewright_plugin::FailureMode;
use std::fs;
use std::process::Command;

/// Ways to misbehave, in calls, at the start and at the end: so many at once. Those that take their time come first.
const DEEDS: [[&str; 8]; 3] = [
    ["never", "no_http", "hangs", "spins", "deaf", "greedy", "stubborn", "forks"],
    ["quiet", "dies", "garbage", "large", "wrong_id", "answers_twice", "exits", "dies_at_start"],
    ["oversized", "hangs_up", "talkative", "single", "prints", "meddles", "wrong_cookie", "too_new"],
];

/// What the gateway has.
#[derive(Debug, PartialEq, Eq)]
struct Traces {
    threads: usize,
    files: usize,
    children: usize,
    temporary: usize,
}

fn entries(folder: &str) -> usize {
    fs::read_dir(folder).unwrap().count()
}

// === impl Traces ===

impl Traces {
    fn now() -> Self {
        Self {
            threads: entries("/proc/self/task"),
            files: entries("/proc/self/fd"),
            children: field(PARENT, std::process::id()).len(),
            temporary: entries(std::env::temp_dir().to_str().unwrap()),
        }
    }
}

/// Where a process says which other it is a child of, behind its name.
const PARENT: usize = 1;

#[test]
fn all_that_it_takes_comes_back() {
    let temporary = tempfile::tempdir().unwrap();
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.args(["traces::it_is_measured", "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
    let ran = program.env("TMPDIR", temporary.path()).output().unwrap();
    assert!(ran.status.success(), "{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
}

/// Whatever they do: they are loaded, called, and let go.
async fn all() {
    let processes = Processes::start().unwrap();
    let deed = async |how| {
        let Ok(process) = load(&processes, how).await else { return };
        let it = instance("hostile", &process).await;
        for _ in 0..4 {
            let _ = check(&it, BRIEF, FailureMode::Open).await;
        }
    };
    for deeds in DEEDS {
        join_all(deeds.map(deed)).await;
    }
    processes.close().await;
}

#[tokio::test]
#[ignore = "another test runs it as a program"]
async fn it_is_measured() {
    let threads = entries("/proc/self/task");
    all().await;
    until("its threads end", || entries("/proc/self/task") == threads).await;
    // Some of the files are opened once.
    let before = Traces::now();
    assert_eq!((before.children, before.temporary), (0, 0), "{before:?}");
    for _ in 0..2 {
        all().await;
    }
    until(&format!("{before:?} is all that is left"), || Traces::now() == before).await;
}
