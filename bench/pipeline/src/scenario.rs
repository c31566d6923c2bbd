//! What is measured, by name.

use crate::Problem;
use crate::chain::Chains;
use crate::plugins::Style;
use crate::request::Requests;
use gatewright_plugin::{Hook, HookSet};

/// How many plugins a scenario is measured with. What one of them costs is the difference between the last two.
pub const PLUGINS: [usize; 5] = [0, 1, 5, 10, 20];

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name, which says who stands where.
    pub name: &'static str,
    /// What it is to stay within; empty if nobody said.
    pub target: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A chain whose plugins all stand in it.
    Hook(Hook, Style),
    /// The chains of a request, in which nobody stands.
    Chains,
    /// A whole request past plugins that stand nowhere.
    Request,
}

/// No scenario has this name.
#[derive(Debug, thiserror::Error)]
#[error("there is no scenario `{0}`")]
pub struct Unknown(String);

/// A scenario with a number of plugins, ready to be done.
pub struct Work(Doing);

enum Doing {
    Chains(Box<Chains>),
    Requests(Box<Requests>),
}

const PLAIN: &str = "50 ns, 0 allocations";
const ASYNC: &str = "1 allocation";
const UNSUBSCRIBED: &str = "0.5 % more instructions with 20 than with none";

/// All scenarios.
pub const SCENARIOS: [Scenario; 13] = [
    Scenario::hook("pre_llm/fn", PLAIN, Hook::PreLlm, Style::Plain),
    Scenario::hook("post_llm/fn", PLAIN, Hook::PostLlm, Style::Plain),
    Scenario::hook("check_input/fn", PLAIN, Hook::CheckInput, Style::Plain),
    Scenario::hook("pre_llm/fn+probe", "", Hook::PreLlm, Style::Probed),
    Scenario::hook("post_llm/fn+probe", "", Hook::PostLlm, Style::Probed),
    Scenario::hook("check_input/fn+probe", "", Hook::CheckInput, Style::Probed),
    Scenario::hook("pre_llm/fn+edit", "", Hook::PreLlm, Style::Editing),
    Scenario::hook("post_llm/fn+edit", "", Hook::PostLlm, Style::Editing),
    Scenario::hook("pre_llm/async", ASYNC, Hook::PreLlm, Style::Async),
    Scenario::hook("post_llm/async", ASYNC, Hook::PostLlm, Style::Async),
    Scenario::hook("check_input/async", ASYNC, Hook::CheckInput, Style::Async),
    Scenario { name: "chains/unsubscribed", target: UNSUBSCRIBED, kind: Kind::Chains },
    Scenario { name: "request/unsubscribed", target: UNSUBSCRIBED, kind: Kind::Request },
];

/// The scenario of this name.
pub fn scenario(name: &str) -> Result<Scenario, Unknown> {
    SCENARIOS.into_iter().find(|scenario| scenario.name == name).ok_or_else(|| Unknown(name.to_owned()))
}

// === impl Scenario ===

impl Scenario {
    const fn hook(name: &'static str, target: &'static str, hook: Hook, style: Style) -> Self {
        Self { name, target, kind: Kind::Hook(hook, style) }
    }

    /// The scenario with so many plugins.
    pub async fn with(self, plugins: usize) -> Result<Work, Problem> {
        const WALKED: HookSet = HookSet::of(&[Hook::CheckInput, Hook::PreLlm, Hook::PostLlm]);
        let doing = match self.kind {
            Kind::Hook(hook, style) => {
                let hooks = HookSet::of(&[hook]);
                Doing::Chains(Box::new(Chains::new(style, hooks, hooks, plugins).await?))
            }
            Kind::Chains => Doing::Chains(Box::new(Chains::new(Style::Plain, WALKED, HookSet::EMPTY, plugins).await?)),
            Kind::Request => Doing::Requests(Box::new(Requests::unsubscribed(plugins).await?)),
        };
        Ok(Work(doing))
    }
}

// === impl Work ===

impl Work {
    /// Does it so many times.
    pub async fn repeat(&mut self, times: u32) -> Result<(), Problem> {
        match &mut self.0 {
            Doing::Chains(chains) => {
                for _ in 0..times {
                    chains.walk().await?;
                }
            }
            Doing::Requests(requests) => {
                for _ in 0..times {
                    requests.serve().await?;
                }
            }
        }
        Ok(())
    }
}
