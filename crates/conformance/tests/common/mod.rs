//! What the tests of all hosts share.

use gatewright_conformance::{Group, Host, Report, run_group};
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

/// Runs the cases of a group against a host: all must hold.
pub(crate) fn holds(host: &dyn Host, group: Group) {
    without_noise();
    let report = run_group(host, group);
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

/// A test for each group, against one host.
#[macro_export]
macro_rules! groups {
    ($host:expr) => {
        $crate::groups! { $host =>
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
    };
    ($host:expr => $($test:ident: $group:ident,)*) => {
        $(#[test]
        fn $test() {
            common::holds($host, gatewright_conformance::Group::$group);
        })*

        #[test]
        fn every_group_is_run() {
            use gatewright_conformance::Group;
            let run = std::collections::BTreeSet::from([$(Group::$group),*]);
            assert_eq!(run, Group::ALL.into_iter().collect());
        }
    };
}
