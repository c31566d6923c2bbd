//! What was opened is closed: on every way out, each after-hook that is owed is called exactly once, in reverse, on the
//! plugin set of the request's start; `post_request` once; `request_end` once for each plugin of which any hook ran.

mod cancelled;
mod ways;

use crate::case::{Case, CaseFailure, Outcome, ensure_eq};
use crate::gateway::{Ask, Gateway, Terms};
use crate::host::Host;
use crate::plugins::{EVERY_HOOK, EVERY_HOOK_WAITING};
use crate::setup::{Setup, at, script};
use gatewright_pipeline::{Reaper, Settings};
use gatewright_plugin::Hook;
use gatewright_server::Limits;
use gatewright_testkit::{ScriptedAnswer, ScriptedProvider};
use serde_json::{Value as Json, json};

pub(super) fn cases(list: &mut Vec<Case>) {
    ways::cases(list);
    cancelled::cases(list);
}

/// A pair of hooks that open and close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pair {
    Http,
    Attempt,
}

/// What a case is about to send through `a`, `b` and `c`, of which `b` is the one that acts.
struct Cell {
    pair: Pair,
    /// What `b` does in its before-hook.
    before: Json,
    /// What `b` does in its after-hook.
    after: Json,
    settings: Settings,
    /// Those of `a` and `c`.
    others: Settings,
    providers: Vec<ScriptedProvider>,
    limits: Limits,
    reaper: Option<Reaper>,
}

/// A gateway with the three in it.
struct Stage<'h> {
    setup: Setup<'h>,
    gateway: Gateway,
    providers: Vec<ScriptedProvider>,
}

// === impl Pair ===

impl Pair {
    fn before(self) -> Hook {
        match self {
            Self::Http => Hook::HttpRequest,
            Self::Attempt => Hook::PreLlm,
        }
    }

    fn after(self) -> Hook {
        match self {
            Self::Http => Hook::HttpResponse,
            Self::Attempt => Hook::PostLlm,
        }
    }

    /// `a.pre_llm`, ...
    fn went_in(self, plugins: &str) -> Vec<String> {
        plugins.chars().map(|plugin| format!("{plugin}.{}", self.before())).collect()
    }

    /// `c.post_llm:response`, ...; HTTP has no phases.
    fn came_back(self, plugins: &str, phase: &str) -> Vec<String> {
        let suffix = if self == Self::Http { String::new() } else { format!(":{phase}") };
        plugins.chars().map(|plugin| format!("{plugin}.{}{suffix}", self.after())).collect()
    }
}

fn told_of_error() -> Vec<String> {
    ["a", "b", "c"].map(|plugin| format!("{plugin}.on_error")).into()
}

fn closed() -> Vec<String> {
    let summed_up = ["a", "b", "c"].map(|plugin| format!("{plugin}.post_request"));
    let ended = ["c", "b", "a"].map(|plugin| format!("{plugin}.request_end"));
    [summed_up, ended].concat()
}

// === impl Cell ===

impl Cell {
    fn new(pair: Pair) -> Self {
        let providers = vec![ScriptedProvider::new("one"), ScriptedProvider::new("two")];
        Self {
            pair,
            before: json!([]),
            after: json!([]),
            settings: Settings::default(),
            others: Settings::default(),
            providers,
            limits: Limits::default(),
            reaper: None,
        }
    }

    fn before(mut self, steps: Json) -> Self {
        self.before = steps;
        self
    }

    fn after(mut self, steps: Json) -> Self {
        self.after = steps;
        self
    }

    fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    fn answer(self, answer: ScriptedAnswer) -> Self {
        self.providers[0].push(answer);
        self
    }

    /// Puts it on a stage: `a` and `c` are plain functions, `b` is `async`.
    async fn stage(self, host: &dyn Host) -> Result<Stage<'_>, CaseFailure> {
        let hooks = [self.pair.before(), self.pair.after(), Hook::OnError, Hook::PostRequest, Hook::RequestEnd];
        let mut setup = Setup::new(host);
        if let Some(reaper) = self.reaper {
            setup.reaped_by(reaper);
        }
        let acts = json!({ self.pair.before().name(): self.before, self.pair.after().name(): self.after });
        let others = Settings { hooks: at(&hooks).hooks, ..self.others };
        setup.add("a", &EVERY_HOOK, script(json!({})), others.clone()).await?;
        let settings = Settings { hooks: at(&hooks).hooks, ..self.settings };
        setup.add("b", &EVERY_HOOK_WAITING, script(acts), settings).await?;
        setup.add("c", &EVERY_HOOK, script(json!({})), others).await?;
        let gateway =
            Gateway::start_with(setup.set()?, &self.providers, Terms { limits: self.limits, ..Terms::default() })?;
        Ok(Stage { setup, gateway, providers: self.providers })
    }

    /// Sends one request through it, and expects these calls.
    async fn send(self, host: &dyn Host, ask: Ask, status: u16, expected: &[Vec<String>]) -> Outcome {
        let stage = self.stage(host).await?;
        let answer = stage.gateway.send(&ask).await?;
        ensure_eq!(answer.status, status, "the status of {}", answer.body);
        stage.saw(expected).await
    }
}

// === impl Stage ===

impl Stage<'_> {
    /// The calls, without those for the chunks of streams.
    fn lines(&self) -> Vec<String> {
        self.setup.journal.lines().into_iter().filter(|line| !line.ends_with(":chunk")).collect()
    }

    async fn saw(&self, expected: &[Vec<String>]) -> Outcome {
        self.gateway.settle().await?;
        ensure_eq!(self.lines(), expected.concat(), "the calls");
        Ok(())
    }

    /// The client goes away once this call was made.
    async fn cancel_at(&self, ask: Ask, line: &str) -> Outcome {
        let connection = self.gateway.open(&ask).await?;
        self.setup.journal.until(line).await?;
        self.setup.journal.until_reached("never").await?;
        drop(connection);
        self.setup.journal.until("a.request_end").await
    }
}
