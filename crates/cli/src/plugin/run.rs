//! `gatewright plugin run`: a gateway with one plugin, which is loaded anew whenever its file is saved.

use super::artefact::Artefact;
use super::load::Loader;
use super::program::Program;
use super::{Fault, config_of, failed, folder, runtime};
use crate::args::{Options, RunPlugin};
use crate::serve;
use gatewright::config::{ArtefactKind, Config, LogStyle, check_exposure};
use gatewright_plugin::{Hook, Manifest, Permission};
use serde_json::{Value as Json, json};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use tempfile::TempDir;

pub(super) fn run(asked: &RunPlugin) -> ExitCode {
    let prepared = config_with(asked).and_then(|config| written(&config));
    let (folder, config) = match prepared {
        Ok(prepared) => prepared,
        Err(fault) => return failed(&fault),
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
    let code = serve::run_by(&options, serve::builder(&options).all_plugins());
    drop(folder);
    serve::end(code)
}

/// Writes a config to a file in a folder of its own: it may hold secrets.
fn written(config: &Json) -> Result<(TempDir, PathBuf), Fault> {
    let folder = folder("gatewright-run-")?;
    let file = folder.path().join("config.json");
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&file).and_then(|mut file| write!(file, "{config:#}"));
    written.map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    Ok((folder, file))
}

/// A config of this plugin alone.
fn config_with(asked: &RunPlugin) -> Result<Json, Fault> {
    let artefact = Artefact::look(&asked.artefact)?;
    let program = Program::of(&asked.program, &artefact, asked.isolation)?;
    let environment = program.environment().clone();
    let loader = Loader::new(artefact, program)?;
    let introduction = runtime()?.block_on(loader.introduce())?;
    may_listen(asked.host.as_deref(), introduction.hooks().contains(Hook::Auth))?;
    let manifest = introduction.manifest;
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
    if !environment.is_empty() {
        entry["environment"] = environment.into();
    }
    if !asked.program.argument.is_empty() {
        entry["arguments"] = asked.program.argument.clone().into();
    }
    Ok(json!({ "plugins": [entry] }))
}

/// Beyond loopback somebody must authenticate, and here that can only be the plugin.
fn may_listen(host: Option<&str>, authenticates: bool) -> Result<(), Fault> {
    let Some(host) = host else { return Ok(()) };
    let mut config = Config::default();
    config.server.host = host.to_owned();
    check_exposure(&config, authenticates).map_err(|_| {
        format!(
            "`--host {host}` can be reached from beyond this machine, and `plugin run` asks nobody for a key: use \
             `gatewright serve` with a config that has the plugin and `auth.keys`"
        )
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_config_is_for_who_wrote_it() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, file) = written(&json!({ "plugins": [{ "config": { "token": "secret" } }] })).unwrap();
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(folder.path()), mode(&file)), (0o700, 0o600));
        assert!(std::fs::read_to_string(&file).unwrap().contains("secret"));
    }

    #[test]
    fn beyond_loopback_the_plugin_must_authenticate() {
        for (host, authenticates) in [(None, false), (Some("127.0.0.1"), false), (Some("0.0.0.0"), true)] {
            assert_eq!(may_listen(host, authenticates), Ok(()));
        }
        let said = may_listen(Some("0.0.0.0"), false).unwrap_err();
        assert!(said.contains("`--host 0.0.0.0`") && said.contains("`gatewright serve`"), "{said}");
        assert!(!said.contains("allow_anonymous"), "{said}");
    }
}
