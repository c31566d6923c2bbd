//! Running the cases, one after the other.

use crate::case::{About, CaseReport, Outcome};
use crate::report::{HookTimes, Report, rounded};
use crate::stand::{LIFE, Stand};
use crate::subject::{Asked, NotLoaded, Subject, Test};
use crate::{config, hooks, life};
use gatewright_plugin::{HookSet, Permission};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::future::Future;
use std::time::{Duration, Instant};

/// What happens while the cases run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// What it says of itself.
    Introduced {
        /// The kind of plugin.
        name: String,
        /// Its version.
        version: String,
    },
    /// A case begins.
    Begins {
        /// What it is about.
        about: About,
        /// Its name.
        name: String,
        /// The rule.
        rule: String,
    },
    /// It ended.
    Ended(CaseReport),
    /// How long the calls of a hook took.
    Times(HookTimes),
    /// All cases have been run.
    Over,
}

/// The longest that one case may take.
const LONGEST_CASE: Duration = Duration::from_secs(120);

/// What all cases need.
pub(crate) struct Bench<'a> {
    pub(crate) loader: Loader<'a>,
    tell: &'a mut dyn FnMut(Event),
}

/// Loads the plugin under test.
#[derive(Clone)]
pub(crate) struct Loader<'a> {
    subject: &'a dyn Subject,
    config: &'a Json,
    pub(crate) granted: BTreeSet<Permission>,
}

/// Runs every case that applies, and tells of each. Needs a runtime with time.
pub async fn run(subject: &dyn Subject, test: &Test, tell: &mut dyn FnMut(Event)) -> Report {
    let mut report = Report::new(subject.host());
    let mut tell = |event: Event| {
        report.take(&event);
        tell(event);
    };
    // What it asks for it says once it is loaded; what it is granted may then be less.
    let granted = test.granted.clone().unwrap_or_else(|| Permission::ALL.into());
    let loader = Loader { subject, config: &test.config, granted };
    let mut bench = Bench { loader, tell: &mut tell };
    if let Some(first) = life::starts(&mut bench).await {
        if test.granted.is_none() {
            bench.loader.granted.clone_from(&first.manifest().permissions);
        }
        all(&mut bench, first).await;
    }
    bench.tell(Event::Over);
    report
}

/// All cases, once it has started.
async fn all(bench: &mut Bench<'_>, first: Stand) {
    let (hooks, manifest) = (first.hooks(), first.manifest().clone());
    bench.tell(Event::Introduced { name: manifest.name.clone(), version: manifest.version.clone() });
    life::manifest(bench, &manifest, hooks).await;
    life::life(bench, first).await;
    config::cases(bench).await;
    let mut called = HookSet::EMPTY;
    for hook in hooks.without(LIFE).iter() {
        if hooks::of(bench, hook).await {
            called = called.with(hook);
        }
    }
    hooks::together(bench, called).await;
    life::permissions(bench, &manifest, called).await;
}

// === impl Bench ===

impl<'a> Bench<'a> {
    /// Runs a case: what it gives, if the rule holds. Advice is given with what it is for.
    pub(crate) async fn case<T>(
        &mut self,
        about: About,
        name: &str,
        rule: &str,
        run: impl Future<Output = Result<T, Outcome>>,
    ) -> Option<T> {
        let (name, rule) = (name.to_owned(), rule.to_owned());
        self.tell(Event::Begins { about, name: name.clone(), rule: rule.clone() });
        let began = Instant::now();
        let (outcome, given) = match tokio::time::timeout(LONGEST_CASE, run).await {
            Ok(Ok(given)) => (Outcome::Holds, Some(given)),
            Ok(Err(outcome)) => (outcome, None),
            Err(_) => (Outcome::Fails(format!("it took longer than {} s", LONGEST_CASE.as_secs())), None),
        };
        let took_ms = rounded(began.elapsed().as_secs_f64() * 1e3);
        self.tell(Event::Ended(CaseReport { about, name, rule, outcome, took_ms }));
        given
    }

    pub(crate) fn tell(&mut self, event: Event) {
        (self.tell)(event);
    }
}

// === impl Loader ===

impl Loader<'_> {
    /// An instance of this name that stands at these hooks, with the config and the permissions of the test.
    pub(crate) async fn stand(&self, name: &str, hooks: HookSet) -> Result<Stand, NotLoaded> {
        self.stand_with(name, hooks, self.config.clone()).await
    }

    /// The same with another config.
    pub(crate) async fn stand_with(&self, name: &str, hooks: HookSet, config: Json) -> Result<Stand, NotLoaded> {
        let asked = Asked { name: name.to_owned(), config, granted: self.granted.clone() };
        Stand::new(self.subject, asked, hooks).await
    }

    /// The config of the test.
    pub(crate) fn config(&self) -> &Json {
        self.config
    }
}
