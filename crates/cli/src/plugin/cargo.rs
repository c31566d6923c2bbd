//! Asking cargo.

use super::Fault;
use crate::args::HostChoice;
use clap::ValueEnum;
use serde_json::Value as Json;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A plugin's crate, as cargo knows it.
#[derive(Debug)]
pub(super) struct Crate {
    /// Its name.
    pub(super) name: String,
    /// The folder of its Cargo.toml.
    pub(super) folder: PathBuf,
    /// What its Cargo.toml says that it is built for.
    pub(super) host: Option<HostChoice>,
    /// The program in it.
    pub(super) program: Option<Program>,
    /// The type that it exports is in its library of this name.
    pub(super) library: Option<String>,
}

/// A program of a crate.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) name: String,
    /// The features without which it is not built.
    pub(super) features: Vec<String>,
}

// === impl Crate ===

impl Crate {
    /// The crate in this folder.
    pub(super) fn of(folder: &Path) -> Result<Self, Fault> {
        let shown = folder.display();
        let manifest = folder.join("Cargo.toml");
        if !manifest.is_file() {
            return Err(format!("there is no Cargo.toml in `{shown}`: name the folder of a plugin's crate"));
        }
        let metadata = metadata(&manifest, &["--no-deps"])?;
        let canonical = |path: &Path| std::fs::canonicalize(path).ok();
        let here = canonical(&manifest);
        let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
        let is_here = |package: &&Json| {
            let path = package["manifest_path"].as_str().map(Path::new);
            path.and_then(canonical).is_some_and(|path| Some(path) == here)
        };
        let package = packages.iter().find(is_here);
        let package =
            package.ok_or_else(|| format!("`{shown}` is a workspace and no crate: name the plugin's folder"))?;
        let host = match &package["metadata"]["gatewright"]["host"] {
            Json::Null => None,
            word => Some(host(word).ok_or_else(|| {
                format!("`host = {word}` in `[package.metadata.gatewright]` is not `wasm`, `native` or `process`")
            })?),
        };
        let targets = package["targets"].as_array().cloned().unwrap_or_default();
        let is = |target: &Json, kinds: &[&str]| {
            let kind = target["kind"].as_array().cloned().unwrap_or_default();
            kind.iter().filter_map(Json::as_str).any(|kind| kinds.contains(&kind))
        };
        let program = targets.iter().find(|target| is(target, &["bin"])).map(|target| Program {
            name: text(&target["name"]),
            features: target["required-features"].as_array().into_iter().flatten().map(text).collect(),
        });
        let library = targets.iter().find(|target| is(target, &["lib", "rlib", "cdylib"]));
        let library = library.map(|target| text(&target["name"]));
        Ok(Self { name: text(&package["name"]), folder: folder.to_owned(), host, program, library })
    }

    /// The checkout of Gatewright that it is built with.
    pub(super) fn checkout(&self) -> Option<PathBuf> {
        let metadata = metadata(&self.folder.join("Cargo.toml"), &[]).ok()?;
        let sdk = metadata["packages"].as_array()?.iter().find(|package| package["name"] == "gatewright-sdk")?;
        let manifest = Path::new(sdk["manifest_path"].as_str()?);
        // crates/sdk/Cargo.toml
        manifest.ancestors().nth(3).map(Path::to_owned)
    }
}

fn host(word: &Json) -> Option<HostChoice> {
    HostChoice::from_str(word.as_str()?, true).ok()
}

fn text(json: &Json) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

fn metadata(manifest: &Path, arguments: &[&str]) -> Result<Json, Fault> {
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--format-version", "1", "--manifest-path"]).arg(manifest).args(arguments);
    let done = cargo.stderr(Stdio::piped()).output().map_err(cannot_run)?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        return Err(format!("cargo cannot read `{}`: {}", manifest.display(), said.trim()));
    }
    serde_json::from_slice(&done.stdout).map_err(|error| format!("cargo's answer: {error}"))
}

/// Runs a cargo that builds, and gives the files of the last target that it names.
pub(super) fn build(mut cargo: Command, folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    cargo.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped());
    cargo.args(["--message-format", "json-render-diagnostics"]);
    let mut child = cargo.spawn().map_err(cannot_run)?;
    let mut messages = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut messages).map_err(|error| format!("cargo's output: {error}"))?;
    }
    let status = child.wait().map_err(|error| format!("cargo: {error}"))?;
    if !status.success() {
        return Err(format!("cargo did not build `{}`: see above", folder.display()));
    }
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
    let mut built = messages.filter(|message| message["reason"] == "compiler-artifact");
    // The crate itself is built last.
    let last = built.next_back().unwrap_or_default();
    let files = last["filenames"].as_array().into_iter().flatten();
    Ok(files.chain([&last["executable"]]).filter_map(Json::as_str).map(PathBuf::from).collect())
}

fn cannot_run(error: std::io::Error) -> Fault {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no `cargo`: install Rust, see https://rustup.rs".to_owned(),
        _ => format!("cannot run cargo: {error}"),
    }
}
