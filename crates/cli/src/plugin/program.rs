//! What a program is started with, as the command line says it.

use super::Fault;
use super::artefact::Artefact;
use crate::args::StartedWith;
use gatewright::config::{ArtefactKind, Environment, Settings};
use gatewright_host_process::Options;
use serde_json::{Map, Value as Json};
use std::ffi::OsString;

/// What an artefact is started with.
#[derive(Debug, Default)]
pub(super) struct Program {
    arguments: Vec<OsString>,
    /// As it is written: values may be references.
    written: Map<String, Json>,
    resolved: Vec<(OsString, OsString)>,
}

// === impl Program ===

impl Program {
    /// What was asked for, if it fits the artefact. `isolated` is a library that gets a process of its own.
    pub(super) fn of(asked: &StartedWith, artefact: &Artefact, isolated: bool) -> Result<Self, Fault> {
        let program = artefact.kind == ArtefactKind::Program;
        let isolated = isolated && artefact.kind == ArtefactKind::Native;
        let set = [
            ("--env", !asked.env.is_empty(), program || isolated),
            ("--argument", !asked.argument.is_empty(), program),
        ];
        if let Some((flag, ..)) = set.iter().find(|(_, is_set, fits)| *is_set && !fits) {
            return Err(format!("`{flag}` is for programs, and `{}` is {}", artefact.name, artefact.kind.as_str()));
        }
        let written = asked.env.iter().map(|written| variable(written)).collect::<Result<Map<_, _>, _>>()?;
        let resolved = Settings::in_environment(written.clone(), &Environment::of_process()).map_err(|problems| {
            let problems: Vec<String> = problems.iter().map(|problem| format!("`--env`: {problem}")).collect();
            problems.join("\n")
        })?;
        let Json::Object(resolved) = resolved.get() else { return Err("`--env` names no variables".to_owned()) };
        let resolved = resolved.iter().map(|(name, value)| (name.into(), value.as_str().unwrap_or_default().into()));
        let arguments = asked.argument.iter().map(OsString::from).collect();
        Ok(Self { arguments, resolved: resolved.collect(), written })
    }

    /// Has a process started with it.
    pub(super) fn put(&self, options: &mut Options) {
        options.arguments.clone_from(&self.arguments);
        options.environment = self.resolved.iter().cloned().collect();
    }

    /// The variables as an entry of a config has them.
    pub(super) fn environment(&self) -> &Map<String, Json> {
        &self.written
    }
}

/// A variable, by the rules of an entry's `environment`.
fn variable(written: &str) -> Result<(String, Json), Fault> {
    match written.split_once('=') {
        None | Some(("", _)) => Err(format!("`--env` is NAME=VALUE, and `{written}` is not")),
        Some((name, _)) if name.starts_with("GATEWRIGHT_") => {
            Err(format!("`--env`: `{name}` is the gateway's own: choose another name"))
        }
        Some((name, value)) => Ok((name.to_owned(), value.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: ArtefactKind, isolated: bool, env: &[&str], argument: &[&str]) -> Result<Program, Fault> {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        let asked = StartedWith { env: words(env), argument: words(argument) };
        Program::of(&asked, &Artefact { name: "it".to_owned(), kind, bytes: None }, isolated)
    }

    #[test]
    fn variables_and_arguments_are_in_their_order() {
        let program = of(ArtefactKind::Program, false, &["MODE=a=b", "EMPTY=", "OWN=env.PATH"], &["-v", "x"]).unwrap();
        let shown: Vec<_> = program.resolved.iter().map(|(name, value)| (name.to_str(), value.to_str())).collect();
        let path = std::env::var("PATH").unwrap();
        let expected = [("MODE", "a=b"), ("EMPTY", ""), ("OWN", &path)];
        assert_eq!(shown, expected.map(|(name, value)| (Some(name), Some(value))));
        assert_eq!(program.environment()["OWN"], "env.PATH", "the file that a gateway reads has no secret");
        assert_eq!(program.arguments, ["-v", "x"]);
    }

    #[test]
    fn what_is_no_variable_is_refused() {
        for (written, says) in [
            ("MODE", "`--env` is NAME=VALUE, and `MODE` is not"),
            ("=x", "`--env` is NAME=VALUE, and `=x` is not"),
            ("GATEWRIGHT_PLUGIN_SOCKET=x", "the gateway's own"),
            ("MODE=env.NO_SUCH_VARIABLE_HERE", "`--env`: MODE: "),
        ] {
            let said = of(ArtefactKind::Program, false, &[written], &[]).unwrap_err();
            assert!(said.contains(says), "{said}");
        }
    }

    #[test]
    fn only_a_program_takes_them() {
        let said = of(ArtefactKind::Wasm, false, &["A=b"], &[]).unwrap_err();
        assert_eq!(said, "`--env` is for programs, and `it` is a WASM component");
        assert!(of(ArtefactKind::Native, false, &["A=b"], &[]).is_err());
        assert!(of(ArtefactKind::Native, true, &["A=b"], &[]).is_ok(), "it gets a process of its own");
        let said = of(ArtefactKind::Native, true, &[], &["x"]).unwrap_err();
        assert_eq!(said, "`--argument` is for programs, and `it` is a native library");
        assert!(of(ArtefactKind::Remote, false, &[], &["x"]).is_err());
        assert!(of(ArtefactKind::Wasm, false, &[], &[]).is_ok());
    }
}
