//! From `plugin new` to `plugin test`, for every host, as somebody does who begins: the same source in each.

#![expect(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{plugin, target};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const HOSTS: [(&str, &str); 3] = [("wasm", "it.wasm"), ("native", "it.so"), ("process", "it")];

/// Begins a plugin of this name, builds it for each host under the name `it`, and gives its folder.
fn begun(folder: &Path, name: &str, source: Option<&str>) -> PathBuf {
    let said = plugin(folder, &["new", name]).well();
    assert!(said.contains("gatewright plugin build"), "{said}");
    let made = folder.join(name);
    if let Some(source) = source {
        std::fs::write(made.join("src/lib.rs"), source).unwrap();
    }
    for (host, artefact) in HOSTS {
        let said = plugin(&made, &["build", "--host", host, "--out", artefact]).well();
        assert!(said.starts_with(&format!("built {artefact} (")), "{said}");
        assert!(!made.join(format!("{artefact}.part")).exists());
    }
    made
}

#[test]
fn what_is_begun_passes_its_own_test_and_every_case() {
    let folder = tempfile::tempdir().unwrap();
    let made = begun(folder.path(), "no-secrets", None);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let test = Command::new(cargo).arg("test").current_dir(&made).env("CARGO_TARGET_DIR", target()).output().unwrap();
    let said = String::from_utf8_lossy(&test.stdout);
    assert!(test.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&test.stderr));
    for (host, artefact) in HOSTS {
        let facts: Json = serde_json::from_str(&plugin(&made, &["inspect", "--json", artefact]).well()).unwrap();
        assert_eq!((&facts["host"], &facts["name"]), (&Json::from(host), &Json::from("no_secrets")));
        assert_eq!(facts["hooks"], Json::from(vec!["check_input"]));
        let report = plugin(&made, &["test", "--json", artefact, "--config", "{}"]).well();
        let report: Json = serde_json::from_str(&report).unwrap();
        let advice = report["cases"].as_array().unwrap().iter().find(|case| case["outcome"] != "holds");
        assert_eq!((&report["holds"], advice), (&Json::from(true), None), "{host}");
    }
    reached_where_it_listens(&made);
    started_with_what_is_said(&made);
    // Its Cargo.toml says what it is built for.
    assert!(plugin(&made, &["build"]).well().starts_with("built ./no-secrets.wasm ("));
    let again = plugin(folder.path(), &["new", "no-secrets"]).refused();
    assert!(again.contains("is there already"), "{again}");
}

/// As everybody formats who has no rustfmt.toml: a team's CI asks for it.
#[test]
fn what_is_begun_is_formatted() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "no-secrets", "prompt-injection-detector"] {
        plugin(folder.path(), &["new", name]).well();
        let made = folder.path().join(name);
        let mut rustfmt = Command::new("rustfmt");
        rustfmt.args(["--check", "--edition", "2024", "src/lib.rs", "src/main.rs"]).current_dir(&made);
        let done = rustfmt.output().unwrap();
        assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stdout));
    }
}

/// Somebody else runs the program, and only its address is known.
fn reached_where_it_listens(made: &Path) {
    let socket = made.join("it.sock");
    let mut listening = Command::new(made.join("it"));
    let mut child = listening.arg("--listen").arg(format!("unix://{}", socket.display())).spawn().unwrap();
    let began = Instant::now();
    while !socket.exists() {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not listen");
        std::thread::sleep(Duration::from_millis(10));
    }
    let address = format!("grpc+unix://{}", socket.display());
    let inspected = plugin(made, &["inspect", &address]);
    let tested = plugin(made, &["test", &address]);
    child.kill().unwrap();
    child.wait().unwrap();
    let said = inspected.well();
    assert!(said.contains("no_secrets") && !said.contains("sha256"), "{said}");
    assert!(tested.well().contains("no_secrets 0.1.0 (process): "));
    assert!(plugin(made, &["test", &address]).stdout.contains("nobody answers at grpc+unix://"));
}

/// A program that needs a variable and an argument.
fn started_with_what_is_said(made: &Path) {
    let script = made.join("needs-more");
    let program = made.join("it");
    let needs = "[ \"$1 $MODE\" = \"-x quiet\" ] || { echo \"it was not told\" >&2; exit 3; }";
    std::fs::write(&script, format!("#!/bin/sh\n{needs}\nexec {}\n", program.display())).unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    for command in ["inspect", "test"] {
        let without = plugin(made, &[command, "needs-more"]);
        assert!(without.code == Some(1) && (without.stdout + &without.stderr).contains("it was not told"), "{command}");
        let told = ["--env", "MODE=quiet", "--argument", "-x"];
        let said = plugin(made, &[&[command, "needs-more"][..], &told].concat()).well();
        assert!(said.contains("no_secrets"), "{said}");
    }
    let said = plugin(made, &["test", "it.wasm", "--env", "MODE=quiet"]).refused();
    assert_eq!(said, "`--env` is for programs, and `it.wasm` is a WASM component");
}

#[test]
fn what_is_wrong_is_found_out_in_every_host() {
    let folder = tempfile::tempdir().unwrap();
    let made = begun(folder.path(), "faulty", Some(include_str!("faulty/lib.rs")));
    for (host, artefact) in HOSTS {
        let failed = |mode: &str| {
            let config = format!(r#"{{"mode": "{mode}"}}"#);
            plugin(&made, &["test", "--json", artefact, "--config", &config]).failed()
        };
        assert_eq!(failed("panics"), ["check_input/answers/empty", "check_input/answers/no_blocks"], "{host}");
        let said = plugin(&made, &["test", artefact, "--config", r#"{"mode": "panics"}"#]).stdout;
        let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("panicked: a text that is empty, at src/lib.rs:"), "{host}: {said}");
        assert!(failed("refuses").contains(&"check_input/answers/plain".to_owned()), "{host}");
        if host == "wasm" {
            assert_eq!(failed("keeps"), ["memory/thousand_calls"], "{host}");
        } else {
            assert!(failed("dies").contains(&"check_input/answers/empty".to_owned()), "{host}");
        }
        let said = plugin(&made, &["test", artefact]);
        assert!(said.code == Some(1) && said.stdout.contains("FAILS life/starts"), "{host}: {}", said.stdout);
    }
    let core = plugin(&made, &["build", "--core", "it.wasm"]).refused();
    assert!(core.lines().count() == 1, "{core}");
}
