//! The generated code is what the proto says.

use std::path::Path;

/// `GATEWRIGHT_UPDATE=1 cargo test -p gatewright-proto` writes it anew.
#[test]
fn the_code_is_what_the_proto_says() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let protos = here.join("../../proto");
    let out = tempfile::tempdir().unwrap();
    let files = protox::compile(["gatewright/plugin/v1/plugin.proto"], [protos]).unwrap();
    tonic_prost_build::configure().bytes(".").out_dir(out.path()).compile_fds(files).unwrap();
    let generated = std::fs::read_to_string(out.path().join("gatewright.plugin.v1.rs")).unwrap();
    let committed = here.join("src/v1.rs");
    if std::env::var_os("GATEWRIGHT_UPDATE").is_some() {
        std::fs::write(&committed, generated).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(committed).unwrap();
    assert!(committed == generated, "src/v1.rs is out of date: GATEWRIGHT_UPDATE=1 cargo test -p gatewright-proto");
}
