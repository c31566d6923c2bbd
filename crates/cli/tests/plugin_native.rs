//! `gatewright plugin inspect` and `test` with libraries in C: a good one, and those that do not do what they should.

#![expect(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{ROOT, compiled, plugin};
use serde_json::Value as Json;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const GUARD: &str = "examples/plugins/c-guard/c_guard.c";
const HOSTILE: &str = "crates/host-native/tests/hostile/hostile.c";

/// A folder with a library of this source.
fn library(source: &str, arguments: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    compiled(folder.path(), &Path::new(ROOT).join(source), "it.so", arguments);
    folder
}

fn hostile(arguments: &[&str]) -> TempDir {
    library(HOSTILE, &[arguments, &["-DUNIQUE=1"]].concat())
}

#[test]
fn a_library_is_looked_at() {
    let folder = library(GUARD, &[]);
    let said = plugin(folder.path(), &["inspect", "it.so"]).well();
    for line in [
        "host          native",
        "name          c-guard",
        "version       1.0.0",
        "contract      1.0",
        "hooks         check_input",
        "permissions   kv",
        "headers       none",
        "messages      ro",
        "failure mode  fail_closed",
        "stateful      false",
    ] {
        assert!(said.lines().any(|said| said == line), "{line} is not in\n{said}");
    }
    assert!(said.contains("in a process of its own"), "{said}");
    let json: Json = serde_json::from_str(&plugin(folder.path(), &["inspect", "it.so", "--json"]).well()).unwrap();
    assert_eq!((&json["hooks"][0], &json["at_once"]), (&Json::from("check_input"), &Json::from(Vec::<Json>::new())));
    assert_eq!(json["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn a_library_that_is_none_is_refused_in_a_sentence() {
    let folder = library(GUARD, &[]);
    let whole = std::fs::read(folder.path().join("it.so")).unwrap();
    std::fs::write(folder.path().join("half.so"), &whole[..whole.len() / 2]).unwrap();
    for (file, says) in
        [("half.so", "truncated or damaged"), ("none.so", "there is no file `none.so`"), (".", "is a folder")]
    {
        let said = plugin(folder.path(), &["inspect", file]).refused();
        assert!(said.contains(says) && said.lines().count() == 1, "{said}");
    }
    for (define, says) in [
        ("-DNO_SYMBOL", "exports no `gatewright_plugin_v1`"),
        ("-DTOO_NEW", "version 2 of the ABI"),
        ("-DNO_TABLE", "answers nothing"),
        ("-DBAD_MANIFEST", "its manifest is not as it must be"),
    ] {
        let said = plugin(hostile(&[define]).path(), &["inspect", "it.so"]).refused();
        assert!(said.contains(says) && said.lines().count() == 1, "{said}");
    }
}

/// A library of which `what` is all that is odd.
fn odd(constructor: &str, entry: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("odd.c");
    let code = format!(
        r#"
        #include "gatewright_plugin.h"
        #include <stdio.h>
        #include <stdlib.h>
        #include <unistd.h>
        __attribute__((constructor)) static void first(void) {{ {constructor} }}
        static const gatewright_plugin_table_v1 table = {{
            .size = sizeof(gatewright_plugin_table_v1),
            .manifest = GATEWRIGHT_CONSTANT("{{\"name\": \"odd\", \"version\": \"1.0.0\"}}"),
        }};
        const gatewright_plugin_table_v1 *gatewright_plugin_v1(void) {{ {entry} return &table; }}
        "#
    );
    std::fs::write(&source, code).unwrap();
    compiled(folder.path(), &source, "it.so", &[]);
    folder
}

#[test]
fn a_library_that_ends_the_process_which_opens_it_is_refused_in_a_sentence() {
    for (constructor, entry, how) in [
        ("exit(0);", "", "(code 0)"),
        ("_exit(0);", "", "(code 0)"),
        ("exit(1);", "", "(code 1)"),
        ("abort();", "", "by signal 6"),
        ("", "_exit(0);", "(code 0)"),
        ("", "abort();", "by signal 6"),
    ] {
        let said = plugin(odd(constructor, entry).path(), &["inspect", "it.so"]).refused();
        let sentence =
            "`it.so` cannot be loaded: its constructors or its entry ended the process in which it was opened";
        assert_eq!(said, format!("{sentence} first {how}"), "{constructor} {entry}");
    }
}

#[test]
fn what_a_library_prints_as_it_is_opened_spoils_nothing() {
    let prints = r#"printf("{}\n{"); fflush(stdout);"#;
    let said = plugin(odd(prints, prints).path(), &["inspect", "it.so"]).well();
    assert!(said.lines().any(|line| line == "name          odd"), "{said}");
}

#[test]
fn a_good_library_passes() {
    let folder = library(GUARD, &[]);
    let said = plugin(folder.path(), &["test", "it.so", "--config", r#"{"word": "rosebud"}"#]).well();
    assert!(said.contains("c-guard 1.0.0 (native): ") && said.contains(", 0 fail;"), "{said}");
    assert!(said.lines().any(|line| line.starts_with("check_input ")), "{said}");
    std::fs::write(folder.path().join("config.json"), r#"{"word": "rosebud"}"#).unwrap();
    plugin(folder.path(), &["test", "it.so", "--config", "@config.json", "--permission", "kv"]).well();
    let without = plugin(folder.path(), &["test", "it.so"]);
    assert!(without.stdout.contains("its config needs a `word`"), "{}", without.stdout);
    assert!(without.stdout.contains("`--config`"), "{}", without.stdout);
    assert_eq!(without.code, Some(1));
}

#[test]
fn what_a_library_does_wrong_is_found_out() {
    let folder = hostile(&[]);
    let failed = |mode: &str| {
        let config = format!(r#"{{"mode": "{mode}"}}"#);
        plugin(folder.path(), &["test", "it.so", "--json", "--config", &config]).failed()
    };
    for mode in ["document", "oversized", "status", "unwell"] {
        let failed = failed(mode);
        assert!(failed.contains(&"check_input/answers/plain".to_owned()), "{mode}: {failed:?}");
    }
    assert_eq!(failed("create_fails"), ["life/starts"]);
}

#[test]
fn a_library_that_hangs_is_found_out_and_not_waited_for() {
    let folder = hostile(&[]);
    let failed = plugin(folder.path(), &["test", "it.so", "--json", "--config", r#"{"mode": "loop"}"#]).failed();
    assert_eq!(failed, ["check_input/answers/plain", "check_input/answers/empty"]);
}

#[test]
fn a_library_that_crashes_is_found_out_by_who_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("crash.c");
    std::fs::write(
        &source,
        r#"
        #include "gatewright_plugin.h"
        #include <stdlib.h>
        static const gatewright_host_v1 *host;
        static gatewright_status create(const gatewright_host_v1 *given, gatewright_call call, gatewright_slice config,
                                        void **plugin) {
          host = given;
          return GATEWRIGHT_OK;
        }
        static gatewright_status check_input(void *plugin, gatewright_call call) {
          gatewright_slice text;
          if (host->get_text(call, GATEWRIGHT_LITERAL("messages/1/blocks/0/content/text"), &text) == GATEWRIGHT_OK &&
              text.len == 0) {
            abort();
          }
          return GATEWRIGHT_OK;
        }
        static const gatewright_hooks_v1 hooks = {.size = sizeof(gatewright_hooks_v1), .check_input = check_input};
        static const gatewright_plugin_table_v1 table = {
            .size = sizeof(gatewright_plugin_table_v1),
            .manifest = GATEWRIGHT_CONSTANT("{\"name\": \"crash\", \"version\": \"1.0.0\"}"),
            .hooks = &hooks,
            .create = create,
        };
        const gatewright_plugin_table_v1 *gatewright_plugin_v1(void) { return &table; }
        "#,
    )
    .unwrap();
    compiled(folder.path(), &source, "it.so", &[]);
    let done = plugin(folder.path(), &["test", "it.so", "--json"]);
    let report: Json = serde_json::from_str(&done.stdout).unwrap();
    let last = report["cases"].as_array().unwrap().last().unwrap().clone();
    assert!(last["outcome"]["fails"].as_str().unwrap().contains("ended the process"), "{last}");
    assert_eq!(done.failed(), ["check_input/answers/empty"]);
}

#[test]
fn what_is_asked_wrongly_is_refused_in_a_sentence() {
    let folder = library(GUARD, &[]);
    for (arguments, says) in [
        (&["test", "it.so", "--config", "{"][..], "`--config` is not JSON"),
        (&["test", "it.so", "--config", "@none.json"], "cannot read `none.json`"),
        (&["test", "it.so", "--permission", "files"], "`files` is no permission: metrics, "),
        (&["test", "grpc://127.0.0.1"], "is no address"),
        (&["inspect", "grpc://127.0.0.1:1"], "nobody answers at grpc://127.0.0.1:1"),
        (&["build", "."], "there is no Cargo.toml"),
        (&["new", "No"], "is no name for a plugin"),
        (&["new", "ok", "--gatewright", "/nowhere"], "there is no checkout of Gatewright in `/nowhere`"),
    ] {
        let said = plugin(folder.path(), arguments).refused();
        assert!(said.contains(says) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn a_call_that_hangs_leaves_nothing_of_a_run_behind() {
    let (folder, temporary) = (hostile(&[]), tempfile::tempdir().unwrap());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatewright"));
    command.args(["plugin", "run", "it.so", "--config", r#"{"mode":"loop"}"#, "--port", &port.to_string()]);
    command.current_dir(folder.path()).env("TMPDIR", temporary.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = command.spawn().unwrap();
    let begun = Instant::now();
    let mut client = loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(client) => break client,
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
        assert!(begun.elapsed() < Duration::from_secs(60) && running.try_wait().unwrap().is_none());
    };
    let body = r#"{"model":"demo/echo","messages":[{"role":"user","content":"hello"}]}"#;
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length:";
    write!(client, "{head} {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let left =
        || std::fs::read_dir(temporary.path()).unwrap().flatten().map(|entry| entry.file_name()).collect::<Vec<_>>();
    assert!(!left().is_empty());
    assert!(Command::new("kill").args(["-INT", &running.id().to_string()]).status().unwrap().success());
    running.wait().unwrap();
    assert_eq!(left(), Vec::<std::ffi::OsString>::new());
}
