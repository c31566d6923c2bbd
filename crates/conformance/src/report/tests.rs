use super::{CaseReport, Report, Table};
use crate::case::{Case, Group};
use crate::cases::cases;
use crate::host::HOSTS;
use gatewright_plugin::{Hook, HookSet};
use std::collections::BTreeSet;
use std::time::Duration;

/// Reports of all hosts, in which every case holds.
fn whole() -> Vec<Report> {
    let report = |host| {
        let cases = cases().into_iter().map(|Case { group, name, rule, hooks, .. }| CaseReport {
            group,
            name,
            rule,
            hooks,
            outcome: Ok(()),
            took: Duration::from_millis(1),
        });
        Report { host, cases: cases.collect() }
    };
    HOSTS.into_iter().map(report).collect()
}

#[test]
fn every_hook_has_its_cases_in_every_host() {
    assert_eq!(Table(&whole()).gaps(), Vec::<String>::new());
}

#[test]
fn a_host_that_was_not_run_is_missing() {
    let mut reports = whole();
    reports.remove(2);
    assert_eq!(Table(&reports).gaps(), ["the host `wasm` was not run"]);
}

#[test]
fn a_group_that_was_not_run_against_a_host_is_missing() {
    let mut reports = whole();
    reports[3].cases.retain(|case| case.group != Group::Streams);
    assert_eq!(Table(&reports).gaps(), ["process: no case of the group `streams` was run"]);
}

#[test]
fn a_hook_without_cases_is_missing_in_every_group_of_all_hooks() {
    let mut reports = whole();
    let hook = HookSet::of(&[Hook::Schedule]);
    reports.iter_mut().flat_map(|report| &mut report.cases).for_each(|case| case.hooks = case.hooks.without(hook));
    let gaps = Table(&reports).gaps();
    let groups = Group::ALL.into_iter().filter(|group| group.is_of_every_hook()).count();
    assert_eq!(gaps.len(), groups * HOSTS.len(), "{gaps:?}");
    assert_eq!(gaps[0], "builtin: no case of the group `hooks` exercised `schedule`");
}

#[test]
fn a_cell_that_another_host_has_is_missing() {
    let mut reports = whole();
    let hook = HookSet::of(&[Hook::Auth]);
    let of_group = reports[1].cases.iter_mut().filter(|case| case.group == Group::Attempts);
    of_group.for_each(|case| case.hooks = case.hooks.without(hook));
    let table = Table(&reports);
    assert_eq!(table.gaps(), ["native: no case of the group `attempts` exercised `auth`"]);
    let shown = table.to_string();
    let row = shown.lines().find(|line| line.starts_with("auth ") && line.contains("native")).unwrap();
    assert!(row.contains("EMPTY"), "{row}");
}

#[test]
fn names_are_unique_and_rules_are_stated() {
    let mut names = BTreeSet::new();
    for case in cases() {
        assert!(!case.rule.is_empty(), "{case:?}");
        assert!(names.insert(format!("{case:?}")), "{case:?} stands twice");
    }
}
