//! What a request comes to: short-circuits, recovery and invalidation, fallbacks, re-routing, edits, access.

mod access;
mod edits;
mod fallbacks;
mod guarded;
mod recovery;
mod short_circuits;

use crate::case::{Case, CaseFailure};
use crate::gateway::{Ask, Gateway, HttpAnswer};
use crate::host::Host;
use crate::plugins::{EVERY_HOOK, EVERY_HOOK_WAITING};
use crate::setup::Setup;
use gatewright_model::{Dialect, ErrorKind};
use gatewright_testkit::{ScriptedAnswer, ScriptedProvider};
use serde_json::Value as Json;

/// A gateway in front of the providers `one` and `two`.
struct Scene<'h> {
    setup: Setup<'h>,
    gateway: Gateway,
    one: ScriptedProvider,
    two: ScriptedProvider,
}

pub(super) fn cases(list: &mut Vec<Case>) {
    short_circuits::cases(list);
    recovery::cases(list);
    fallbacks::cases(list);
    edits::cases(list);
    guarded::cases(list);
    access::cases(list);
}

/// A request in a dialect, whole or streamed.
fn ask(dialect: Dialect, stream: bool) -> Ask {
    let ask = Ask::new("r-1");
    let ask = if dialect == Dialect::Anthropic { ask.anthropic() } else { ask };
    if stream { ask.stream() } else { ask }
}

/// Every dialect, whole and streamed, with a word for it.
const WAYS: [(Dialect, bool, &str); 4] = [
    (Dialect::OpenAi, false, "openai/whole"),
    (Dialect::OpenAi, true, "openai/stream"),
    (Dialect::Anthropic, false, "anthropic/whole"),
    (Dialect::Anthropic, true, "anthropic/stream"),
];

fn broken() -> ScriptedAnswer {
    ScriptedAnswer::error(ErrorKind::Upstream, "it broke")
}

// === impl Scene ===

impl<'h> Scene<'h> {
    /// With plugins `a`, `b`, ... of these scripts, plain functions and `async` ones in turn, each at the hooks of its
    /// script; and what the providers answer.
    async fn set(
        host: &'h dyn Host,
        scripts: &[Json],
        one: &[ScriptedAnswer],
        two: &[ScriptedAnswer],
    ) -> Result<Self, CaseFailure> {
        let mut setup = Setup::new(host);
        for (script, number) in scripts.iter().zip(0_u8..) {
            let plugin = if number % 2 == 0 { &EVERY_HOOK } else { &EVERY_HOOK_WAITING };
            setup.scripted(&char::from(b'a' + number).to_string(), plugin, script.clone()).await?;
        }
        Self::of(setup, one, two)
    }

    fn of(mut setup: Setup<'h>, one: &[ScriptedAnswer], two: &[ScriptedAnswer]) -> Result<Self, CaseFailure> {
        let provider = |name: &str, answers: &[ScriptedAnswer]| {
            let provider = ScriptedProvider::new(name);
            answers.iter().for_each(|answer| provider.push(answer.clone()));
            provider
        };
        let (one, two) = (provider("one", one), provider("two", two));
        let gateway = Gateway::start(setup.set()?, &[one.clone(), two.clone()])?;
        Ok(Self { setup, gateway, one, two })
    }

    /// Sends a request, and waits until it is closed.
    async fn send(&self, ask: &Ask) -> Result<HttpAnswer, CaseFailure> {
        let answer = self.gateway.send(ask).await?;
        self.gateway.settle().await?;
        Ok(answer)
    }

    /// How often `one` and `two` were asked.
    fn asked(&self) -> (usize, usize) {
        (self.one.calls().len(), self.two.calls().len())
    }

    /// What an instance's hook was given, call by call.
    fn saw(&self, plugin: &str, hook: &str) -> Vec<Json> {
        self.setup.journal.calls_of(plugin, hook).iter().map(|call| call.saw().clone()).collect()
    }
}
