//! What was answered is kept, however the process ends.

use gatewright_plugin::services::Kv;
use gatewright_store::Store;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

const FOLDER: &str = "GATEWRIGHT_TEST_FOLDER";

/// Not a test of its own: the process that is killed.
#[tokio::test]
#[ignore = "run by the test below"]
async fn counts_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let kv = Store::in_dir(&folder).kv("it");
    loop {
        println!("count {}", kv.increment("n", 1).await.unwrap());
    }
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = 0;
    for round in 1..=3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "counts_until_it_is_killed", "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        // The first line of a test stands behind its name.
        for line in lines.filter(|line| line.contains("count ")) {
            told = line.rsplit(' ').next().unwrap().parse::<i64>().unwrap();
            if told >= round * 200 {
                // SIGKILL.
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        let kv = Store::in_dir(folder.path()).kv("it");
        assert!(kv.increment("n", 0).await.unwrap() >= told);
    }
    assert!(told >= 600);
}
