//! What a plugin in C sees of a gateway of another minor version.

use gatewright_abi::native::{HostTable, header};
use std::mem::offset_of;
use std::process::Command;

/// A plugin that is asked which functions a gateway has whose table has so many bytes.
const PROGRAM: &str = r#"
#include "gatewright_plugin.h"
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **words) {
  gatewright_host_v1 host = {0};
  host.size = (uint32_t)(count > 1 ? atoi(words[1]) : 0);
  printf("%d %d %d\n", GATEWRIGHT_HAS(&host, kv_set), GATEWRIGHT_HAS(&host, kv_increment), GATEWRIGHT_HAS(&host, later));
  return 0;
}
"#;

#[test]
fn a_plugin_sees_which_functions_a_gateway_has() {
    let folder = tempfile::tempdir().unwrap();
    // It was built with a header that has one function more than this gateway.
    let end = "} gatewright_host_v1;";
    let newer = header().replace(end, &format!("  gatewright_status (*later)(gatewright_call call);\n{end}"));
    assert_ne!(newer, header());
    std::fs::write(folder.path().join("gatewright_plugin.h"), newer).unwrap();
    let (source, program) = (folder.path().join("plugin.c"), folder.path().join("plugin"));
    std::fs::write(&source, PROGRAM).unwrap();
    let built = Command::new("cc").args(["-std=c11", "-Wall", "-Werror", "-o"]).arg(&program).arg(&source).output();
    let built = built.unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let last = offset_of!(HostTable, kv_increment);
    for (size, has) in [
        (size_of::<HostTable>(), "1 1 0"),
        (size_of::<HostTable>() + 8, "1 1 1"),
        (size_of::<HostTable>() + 80, "1 1 1"),
        (last, "1 0 0"),
        (last + 4, "1 0 0"),
        (8, "0 0 0"),
    ] {
        let said = Command::new(&program).arg(size.to_string()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), has, "a table of {size} bytes");
    }
}
