//! How it went, as a table.

use crate::case::{About, CaseReport, Outcome};
use crate::runner::Event;
use gatewright_plugin::Hook;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::time::Duration;

/// How the cases went.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// The host that ran it.
    pub host: String,
    /// The kind of plugin; empty if it did not load.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The cases, in their order.
    pub cases: Vec<CaseReport>,
    /// How long the calls of each hook took.
    pub times: Vec<HookTimes>,
    /// The case that is under way.
    #[serde(skip)]
    begun: Option<(About, String, String)>,
    #[serde(skip)]
    over: bool,
}

/// How long the calls of a hook took, in microseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HookTimes {
    /// The hook.
    pub hook: Hook,
    /// How many calls there were.
    pub calls: usize,
    /// Half of them took less.
    pub p50_us: f64,
    /// Of a hundred, one took longer.
    pub p99_us: f64,
}

/// How many cases of each kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Score {
    holds: usize,
    advice: usize,
    fails: usize,
    not_run: usize,
}

/// The most characters of a line, where words allow it.
const WIDTH: usize = 100;

// === impl Report ===

impl Report {
    /// Of a plugin that this host runs: nothing happened yet.
    pub fn new(host: &str) -> Self {
        Self { host: host.to_owned(), ..Self::default() }
    }

    /// Adds what happened.
    pub fn take(&mut self, event: &Event) {
        match event.clone() {
            Event::Introduced { name, version } => (self.name, self.version) = (name, version),
            Event::Begins { about, name, rule } => self.begun = Some((about, name, rule)),
            Event::Ended(case) => {
                self.begun = None;
                self.cases.push(case);
            }
            Event::Times(times) => self.times.push(times),
            Event::Over => self.over = true,
        }
    }

    /// Whether all cases have been run.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// The plugin took the process with it in which it was tested: the case that was under way fails for this reason.
    pub fn broken_off(&mut self, why: &str) {
        let begun = self.begun.take();
        let (about, name, rule) =
            begun.unwrap_or((About::Life, "survives".to_owned(), "It ends no process".to_owned()));
        let outcome = Outcome::Fails(why.to_owned());
        self.cases.push(CaseReport { about, name, rule, outcome, took_ms: 0.0 });
    }

    /// The cases that fail, or were not tried.
    pub fn failures(&self) -> impl Iterator<Item = &CaseReport> {
        self.cases.iter().filter(|case| case.outcome.is_bad())
    }

    /// Whether every case holds.
    pub fn holds(&self) -> bool {
        !self.cases.is_empty() && self.failures().next().is_none()
    }

    fn score(&self, chosen: impl Fn(&CaseReport) -> bool) -> Score {
        self.cases.iter().filter(|case| chosen(case)).fold(Score::default(), |mut score, case| {
            match case.outcome {
                Outcome::Holds => score.holds += 1,
                Outcome::Advice(_) => score.advice += 1,
                Outcome::Fails(_) => score.fails += 1,
                Outcome::NotRun(_) => score.not_run += 1,
            }
            score
        })
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<18} {:>5} {:>6} {:>6} {:>7} {:>10} {:>10}",
            "", "holds", "advice", "fails", "not run", "p50 µs", "p99 µs"
        )?;
        let abouts: BTreeSet<About> = self.cases.iter().map(|case| case.about).collect();
        for about in abouts {
            let Score { holds, advice, fails, not_run } = self.score(|case| case.about == about);
            write!(f, "{about:<18} {holds:>5} {advice:>6} {fails:>6} {not_run:>7}")?;
            match self.times.iter().find(|times| About::Hook(times.hook) == about) {
                Some(HookTimes { p50_us, p99_us, .. }) => writeln!(f, " {p50_us:>10.1} {p99_us:>10.1}")?,
                None => writeln!(f)?,
            }
        }
        let mut shown: Vec<&CaseReport> = Vec::new();
        for case in &self.cases {
            let word = match case.outcome {
                Outcome::Holds => continue,
                Outcome::Advice(_) => "advice",
                Outcome::Fails(_) => "FAILS",
                Outcome::NotRun(_) => "not run",
            };
            let alike = |other: &&CaseReport| {
                (other.about, &other.rule, &other.outcome) == (case.about, &case.rule, &case.outcome)
            };
            if shown.iter().any(alike) {
                continue;
            }
            shown.push(case);
            let names: Vec<String> = self.cases.iter().filter(alike).map(ToString::to_string).collect();
            writeln!(f)?;
            wrapped(f, 0, word.len() + 1, &format!("{word} {}", names.join(", ")))?;
            wrapped(f, 2, 2, &case.rule)?;
            wrapped(f, 4, 4, case.outcome.message().unwrap_or_default())?;
        }
        let Score { holds, advice, fails, not_run } = self.score(|_| true);
        let took_ms: f64 = self.cases.iter().map(|case| case.took_ms).sum();
        let what = match self.name.is_empty() {
            true => "the plugin".to_owned(),
            false => format!("{} {}", self.name, self.version),
        };
        write!(f, "\n{what} ({}): {holds} cases hold, {advice} with advice, {fails} fail", self.host)?;
        if not_run > 0 {
            write!(f, ", {not_run} were not run")?;
        }
        write!(f, "; {:.1} s", took_ms / 1e3)
    }
}

/// Writes a text in lines that fit a terminal, the first behind so many blanks and the others behind so many. No word is
/// cut.
fn wrapped(f: &mut fmt::Formatter<'_>, first: usize, others: usize, text: &str) -> fmt::Result {
    write!(f, "{:first$}", "")?;
    let mut column = first;
    for (at, word) in text.split(' ').enumerate() {
        let width = word.chars().count();
        match at {
            0 => {}
            _ if column + 1 + width > WIDTH => {
                write!(f, "\n{:others$}", "")?;
                column = others;
            }
            _ => {
                write!(f, " ")?;
                column += 1;
            }
        }
        write!(f, "{word}")?;
        column += width;
    }
    writeln!(f)
}

// === impl HookTimes ===

impl HookTimes {
    /// Of these calls.
    pub(crate) fn of(hook: Hook, mut times: Vec<Duration>) -> Self {
        times.sort();
        let at = |percent: usize| {
            let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
            times.get(at).map_or(0.0, |time| rounded(time.as_secs_f64() * 1e6))
        };
        Self { hook, calls: times.len(), p50_us: at(50), p99_us: at(99) }
    }
}

/// To three places, which is more than was measured.
pub(crate) fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests;
