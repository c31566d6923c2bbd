//! The plugins that cases load as components: built and packed once, and compiled by one engine, which keeps the code.

use gatewright_host_wasm::WasmHost;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// The components, by the name of their plugin.
pub(crate) static COMPONENTS: LazyLock<BTreeMap<String, Vec<u8>>> = LazyLock::new(|| {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/wasm-examples.sh");
    let built = Command::new(script).arg("gatewright-test-plugins").stderr(Stdio::inherit()).output().unwrap();
    assert!(built.status.success(), "the plugins cannot be built");
    let modules = String::from_utf8(built.stdout).unwrap();
    let packed = modules.lines().map(PathBuf::from).map(|module| {
        let name = module.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, gatewright_pack::pack(&std::fs::read(&module).unwrap()).unwrap())
    });
    packed.collect()
});

/// One engine for all cases.
pub(crate) static ENGINE: LazyLock<WasmHost> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_TARGET_TMPDIR"), "/compiled");
    WasmHost::new(Some(folder.as_ref())).unwrap()
});
