use super::*;
use std::path::Path;

/// The files that are committed are the ones that the tables make; `UPDATE_ABI_FILES=1` writes them.
#[test]
fn the_files_are_up_to_date() {
    for (file, made) in [("../../wit/plugin.wit", package()), ("../sdk/src/wasm/exports.rs", rust_exports())] {
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
