//! `gatewright plugin run`: a gateway with one plugin, which is loaded anew whenever its file is saved.

use super::artefact::Artefact;
use super::load::Loader;
use super::{Fault, config_of, runtime};
use crate::args::{Options, RunPlugin};
use crate::serve;
use gatewright::config::{ArtefactKind, LogStyle};
use gatewright_plugin::{Manifest, Permission};
use serde_json::{Value as Json, json};
use std::fs;
use std::process::ExitCode;

pub(super) fn run(asked: &RunPlugin) -> ExitCode {
    let prepared = tempfile::Builder::new().prefix("gatewright-run-").tempdir().map_err(|error| error.to_string());
    let prepared = prepared.and_then(|folder| {
        let config = folder.path().join("config.json");
        let written = fs::write(&config, format!("{:#}", config_with(asked)?));
        written.map_err(|error| format!("cannot write {}: {error}", config.display()))?;
        Ok((folder, config))
    });
    let (folder, config) = match prepared {
        Ok(prepared) => prepared,
        Err(fault) => {
            eprintln!("{fault}");
            return ExitCode::FAILURE;
        }
    };
    let options = Options {
        config: Some(config),
        host: asked.host.clone(),
        port: asked.port,
        app_dir: Some(folder.path().join("app")),
        log_level: asked.log_level,
        log_style: Some(LogStyle::Pretty),
        workers: None,
        allow_anonymous: false,
    };
    // Its config stays as it is, so that a plugin that does not start with it never would.
    serve::run_by(&options, serve::builder(&options).all_plugins())
}

/// A config of this plugin alone.
fn config_with(asked: &RunPlugin) -> Result<Json, Fault> {
    let loader = Loader::new(Artefact::look(&asked.artefact)?)?;
    let manifest = runtime()?.block_on(loader.introduce())?.manifest;
    let path = match loader.artefact().kind {
        ArtefactKind::Remote => asked.artefact.clone(),
        _ => {
            let path = std::path::absolute(&asked.artefact).map_err(|error| format!("{}: {error}", asked.artefact))?;
            path.to_str().ok_or_else(|| format!("`{}` is no text", asked.artefact))?.to_owned()
        }
    };
    let mut entry = json!({
        "name": manifest.name,
        "path": path,
        "config": config_of(asked.config.as_deref())?,
        "permissions": permissions(asked, &manifest),
    });
    if asked.isolation && loader.artefact().kind == ArtefactKind::Native {
        entry["isolation"] = "process".into();
    }
    Ok(json!({ "plugins": [entry] }))
}

/// What it asks for, and of `http` the hosts that were named.
fn permissions(asked: &RunPlugin, manifest: &Manifest) -> Vec<Json> {
    let plain = manifest.permissions.iter().filter(|it| !matches!(it, Permission::Http | Permission::Services));
    let mut granted: Vec<Json> = plain.map(|permission| permission.as_str().into()).collect();
    if manifest.permissions.contains(&Permission::Http) {
        granted.push(match asked.http.as_slice() {
            [] => "http".into(),
            hosts => json!({ "http": hosts }),
        });
    }
    granted
}
