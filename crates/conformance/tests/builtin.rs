//! Every case against the built-in host, one test a group.

use gatewright_conformance::{Builtin, Group, Report, Table, cases, run_group};
use std::collections::BTreeSet;
use std::sync::Once;

/// The panics of test plugins are part of the cases: they are not shown.
fn without_noise() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let show = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let scripted = panic.location().is_some_and(|at| at.file().contains("plugins"));
            if !scripted {
                show(panic);
            }
        }));
    });
}

fn holds(group: Group) {
    without_noise();
    let report = run_group(&Builtin, group);
    assert!(!report.cases.is_empty(), "the group has no cases");
    assert!(report.holds(), "{}", failures(&report));
}

fn failures(report: &Report) -> String {
    let failed: Vec<String> = report
        .failures()
        .map(|case| {
            let message = case.outcome.as_ref().err().map(|failure| failure.message()).unwrap_or_default();
            format!("{}/{}: {}\n{message}\n", case.group, case.name, case.rule)
        })
        .collect();
    format!("{} of {} cases fail\n{}", failed.len(), report.cases.len(), failed.join("\n"))
}

macro_rules! groups {
    ($($test:ident: $group:ident,)*) => {
        $(#[test]
        fn $test() {
            holds(Group::$group);
        })*

        #[test]
        fn every_group_is_run() {
            let run = BTreeSet::from([$(Group::$group),*]);
            assert_eq!(run, Group::ALL.into_iter().collect());
        }
    };
}

groups! {
    hooks: Hooks,
    order: Order,
    scope: Scope,
    snapshot: Snapshot,
    failures_of_plugins: Failures,
    time: Time,
    breaker: Breaker,
    state: State,
    attempts: Attempts,
    closing: Closing,
    streams: Streams,
}

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
