//! The binary as it is run. That this test is here also has `cargo test` build the binary that the end-to-end tests
//! drive, with the dependencies that all other tests have.

#![expect(clippy::panic, reason = "a test")]

use std::process::Command;

/// The exit code, and what was written to stdout and stderr.
fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_gatewright")).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("it does not start: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn it_says_its_version() {
    let (code, said, _) = run(&["version"]);
    assert_eq!((code, said.trim()), (Some(0), concat!("gatewright ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn its_help_says_what_it_is() {
    let (code, said, _) = run(&["--help"]);
    assert_eq!(
        (code, said.lines().next()),
        (Some(0), Some("An AI gateway in which every step of a request is a hook"))
    );
}

#[test]
fn a_library_that_is_not_there_cannot_be_hosted() {
    let (code, _, said) = run(&["plugin", "host", "/nowhere/none.so"]);
    assert_eq!(code, Some(1));
    assert!(said.starts_with("cannot read `/nowhere/none.so`: ") && said.lines().count() == 1, "{said}");
}

#[test]
fn what_is_no_library_cannot_be_hosted() {
    let (code, _, said) = run(&["plugin", "host", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]);
    assert_eq!(code, Some(1));
    assert!(said.contains("is not a shared library"), "{said}");
}
