//! The test plugins as native libraries and programs: built once, by cargo, into a folder of their own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// Where cargo puts them: not where this test was built, whose lock cargo may hold. `GATEWRIGHT_ARTEFACTS` names a folder
/// where they are already.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    if let Some(folder) = std::env::var_os("GATEWRIGHT_ARTEFACTS") {
        return folder.into();
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("artefacts");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--locked", "--package", "gatewright-test-plugins", "--examples"])
        .args(["--features", "programs", "--target-dir"])
        .arg(&target)
        // Each instance that is loaded hashes its file: small ones make for short tests.
        .env("CARGO_PROFILE_DEV_STRIP", "symbols")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .status();
    assert!(built.is_ok_and(|status| status.success()), "the plugins could not be built");
    target.join("debug/examples")
});

/// Builds them, if nobody did: a case has no time for it.
pub(crate) fn build() {
    LazyLock::force(&FOLDER);
}

/// The native library of a plugin.
pub(crate) fn library(name: &str) -> PathBuf {
    let (prefix, ending) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    FOLDER.join(format!("{prefix}{name}{ending}"))
}
