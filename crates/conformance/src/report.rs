//! Running cases, and the table of what holds.

use crate::case::{Case, CaseFailure, Group, Outcome};
use crate::cases::cases;
use crate::host::{HOSTS, Host};
use gatewright_plugin::{Hook, HookSet};
use std::fmt::{self, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// The longest that one case may take: only one that hangs takes so long, however busy the machine.
const LONGEST_CASE: Duration = Duration::from_secs(120);

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

/// Reports side by side: a row for each hook and host, a column for each group, `passed/all` in the cells. A dot is a
/// cell that has nothing to hold, since the group is not about that hook; a dash, one of a group that was not run.
#[derive(Debug)]
pub struct Table<'a>(pub &'a [Report]);

/// Runs the cases of one group.
pub fn run_group(host: &dyn Host, group: Group) -> Report {
    let cases = cases().into_iter().filter(|case| case.group == group).map(|case| {
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

    fn of(&self, group: Group) -> impl Iterator<Item = &CaseReport> {
        self.cases.iter().filter(move |case| case.group == group)
    }

    fn at(&self, hook: Hook, group: Group) -> impl Iterator<Item = &CaseReport> {
        self.of(group).filter(move |case| case.hooks.contains(hook))
    }
}

impl Display for Report {
    /// A line, and the cases that do not hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.cases.iter().map(|case| case.took).sum::<Duration>().as_secs_f64();
        let (all, failed) = (self.cases.len(), self.failures().count());
        writeln!(f, "{}: {} of {all} cases hold, {seconds:.1} s", self.host, all - failed)?;
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

impl Table<'_> {
    /// What it lacks, a sentence each: hosts, groups that were not run against one, and cells without a case where the
    /// group is about every hook or another host has some. Nothing may be missing of a whole run.
    pub fn gaps(&self) -> Vec<String> {
        let missing = HOSTS.iter().filter(|host| !self.0.iter().any(|report| report.host == **host));
        let mut gaps: Vec<String> = missing.map(|host| format!("the host `{host}` was not run")).collect();
        for report in self.0 {
            for group in Group::ALL {
                if report.of(group).next().is_none() {
                    gaps.push(format!("{}: no case of the group `{group}` was run", report.host));
                    continue;
                }
                let empty = Hook::TABLE.iter().filter(|row| self.is_gap(report, row.hook, group));
                gaps.extend(
                    empty
                        .map(|row| format!("{}: no case of the group `{group}` exercised `{}`", report.host, row.name)),
                );
            }
        }
        gaps
    }

    fn is_gap(&self, report: &Report, hook: Hook, group: Group) -> bool {
        let is_empty = |report: &Report| report.at(hook, group).next().is_none();
        is_empty(report) && (group.is_of_every_hook() || !self.0.iter().all(is_empty))
    }
}

impl Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |f: &mut fmt::Formatter<'_>, name: &str, host: &str, cells: &dyn Fn(Group) -> String| {
            write!(f, "{name:<18} {host:<9}")?;
            for group in Group::ALL {
                write!(f, " {:>9}", cells(group))?;
            }
            writeln!(f)
        };
        row(f, "hook", "host", &|group| group.to_string())?;
        for info in Hook::TABLE {
            for report in self.0 {
                row(f, info.name, report.host, &|group| match report.of(group).next() {
                    None => "-".to_owned(),
                    Some(_) if self.is_gap(report, info.hook, group) => "EMPTY".to_owned(),
                    Some(_) => score(report.at(info.hook, group)),
                })?;
            }
        }
        for report in self.0 {
            row(f, "all cases", report.host, &|group| score(report.of(group)))?;
        }
        for report in self.0 {
            row(f, "seconds", report.host, &|group| {
                format!("{:.1}", report.of(group).map(|case| case.took).sum::<Duration>().as_secs_f64())
            })?;
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
    if all == 0 { ".".to_owned() } else { format!("{passed}/{all}") }
}

#[cfg(test)]
mod tests;
