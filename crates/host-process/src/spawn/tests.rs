use super::*;
use gatewright_plugin::services::{Log, LogRecord};
use std::sync::Arc;

struct Nothing;

impl Log for Nothing {
    fn log(&self, _: &LogRecord<'_>) {}
}

fn said(first_line: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("plugin");
    fs::write(&script, first_line).unwrap();
    without_interpreter(&script).map(|error| error.to_string())
}

#[test]
fn an_interpreter_that_is_missing_is_named() {
    let missing = |name: &str| Some(format!("its first line names the interpreter `{name}`, which is missing"));
    assert_eq!(said("#!/no/such/python3\nprint()\n"), missing("/no/such/python3"));
    assert_eq!(said("#! /no/such/python3 -u\n"), missing("/no/such/python3"));
    assert_eq!(said("#!/no/such/python3"), missing("/no/such/python3"));
    assert_eq!(said("#!/bin/sh\r\necho\r\n"), missing("/bin/sh\\r"), "of a file with the line ends of Windows");
}

#[test]
fn of_what_else_is_missing_nothing_is_said() {
    assert_eq!(said("#!/bin/sh\n"), None);
    assert_eq!(said("#!\n"), None);
    assert_eq!(said("\x7fELF"), None);
    assert!(without_interpreter(Path::new("/no/such/script")).is_none());
}

/// What a script prints that is started so.
#[cfg(target_os = "linux")]
async fn printed(script: &str, options: &Options) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plugin");
    fs::write(&file, script).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o700)).unwrap();
    let output = spawn(&file, options, &Meeting::new().await.unwrap()).unwrap().wait_with_output().await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_process_has_its_memory() {
    let mut options = Options::new("it", serde_json::json!({}), Arc::new(Nothing));
    let script = "#!/bin/sh\nulimit -S -d; ulimit -H -d\n";
    assert_eq!(printed(script, &options).await.lines().count(), 2);
    options.memory_bytes = Some(64 << 20);
    assert_eq!(printed(script, &options).await, "65536\n65536\n");
}

/// How soon the system ends a process, on its scale.
#[cfg(target_os = "linux")]
fn score(process: u32) -> i32 {
    fs::read_to_string(format!("/proc/{process}/oom_score_adj")).unwrap().trim().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_process_goes_before_the_gateway() {
    let own = score(std::process::id());
    let mut options = Options::new("it", serde_json::json!({}), Arc::new(Nothing));
    options.arguments.push("60".into());
    let child = spawn(Path::new("/bin/sleep"), &options, &Meeting::new().await.unwrap()).unwrap();
    assert_eq!(score(child.id().unwrap()), (own + 500).min(1000));
}

/// In a process of its own: nobody may look into it from now on.
#[cfg(target_os = "linux")]
#[test]
fn it_goes_before_one_that_is_not_root_and_that_nobody_may_look_into() {
    use rustix::process::{DumpableBehavior, getuid, set_dumpable_behavior};
    use std::os::unix::process::CommandExt;
    const ALONE: &str = "GATEWRIGHT_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        assert!(!getuid().is_root());
        set_dumpable_behavior(DumpableBehavior::NotDumpable).unwrap();
        return a_process_goes_before_the_gateway();
    }
    // What is run so need not be where that user may look.
    let mut alone = std::process::Command::new("/proc/self/exe");
    let name = "spawn::tests::it_goes_before_one_that_is_not_root_and_that_nobody_may_look_into";
    alone.args(["--exact", name]).env(ALONE, "").env("TMPDIR", "/tmp").current_dir("/");
    if getuid().is_root() {
        alone.uid(65534).gid(65534);
    }
    let output = alone.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains(" 1 passed"), "{said}");
}
