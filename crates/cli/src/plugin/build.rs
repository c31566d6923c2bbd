//! `gatewright plugin build`.

use super::Fault;
use super::cargo::{self, Crate};
use super::toolchain;
use crate::args::{BuildPlugin, HostChoice};
use std::env::consts::{DLL_SUFFIX, EXE_SUFFIX};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Small and quick, without the crate's Cargo.toml having to say so.
const PROFILE: [(&str, &str); 4] = [
    ("CARGO_PROFILE_RELEASE_LTO", "fat"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3"),
    ("CARGO_PROFILE_RELEASE_STRIP", "debuginfo"),
];

/// A component that panics traps, and its instance is thrown away: nothing would unwind. A native library must unwind.
const PANIC: &str = "CARGO_PROFILE_RELEASE_PANIC";

pub(super) fn run(build: &BuildPlugin) -> Result<String, Fault> {
    let (built, out, verb) = match &build.core {
        Some(module) => (Built::pack(module)?, core_out(build, module), "packed"),
        None => {
            let plugin = Crate::of(&build.folder)?;
            let host = build.host.or(plugin.host).unwrap_or_default();
            let built = match host {
                HostChoice::Wasm => wasm(&plugin)?,
                HostChoice::Native => native(&plugin)?,
                HostChoice::Process => process(&plugin)?,
            };
            (built, build.folder.join(file_name(&plugin.name, host)), "built")
        }
    };
    let out = build.out.clone().unwrap_or(out);
    let bytes = built.put(&out)?;
    Ok(format!("{verb} {} ({} KB)", out.display(), bytes.div_ceil(1024)))
}

fn core_out(build: &BuildPlugin, module: &Path) -> PathBuf {
    let name = module.file_stem().map(|stem| stem.to_string_lossy().replace('_', "-")).unwrap_or_default();
    build.folder.join(file_name(&name, HostChoice::Wasm))
}

fn file_name(name: &str, host: HostChoice) -> String {
    let ending = match host {
        HostChoice::Wasm => ".wasm",
        HostChoice::Native => DLL_SUFFIX,
        HostChoice::Process => EXE_SUFFIX,
    };
    format!("{name}{ending}")
}

fn wasm(plugin: &Crate) -> Result<Built, Fault> {
    has_library(plugin)?;
    let way = toolchain::find(plugin)?;
    let mut cargo = release();
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("CARGO_BUILD_RUSTFLAGS");
    cargo.env(PANIC, "abort").envs(way.environment);
    cargo.args(["rustc", "--lib", "--crate-type", "cdylib", "--release", "--target", toolchain::TARGET]);
    cargo.args(way.flags);
    let files = cargo::build(cargo, &plugin.folder)?;
    let module = files.into_iter().find(|file| file.extension().is_some_and(|ending| ending == "wasm"));
    Built::pack(&module.ok_or("cargo built no WASM module")?)
}

fn native(plugin: &Crate) -> Result<Built, Fault> {
    has_library(plugin)?;
    let mut cargo = release();
    cargo.env(PANIC, "unwind").args(["rustc", "--lib", "--crate-type", "cdylib", "--release"]);
    let files = cargo::build(cargo, &plugin.folder)?;
    let library = files.into_iter().find(|file| file.to_string_lossy().ends_with(DLL_SUFFIX));
    Ok(Built::File(library.ok_or("cargo built no library")?))
}

fn process(plugin: &Crate) -> Result<Built, Fault> {
    let Some(program) = &plugin.program else {
        let library = plugin.library.as_deref().unwrap_or("the_crate");
        return Err(format!(
            "`{}` has no program: write src/main.rs with `gatewright_sdk::executable!({library}::ThePlugin);`, and add \
             the feature `process` to gatewright-sdk in its Cargo.toml",
            plugin.name
        ));
    };
    let mut cargo = release();
    cargo.env(PANIC, "unwind").args(["build", "--release", "--bin", &program.name]);
    if !program.features.is_empty() {
        cargo.args(["--features", &program.features.join(",")]);
    }
    let files = cargo::build(cargo, &plugin.folder)?;
    Ok(Built::File(files.into_iter().next_back().ok_or("cargo built no program")?))
}

fn has_library(plugin: &Crate) -> Result<(), Fault> {
    match plugin.library {
        Some(_) => Ok(()),
        None => Err(format!("`{}` has no library: a plugin's source is src/lib.rs", plugin.name)),
    }
}

fn release() -> Command {
    let mut cargo = Command::new("cargo");
    let unset = PROFILE.into_iter().filter(|(name, _)| std::env::var_os(name).is_none());
    cargo.envs(unset);
    cargo
}

/// What was built, and is to be put in its place.
enum Built {
    Component(Vec<u8>),
    File(PathBuf),
}

// === impl Built ===

impl Built {
    /// Makes a component of a core module.
    fn pack(module: &Path) -> Result<Self, Fault> {
        let core = fs::read(module).map_err(|error| format!("cannot read {}: {error}", module.display()))?;
        let component = gatewright_pack::pack(&core).map_err(|error| format!("{}: {error}", module.display()))?;
        Ok(Self::Component(component))
    }

    /// Puts it there; how large it is. Written beside, then renamed: a gateway that watches the file never sees half of
    /// it, and a library that is loaded is not written into.
    fn put(&self, out: &Path) -> Result<u64, Fault> {
        let mut beside = OsString::from(out);
        beside.push(".part");
        let failed = |error| format!("cannot write {}: {error}", out.display());
        let bytes = match self {
            Self::Component(bytes) => fs::write(&beside, bytes).map(|()| bytes.len() as u64),
            // With its permissions.
            Self::File(file) => fs::copy(file, &beside),
        };
        let bytes = bytes.map_err(failed)?;
        fs::rename(&beside, out).map_err(failed)?;
        Ok(bytes)
    }
}
