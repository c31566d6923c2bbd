//! Running cases, and the table of what holds.

use crate::case::{Case, CaseFailure, Group, Outcome};
use crate::cases::cases;
use crate::host::Host;
use gatewright_plugin::{Hook, HookSet};
use std::fmt::{self, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// The longest that one case may take.
const LONGEST_CASE: Duration = Duration::from_secs(30);

/// How cases went against one host.
#[derive(Debug)]
pub struct Report {
    /// The host.
    pub host: &'static str,
    /// One entry a case, in the order of the list.
    pub cases: Vec<CaseReport>,
}

/// How one case went.
#[derive(Debug)]
pub struct CaseReport {
    /// What it belongs to.
    pub group: Group,
    /// Its name.
    pub name: String,
    /// The rule.
    pub rule: &'static str,
    /// The hooks it exercised.
    pub hooks: HookSet,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

/// Reports side by side: a row for each hook and host, a column for each group, `passed/all` in the cells.
#[derive(Debug)]
pub struct Table<'a>(pub &'a [Report]);

/// Runs every case.
pub fn run_all(host: &dyn Host) -> Report {
    run(host, cases())
}

/// Runs the cases of one group.
pub fn run_group(host: &dyn Host, group: Group) -> Report {
    run(host, cases().into_iter().filter(|case| case.group == group).collect())
}

fn run(host: &dyn Host, cases: Vec<Case>) -> Report {
    let cases = cases.into_iter().map(|case| {
        let started = Instant::now();
        let outcome = run_case(host, &case);
        let Case { group, name, rule, hooks, .. } = case;
        CaseReport { group, name, rule, hooks, outcome, took: started.elapsed() }
    });
    Report { host: host.name(), cases: cases.collect() }
}

fn run_case(host: &dyn Host, case: &Case) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let run = || runtime.block_on(async { tokio::time::timeout(LONGEST_CASE, case.run(host)).await });
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(CaseFailure::new(format!("it took longer than {LONGEST_CASE:?}"))),
        Err(_) => Err(CaseFailure::new("a panic got out of the host")),
    }
}

// === impl Report ===

impl Report {
    /// The cases that do not hold.
    pub fn failures(&self) -> impl Iterator<Item = &CaseReport> {
        self.cases.iter().filter(|case| case.outcome.is_err())
    }

    /// Whether every case holds.
    pub fn holds(&self) -> bool {
        self.failures().next().is_none()
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Table(std::slice::from_ref(self)))?;
        for failed in self.failures() {
            writeln!(f, "\n{} {}/{}: {}", self.host, failed.group, failed.name, failed.rule)?;
            if let Err(failure) = &failed.outcome {
                writeln!(f, "{}", failure.message())?;
            }
        }
        Ok(())
    }
}

// === impl Table ===

impl Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<18} {:<8}", "hook", "host")?;
        for group in Group::ALL {
            write!(f, " {group:>9}")?;
        }
        writeln!(f)?;
        for row in Hook::TABLE {
            for report in self.0 {
                write!(f, "{:<18} {:<8}", row.name, report.host)?;
                for group in Group::ALL {
                    let cases = report.cases.iter().filter(|case| case.group == group && case.hooks.contains(row.hook));
                    write!(f, " {:>9}", score(cases))?;
                }
                writeln!(f)?;
            }
        }
        for report in self.0 {
            write!(f, "{:<18} {:<8}", "all cases", report.host)?;
            for group in Group::ALL {
                write!(f, " {:>9}", score(report.cases.iter().filter(|case| case.group == group)))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

fn score<'a>(cases: impl Iterator<Item = &'a CaseReport>) -> String {
    let (mut passed, mut all) = (0, 0);
    for case in cases {
        passed += usize::from(case.outcome.is_ok());
        all += 1;
    }
    if all == 0 { "-".to_owned() } else { format!("{passed}/{all}") }
}
