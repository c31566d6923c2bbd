//! One source, four ways: the plugins that ship, linked in, as native libraries, as components and as processes, do the
//! same in every request. What they do is in `golden/stock_plugins.txt`; `UPDATE_GOLDEN=1` writes it anew.

#![expect(clippy::unwrap_used, reason = "a test")]

mod hosts;

use gatewright_builtins::CATALOG;
use gatewright_conformance::{Builtin, Host, STOCK_PLUGINS, transcript};
use std::path::Path;

/// What a host's plugins do.
fn of(host: &dyn Host) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let written = runtime.block_on(transcript(host));
    written.unwrap_or_else(|failure| format!("{}: {}", host.name(), failure.message()))
}

/// The first lines that differ, with those before them.
fn difference(found: &str, golden: &str) -> Option<String> {
    if found == golden {
        return None;
    }
    let same = found.lines().zip(golden.lines()).take_while(|(found, golden)| found == golden).count();
    let excerpt = |text: &str| text.lines().skip(same.saturating_sub(4)).take(12).collect::<Vec<_>>().join("\n");
    Some(format!(
        "from line {} on it differs\n--- found\n{}\n--- golden\n{}",
        same + 1,
        excerpt(found),
        excerpt(golden)
    ))
}

#[test]
fn every_plugin_that_ships_is_there() {
    let ships = CATALOG.iter().filter(|builtin| !builtin.is_privileged()).map(|builtin| builtin.name());
    assert_eq!(ships.collect::<Vec<_>>(), STOCK_PLUGINS.each_ref().map(|plugin| plugin.name));
}

#[test]
fn all_hosts_do_what_is_written() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/stock_plugins.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, of(&Builtin)).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    let differences = hosts::MEMBERS.iter().filter_map(|member| {
        (member.prepare)();
        let difference = difference(&of(member.host), &golden)?;
        Some(format!("{}: {difference}\n", member.host.name()))
    });
    let differences: Vec<String> = differences.collect();
    assert!(differences.is_empty(), "{}", differences.concat());
}
