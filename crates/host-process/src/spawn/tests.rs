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
async fn a_process_has_its_memory_and_goes_before_the_gateway() {
    let mut options = Options::new("it", serde_json::json!({}), Arc::new(Nothing));
    let script = "#!/bin/sh\nulimit -S -d; ulimit -H -d; cat /proc/self/oom_score_adj\n";
    assert!(printed(script, &options).await.ends_with("\n500\n"));
    options.memory_bytes = Some(64 << 20);
    assert_eq!(printed(script, &options).await, "65536\n65536\n500\n");
}
