//! The side of those who are called.

use crate::answer::Answer;
use crate::carry::{Carry, Opens, OutcomeCarry};
use crate::document::{self, NotADocument};
use crate::facts::FactsDocument;
use crate::far::{Far, fetch};
use crate::part::Part;
use gatewright_plugin::hosted::{Call, HookPoint, Reply, point};
use gatewright_plugin::payload::ChunkStream;
use gatewright_plugin::services::Services;
use gatewright_plugin::{Cx, Facts, Failure, Hook, HookSet, Plugin, Remote, State, Value, with_hook_table};
use serde_json::Value as Json;
use std::sync::{Arc, OnceLock};

/// The context of a call, fetched when somebody looks.
struct FarContext {
    far: Arc<dyn Far>,
    facts: OnceLock<Arc<Facts>>,
    state: OnceLock<State>,
    scratch: OnceLock<Option<Arc<Json>>>,
}

/// The context of a call.
pub fn context(far: &Arc<dyn Far>, services: Services) -> Cx {
    let (facts, state, scratch) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
    Cx::remote(Arc::new(FarContext { far: far.clone(), facts, state, scratch }), services)
}

/// The hooks that a guest implements: code for the others is left out of it.
pub trait Implements {
    /// The hooks.
    const HOOKS: HookSet;
}

/// All of them: for what runs plugins of any kind.
#[derive(Debug)]
pub enum AllHooks {}

impl Implements for AllHooks {
    const HOOKS: HookSet = HookSet::ALL;
}

impl<P: Plugin> Implements for P {
    const HOOKS: HookSet = P::HOOKS;
}

/// The payload of a call, from its head. A hook that is not implemented is an error.
pub fn arrive<P: Implements>(hook: Hook, head: &[u8], far: &Arc<dyn Far>) -> Result<Call, NotADocument> {
    macro_rules! by_hook {
        ($(($number:literal, $variant:ident, $name:ident, [$($alias:literal),*], $layer:ident, $kind:ident,
            $direction:ident, $mode:ident, $seconds:literal, $payload:ty, $pass:ident, $outcome:ty))*) => {
            match hook {
                $(Hook::$variant if P::HOOKS.contains(Hook::$variant) => Carry::arrive(head, far).map(Call::$variant),)*
                _ => Err(NotADocument::new(format!("the plugin does not implement {hook}"))),
            }
        };
    }
    with_hook_table!(by_hook)
}

/// The answer of a call as a document; `keep` takes a stream that it answers with, and gives its number. A hook that
/// has nothing to say answers nothing.
pub fn leave<P: Implements>(
    far: &Arc<dyn Far>,
    cx: &mut Cx,
    call: &Call,
    reply: Reply,
    keep: &mut dyn FnMut(ChunkStream) -> u64,
) -> Vec<u8> {
    macro_rules! by_hook {
        ($(($number:literal, $variant:ident, $name:ident, [$($alias:literal),*], $layer:ident, $kind:ident,
            $direction:ident, $mode:ident, $seconds:literal, $payload:ty, $pass:ident, $outcome:ty))*) => {
            match call {
                $(Call::$variant(payload) if P::HOOKS.contains(Hook::$variant) => {
                    answer::<point::$variant>(far, cx, payload, reply, keep)
                })*
                _ => fail(Failure::Malformed("the plugin does not implement the hook".to_owned())),
            }
        };
    }
    with_hook_table!(by_hook)
}

/// The answer of a call that failed, as a document.
pub fn fail(failure: Failure) -> Vec<u8> {
    document::write(&Answer::<(), ()>::failed(failure))
}

fn answer<H>(
    far: &Arc<dyn Far>,
    cx: &mut Cx,
    payload: &H::Payload,
    reply: Reply,
    keep: &mut dyn FnMut(ChunkStream) -> u64,
) -> Vec<u8>
where
    H: HookPoint<Payload: Carry, Outcome: OutcomeCarry>,
{
    type Written<H> =
        Answer<<<H as HookPoint>::Outcome as OutcomeCarry>::Document, <<H as HookPoint>::Payload as Carry>::Edits>;
    let outcome = match H::outcome(reply) {
        Ok(outcome) => outcome,
        Err(failure) => return document::write(&Written::<H>::failed(failure)),
    };
    let mut edits = payload.edits();
    if edits.is_none() && outcome.is_quiet() && !cx.has_writes() {
        return Vec::new();
    }
    if let Some(edits) = &mut edits {
        H::Payload::hand_over(edits, &**far);
    }
    let outcome = (!outcome.is_quiet()).then(|| outcome.leave(Opens::Keep(keep)));
    let long = edits.is_some();
    let answer = Written::<H>::of(outcome, edits, cx.take_writes());
    if long { document::write_long(&answer) } else { document::write(&answer) }
}

// === impl FarContext ===

impl Remote for FarContext {
    fn facts(&self) -> &Arc<Facts> {
        // A call that is over has no facts any more; what it says then reaches nobody.
        self.facts.get_or_init(|| {
            let facts = fetch::<FactsDocument>(&self.far, Part::Facts).map(Facts::from);
            Arc::new(facts.unwrap_or_default())
        })
    }

    fn state(&self) -> &State {
        self.state.get_or_init(|| {
            let entries: Vec<(String, Value)> = fetch(&self.far, Part::State).unwrap_or_default();
            let mut state = State::default();
            for (key, value) in entries {
                // What the host has fits.
                let _ = state.set(&key, Some(value));
            }
            state
        })
    }

    fn scratch(&self) -> Option<&Arc<Json>> {
        let kept = self.scratch.get_or_init(|| match self.far.part(Part::Scratch) {
            Ok(bytes) if !bytes.is_empty() => document::read(&bytes).ok(),
            _ => None,
        });
        kept.as_ref()
    }
}

impl std::fmt::Debug for FarContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FarContext")
    }
}
