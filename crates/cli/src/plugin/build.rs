//! `gatewright plugin build`.

use super::Fault;
use crate::args::BuildPlugin;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TARGET: &str = "wasm32-unknown-unknown";

/// Small and quick, without the crate's Cargo.toml having to say so. A plugin that panics traps, and its instance is
/// thrown away: nothing would unwind.
const PROFILE: [(&str, &str); 5] = [
    ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
    ("CARGO_PROFILE_RELEASE_LTO", "fat"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3"),
    ("CARGO_PROFILE_RELEASE_STRIP", "debuginfo"),
];

pub(super) fn run(build: &BuildPlugin) -> Result<String, Fault> {
    let module = match &build.core {
        Some(module) => module.clone(),
        None => compile(&build.folder)?,
    };
    let read = |error| format!("cannot read {}: {error}", module.display());
    let core = fs::read(&module).map_err(read)?;
    let component = gatewright_pack::pack(&core).map_err(|error| format!("{}: {error}", module.display()))?;
    let out = build.out.clone().unwrap_or_else(|| default_out(build, &module));
    // Written beside, then renamed: a gateway that watches the file never sees half of it.
    let beside = out.with_extension("wasm.part");
    let write = |error| format!("cannot write {}: {error}", out.display());
    fs::write(&beside, &component).map_err(write)?;
    fs::rename(&beside, &out).map_err(write)?;
    Ok(format!("{} ({} KB)", out.display(), component.len().div_ceil(1024)))
}

fn default_out(build: &BuildPlugin, module: &Path) -> PathBuf {
    let name = module.file_stem().map(|stem| stem.to_string_lossy().replace('_', "-")).unwrap_or_default();
    build.folder.join(format!("{name}.wasm"))
}

/// Builds the crate as a core module, and says where it is.
fn compile(folder: &Path) -> Result<PathBuf, Fault> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(folder).stdout(Stdio::piped()).env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    for (name, value) in PROFILE {
        if std::env::var_os(name).is_none() {
            cargo.env(name, value);
        }
    }
    cargo.args(["rustc", "--lib", "--crate-type", "cdylib", "--release", "--target", TARGET]);
    cargo.args(["--message-format", "json-render-diagnostics"]);
    // Set by `scripts/wasm-toolchain.sh` where rustup cannot fetch the target.
    if let Some(flags) = std::env::var("GATEWRIGHT_WASM_CARGO_FLAGS").ok().filter(|flags| !flags.is_empty()) {
        cargo.args(flags.split_whitespace());
    }
    let mut child = cargo.spawn().map_err(|error| format!("cannot run cargo: {error}"))?;
    let mut messages = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut messages).map_err(|error| format!("cargo's output: {error}"))?;
    }
    let status = child.wait().map_err(|error| format!("cargo: {error}"))?;
    if !status.success() {
        return Err(format!(
            "cargo did not build {}; if it misses the target: `rustup target add {TARGET}`, or, where rustup cannot \
             fetch it, `eval \"$(scripts/wasm-toolchain.sh)\"` in a checkout of Gatewright",
            folder.display()
        ));
    }
    let modules = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut files = modules.filter(|message| message["reason"] == "compiler-artifact").filter_map(|message| {
        let files = message["filenames"].as_array()?.clone();
        files.iter().filter_map(|file| file.as_str()).find(|file| file.ends_with(".wasm")).map(PathBuf::from)
    });
    files.next_back().ok_or_else(|| "cargo built no WASM module: is it a library?".to_owned())
}
