//! The header is what the tables say. `UPDATE_HEADER=1 cargo test -p gatewright-host-native --test header` writes it.

use gatewright_abi::native::header;
use std::path::Path;
use std::process::Command;

const HEADER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../include/gatewright_plugin.h");

#[test]
fn the_header_is_up_to_date() {
    if std::env::var_os("UPDATE_HEADER").is_some() {
        std::fs::write(HEADER, header()).unwrap();
    }
    let found = std::fs::read_to_string(HEADER).unwrap();
    assert!(found == header(), "include/gatewright_plugin.h is not what the tables say: see the head of this test");
}

/// A program that says where the members are, beside what Rust says.
#[test]
fn rust_and_c_have_the_same_tables() {
    use gatewright_abi::native::{HookTable, HostTable, PluginTable, Slice, Status};
    use std::mem::offset_of;
    let mut asserts = String::from("#include \"gatewright_plugin.h\"\n");
    let mut assert =
        |what: &str, value: usize| asserts.push_str(&format!("_Static_assert({what} == {value}, \"{what}\");\n"));
    assert("sizeof(gatewright_slice)", size_of::<Slice>());
    assert("sizeof(gatewright_host_v1)", size_of::<HostTable>());
    assert("sizeof(gatewright_hooks_v1)", size_of::<HookTable>());
    assert("sizeof(gatewright_plugin_table_v1)", size_of::<PluginTable>());
    macro_rules! members {
        ($rust:ty, $c:literal: $($member:ident)*) => {
            $(assert(concat!("offsetof(", $c, ", ", stringify!($member), ")"), offset_of!($rust, $member));)*
        };
    }
    members!(PluginTable, "gatewright_plugin_table_v1": size minor manifest hooks immediate create destroy pull close);
    members!(HostTable, "gatewright_host_v1": size minor head part answer ask error fail cancelled remaining_ms log
        get_text get_int get_bool count set_text set_int block respond_text drop_chunk identify state_get state_set
        metadata_set kv_get kv_set kv_increment);
    for row in gatewright_plugin::Hook::TABLE {
        assert(&format!("offsetof(gatewright_hooks_v1, {})", row.name), 8 + 8 * row.hook as usize);
        assert(&format!("GATEWRIGHT_HOOK_{}", row.name.to_uppercase()), row.hook as usize);
    }
    for status in Status::ALL {
        let word: String = format!("{status:?}").chars().enumerate().fold(String::new(), |word, (at, letter)| {
            let gap = if at > 0 && letter.is_uppercase() { "_" } else { "" };
            word + gap + &letter.to_uppercase().to_string()
        });
        assert(&format!("GATEWRIGHT_{word}"), status as usize);
    }
    asserts.push_str("const uint8_t *used(void);\n");
    asserts
        .push_str("const uint8_t *used(void) { gatewright_slice it = GATEWRIGHT_LITERAL(\"it\"); return it.ptr; }\n");
    let folder = tempfile::tempdir().unwrap();
    let include = Path::new(HEADER).parent().unwrap();
    for (file, compiler, standard) in [("a.c", "cc", "-std=c11"), ("a.cc", "c++", "-std=c++17")] {
        let source = folder.path().join(file);
        // C++ has the same word without the underscore.
        let text = if file == "a.cc" { asserts.replace("_Static_assert", "static_assert") } else { asserts.clone() };
        std::fs::write(&source, text).unwrap();
        let compile = |_: ()| {
            Command::new(compiler)
                .args([standard, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-I"])
                .arg(include)
                .arg(&source)
                .output()
        };
        match compile(()) {
            // A machine may have no C++.
            Err(error) if file == "a.cc" && error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => panic!("{error}"),
            Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        }
    }
}
