//! A case: one rule, executable.

use crate::host::Host;
use gatewright_plugin::{Hook, HookSet};
use std::fmt::{self, Display};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// One rule, executable against any host.
pub struct Case {
    /// What it belongs to.
    pub group: Group,
    /// Its name, unique in its group: words joined by `/` and `_`.
    pub name: String,
    /// The rule, in one sentence.
    pub rule: &'static str,
    /// The hooks it exercises.
    pub hooks: HookSet,
    run: Rc<dyn Run>,
}

/// The most characters of a value that a failure shows.
const LONGEST_SHOWN: usize = 2000;

/// The list of cases of one group, being written.
pub(crate) struct Cases<'a> {
    group: Group,
    list: &'a mut Vec<Case>,
}

/// How a case ends.
pub type Outcome = Result<(), CaseFailure>;

/// What a case does, erased.
trait Run {
    fn run<'h>(self: Rc<Self>, host: &'h dyn Host) -> Pin<Box<dyn Future<Output = Outcome> + 'h>>;
}

/// A case that does not hold, in words. Any error becomes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseFailure(String);

/// What cases are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// Each hook: called, given its payload, its outcome and edits obeyed.
    Hooks,
    /// In which order plugins run.
    Order,
    /// Which requests and hooks an instance stands in.
    Scope,
    /// Which plugin set a request runs on, and what becomes of the others.
    Snapshot,
    /// A plugin that does not do its job.
    Failures,
    /// How long calls may take.
    Time,
    /// A plugin that keeps failing.
    Breaker,
    /// State, scratchpad, metadata, facts.
    State,
    /// Short-circuits, recovery, fallbacks, re-routing.
    Attempts,
    /// What was opened is closed.
    Closing,
    /// Streaming is not a way around.
    Streams,
}

// === impl Case ===

impl Case {
    /// Runs it. Needs a runtime with time.
    pub async fn run(&self, host: &dyn Host) -> Outcome {
        self.run.clone().run(host).await
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.group, self.name)
    }
}

impl<F: AsyncFn(&dyn Host) -> Outcome + 'static> Run for F {
    fn run<'h>(self: Rc<Self>, host: &'h dyn Host) -> Pin<Box<dyn Future<Output = Outcome> + 'h>> {
        Box::pin(async move { self(host).await })
    }
}

// === impl Cases ===

impl<'a> Cases<'a> {
    /// Adds to this list, in this group.
    pub(crate) fn of(group: Group, list: &'a mut Vec<Case>) -> Self {
        Self { group, list }
    }

    /// Adds a case that exercises these hooks.
    pub(crate) fn add<F>(&mut self, name: impl Into<String>, rule: &'static str, hooks: &[Hook], run: F)
    where
        F: AsyncFn(&dyn Host) -> Outcome + 'static,
    {
        let (group, name, hooks) = (self.group, name.into(), HookSet::of(hooks));
        self.list.push(Case { group, name, rule, hooks, run: Rc::new(run) });
    }
}

// === impl CaseFailure ===

impl CaseFailure {
    /// A failure that says so.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    pub(crate) fn unequal(what: &str, found: &dyn fmt::Debug, expected: &dyn fmt::Debug) -> Self {
        let shown = |value: &dyn fmt::Debug| format!("{value:?}").chars().take(LONGEST_SHOWN).collect::<String>();
        Self(format!("{what}\n   found {}\nexpected {}", shown(found), shown(expected)))
    }

    /// What does not hold.
    pub fn message(&self) -> &str {
        &self.0
    }
}

impl<E: std::error::Error> From<E> for CaseFailure {
    fn from(error: E) -> Self {
        Self(format!("{error} ({error:?})"))
    }
}

/// The rule holds, or the case fails and says what does not.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::case::CaseFailure::new(format!($($message)+)));
        }
    };
}

/// Both are equal, or the case fails and shows both.
macro_rules! ensure_eq {
    ($found:expr, $expected:expr, $($message:tt)+) => {
        match (&$found, &$expected) {
            (found, expected) => {
                if found != expected {
                    let what = format!($($message)+);
                    return Err($crate::case::CaseFailure::unequal(&what, found, expected));
                }
            }
        }
    };
}
pub(crate) use {ensure, ensure_eq};

// === impl Group ===

impl Group {
    /// Every group.
    pub const ALL: [Self; 11] = [
        Self::Hooks,
        Self::Order,
        Self::Scope,
        Self::Snapshot,
        Self::Failures,
        Self::Time,
        Self::Breaker,
        Self::State,
        Self::Attempts,
        Self::Closing,
        Self::Streams,
    ];

    /// Whether its rules are stated for every hook, so that it has cases for each. The others are about some hooks.
    pub fn is_of_every_hook(self) -> bool {
        matches!(self, Self::Hooks | Self::Order | Self::Scope | Self::Failures | Self::Time)
    }

    /// Its word in names and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hooks => "hooks",
            Self::Order => "order",
            Self::Scope => "scope",
            Self::Snapshot => "snapshot",
            Self::Failures => "failures",
            Self::Time => "time",
            Self::Breaker => "breaker",
            Self::State => "state",
            Self::Attempts => "attempts",
            Self::Closing => "closing",
            Self::Streams => "streams",
        }
    }
}

impl Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
