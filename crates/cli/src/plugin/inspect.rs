//! `gatewright plugin inspect`.

use super::artefact::Artefact;
use super::load::Loader;
use super::program::Program;
use super::{Fault, runtime};
use crate::args::InspectPlugin;
use gatewright::config::{ArtefactKind, printable};
use gatewright_abi::Introduction;
use gatewright_plugin::{Access, Hook, HookSet};
use serde_json::{Value as Json, json};
use std::fmt::Write;

pub(super) fn run(inspect: &InspectPlugin) -> Result<String, Fault> {
    let artefact = Artefact::look(&inspect.artefact)?;
    let program = Program::of(&inspect.program, &artefact, false)?;
    let loader = Loader::new(artefact, program)?;
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
    let names = |hooks: HookSet| hooks.iter().map(Hook::name).collect::<Vec<_>>();
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
        "unknown_hooks": unknown(introduction),
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

/// The numbers of hooks that it says it implements, and that this gateway does not have: they are never called.
fn unknown(introduction: &Introduction) -> Vec<u32> {
    let unknown = introduction.hooks & !HookSet::ALL.bits();
    (0..u64::BITS).filter(|number| unknown >> number & 1 == 1).collect()
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
            ("unknown_hooks", Json::Array(numbers)) if numbers.is_empty() => continue,
            ("unknown_hooks", Json::Array(numbers)) => {
                let numbers: Vec<String> = numbers.iter().map(Json::to_string).collect();
                format!("number {}: this gateway does not have them, and never calls them", numbers.join(", "))
            }
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
    fn hooks_that_are_never_called_are_named() {
        let manifest = gatewright_plugin::Manifest::new("guard", "1.0.0");
        let mut introduction = Introduction::new(manifest, HookSet::of(&[Hook::CheckInput]), HookSet::EMPTY);
        assert_eq!(unknown(&introduction), [0; 0]);
        introduction.hooks |= 1 << 40 | 1 << 63;
        assert_eq!(unknown(&introduction), [40, 63]);
        let said = |numbers: &[u32]| {
            let facts = json!({ "hooks": ["check_input"], "unknown_hooks": numbers });
            text(facts.as_object().unwrap(), ArtefactKind::Wasm)
        };
        assert_eq!(said(&[]), "hooks         check_input");
        assert!(said(&[40, 63]).ends_with("number 40, 63: this gateway does not have them, and never calls them"));
    }

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
