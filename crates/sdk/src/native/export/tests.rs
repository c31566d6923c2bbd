use std::process::{Command, Output};

/// A crate that exports a plugin, with the macro's own file and in the place of this crate no more than it names.
const CRATE: &str = r#"
#[path = "EXPORT"]
mod export;

pub mod abi {
    pub mod native {
        pub struct PluginTable;
    }
}

pub mod native {
    pub struct Table;

    impl Table {
        pub const fn new() -> Self {
            Self
        }

        pub fn of<P>(&self) -> *const crate::abi::native::PluginTable {
            std::ptr::null()
        }
    }
}

struct Plugin;

crate::native_export!(Plugin);
"#;

/// Compiles it, as far as the types, for what is done about a panic.
fn compiled(panic: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plugin.rs");
    let export = concat!(env!("CARGO_MANIFEST_DIR"), "/src/native/export.rs");
    std::fs::write(&file, CRATE.replace("EXPORT", export)).unwrap();
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    Command::new(compiler)
        .args([
            "--edition=2024",
            "--crate-type=cdylib",
            "--emit=metadata",
            "-C",
            &format!("panic={panic}"),
            "--out-dir",
        ])
        .arg(folder.path())
        .arg(&file)
        .output()
        .unwrap()
}

#[test]
fn a_plugin_that_would_abort_the_gateway_does_not_compile() {
    let unwinds = compiled("unwind");
    assert!(unwinds.status.success(), "{}", String::from_utf8_lossy(&unwinds.stderr));
    let aborts = compiled("abort");
    let said = String::from_utf8_lossy(&aborts.stderr);
    assert!(!aborts.status.success(), "it compiles");
    assert!(said.contains("a native plugin must be built with `panic = \"unwind\"`"), "{said}");
    assert_eq!(said.matches("error: ").count(), 2, "that, and that it gives up: {said}");
}
