//! What tests of `gatewright plugin` share.

#![allow(dead_code, reason = "each test uses some of it")]

use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository.
pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// How a command ended.
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    /// What it wrote, if it ended well.
    pub(crate) fn well(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// The sentence with which it refused.
    pub(crate) fn refused(self) -> String {
        assert_eq!(self.code, Some(1), "{}{}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked at"), "{}", self.stderr);
        self.stderr.trim().to_owned()
    }

    /// The cases that failed, by name.
    pub(crate) fn failed(self) -> Vec<String> {
        assert_eq!(self.code, Some(1), "{}{}", self.stdout, self.stderr);
        let report: Json = serde_json::from_str(&self.stdout).unwrap();
        assert_eq!(report["holds"], false);
        let cases = report["cases"].as_array().unwrap().iter();
        let failed = cases.filter(|case| case["outcome"]["fails"].is_string());
        let name = |case: &Json| format!("{}/{}", case["about"].as_str().unwrap(), case["name"].as_str().unwrap());
        failed.map(name).collect()
    }
}

/// Runs `gatewright plugin` in this folder.
pub(crate) fn plugin(folder: &Path, arguments: &[&str]) -> Done {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatewright"));
    command.arg("plugin").args(arguments).current_dir(folder);
    // One place for all crates that tests build, and no link-time optimisation: it takes minutes.
    command.env("CARGO_TARGET_DIR", target()).env("CARGO_PROFILE_RELEASE_LTO", "off");
    command.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    let done = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Done { code: done.status.code(), stdout: text(done.stdout), stderr: text(done.stderr) }
}

/// Where the crates of tests are built.
pub(crate) fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins")
}

/// Compiles a library in C.
pub(crate) fn compiled(folder: &Path, source: &Path, name: &str, arguments: &[&str]) {
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-D_GNU_SOURCE", "-O1", "-fPIC", "-shared", "-pthread", "-w", "-I"]);
    cc.arg(Path::new(ROOT).join("include")).arg("-o").arg(folder.join(name)).arg(source).args(arguments);
    let done = cc.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
