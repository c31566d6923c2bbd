//! Every case against the built-in host, one test a group.

mod common;

use gatewright_conformance::{Builtin, Group, Table, cases, run_group};
use std::collections::BTreeSet;

groups!(&Builtin);

#[test]
fn names_are_unique_and_rules_are_stated() {
    let mut names = BTreeSet::new();
    for case in cases() {
        assert!(!case.rule.is_empty(), "{case:?}");
        assert!(names.insert(format!("{case:?}")), "{case:?} stands twice");
    }
}

#[test]
fn the_table_has_a_row_for_each_hook() {
    let report = run_group(&Builtin, Group::Order);
    let table = Table(&[report]).to_string();
    for row in gatewright_plugin::Hook::TABLE {
        assert!(table.contains(row.name), "{table}");
    }
}
