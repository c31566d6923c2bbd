use super::*;
use std::path::Path;

/// The files that are committed are the ones that the tables make; `UPDATE_ABI_FILES=1` writes them.
#[test]
fn the_files_are_up_to_date() {
    for (file, made) in [
        ("../../wit/plugin.wit", package()),
        ("../sdk/src/wasm/exports.rs", rust_exports()),
        ("../sdk/src/wasm/imports.rs", rust_imports()),
    ] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        if std::env::var_os("UPDATE_ABI_FILES").is_some() {
            std::fs::write(&file, &made).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), made, "run with UPDATE_ABI_FILES=1");
    }
}

#[test]
fn a_world_has_what_its_hooks_need() {
    let world = world([Hook::PreLlm, Hook::CheckInput]);
    for line in [
        "export gatewright:plugin/pre-llm@1.0.0;",
        "export gatewright:plugin/streams@1.0.0;",
        "import gatewright:plugin/kv@1.0.0;",
    ] {
        assert!(world.contains(line), "{world}");
    }
    assert!(!world.contains("check-output"), "{world}");
}

/// The functions of an interface, as the package has them.
fn functions_of(interface: &str) -> Vec<String> {
    let package = package();
    let (_, from) = package.split_once(&format!("\ninterface {interface} {{\n")).unwrap();
    let (inside, _) = from.split_once("\n}\n").unwrap();
    let mut resource = None;
    let mut functions = Vec::new();
    for line in inside.lines().map(str::trim) {
        match (line.strip_prefix("resource ").and_then(|line| line.strip_suffix(" {")), line.split_once(": func(")) {
            (Some(name), _) => resource = Some(name),
            (None, Some((name, _))) => {
                let name = name.trim_start_matches('%');
                functions.push(resource.map_or(name.to_owned(), |resource| format!("[method]{resource}.{name}")));
            }
            (None, None) if line == "}" => resource = None,
            (None, None) => {}
        }
    }
    functions
}

#[test]
fn what_components_may_import_is_what_the_package_has() {
    for (interface, functions) in COMMON {
        assert_eq!(functions_of(interface), functions, "{interface}");
    }
    for row in Function::TABLE {
        let of_group = Function::TABLE.iter().filter(|other| other.group == row.group).map(|other| other.name);
        assert_eq!(functions_of(row.group), of_group.collect::<Vec<_>>(), "{}", row.group);
    }
}
