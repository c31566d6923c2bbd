//! `gatewright plugin inspect`.

use super::artefact::Artefact;
use super::load::Loader;
use super::{Fault, runtime};
use crate::args::InspectPlugin;
use gatewright::config::{ArtefactKind, printable};
use gatewright_abi::Introduction;
use gatewright_plugin::{Access, Hook};
use serde_json::{Value as Json, json};
use std::fmt::Write;

pub(super) fn run(inspect: &InspectPlugin) -> Result<String, Fault> {
    let loader = Loader::new(Artefact::look(&inspect.artefact)?)?;
    let introduction = runtime()?.block_on(loader.introduce())?;
    let facts = facts(loader.artefact(), &introduction);
    Ok(match inspect.json {
        true => format!("{:#}", Json::Object(facts)),
        false => text(&facts, loader.artefact().kind),
    })
}

/// What is said of it, in the order in which it is said.
fn facts(artefact: &Artefact, introduction: &Introduction) -> serde_json::Map<String, Json> {
    let manifest = &introduction.manifest;
    let names = |hooks: gatewright_plugin::HookSet| hooks.iter().map(Hook::name).collect::<Vec<_>>();
    let permissions: Vec<&str> = manifest.permissions.iter().map(|permission| permission.as_str()).collect();
    let messages = match manifest.messages {
        Access::None => "none",
        Access::Ro => "ro",
        Access::Rw => "rw",
    };
    let (major, minor) = introduction.contract;
    let facts = json!({
        "artefact": artefact.name,
        "host": artefact.host(),
        "name": manifest.name,
        "version": manifest.version,
        "description": manifest.description,
        "contract": format!("{major}.{minor}"),
        "hooks": names(introduction.hooks()),
        "at_once": names(introduction.immediate()),
        "permissions": permissions,
        "headers": manifest.headers,
        "messages": messages,
        "failure_mode": manifest.failure_mode.map(|mode| mode.as_str()),
        "timeout_seconds": manifest.timeout.map(|timeout| timeout.as_secs_f64()),
        "priority": manifest.priority,
        "stateful": manifest.stateful,
        "size": artefact.size(),
        "sha256": artefact.sha256().map(|hash| hash.to_string()),
    });
    match facts {
        Json::Object(facts) => facts,
        _ => serde_json::Map::new(),
    }
}

fn text(facts: &serde_json::Map<String, Json>, kind: ArtefactKind) -> String {
    let mut said = String::new();
    for (name, fact) in facts {
        let words = match (name.as_str(), fact) {
            ("failure_mode", Json::Null) => "each hook's own".to_owned(),
            ("timeout_seconds", Json::Null) => "each hook's own".to_owned(),
            ("timeout_seconds", seconds) => format!("{seconds} s"),
            (_, Json::Null) => continue,
            ("size", size) => format!("{size} bytes"),
            (_, Json::String(text)) if text.is_empty() => continue,
            (_, Json::String(text)) => text.clone(),
            (_, Json::Array(words)) if words.is_empty() => "none".to_owned(),
            (_, Json::Array(words)) => words.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(", "),
            (_, other) => other.to_string(),
        };
        let name = name.trim_end_matches("_seconds").replace('_', " ");
        // Writing into memory does not fail.
        let _ = writeln!(said, "{name:<13} {}", printable(&words));
    }
    let note = match kind {
        ArtefactKind::Wasm => "",
        ArtefactKind::Native => "It was opened for this, in a process of its own: its constructors have run.",
        ArtefactKind::Program => "It was started for this, and ended again.",
        ArtefactKind::Remote => "It was asked for this.",
    };
    format!("{said}{note}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_artefact_says_writes_no_line_of_its_own() {
        let facts = json!({
            "name": "guard",
            "description": "good\npermissions   none\u{1b}[1A",
            "permissions": ["kv"],
            "headers": ["x-a\nhooks         none"],
        });
        let said = text(facts.as_object().unwrap(), ArtefactKind::Wasm);
        assert_eq!(said.lines().count(), 4, "{said}");
        assert!(!said.contains('\u{1b}') && said.contains(r"good\npermissions   none\u{1b}[1A"), "{said}");
    }
}
