//! The side of those who call.

use crate::answer::Answer;
use crate::carry::{Carry, Contents, Opens, OutcomeCarry, Parts, Unfit};
use crate::document;
use crate::facts::FactsDocument;
use crate::part::{NotGiven, Part, View};
use crate::{MAX_ANSWER_BYTES, Pulls};
use gatewright_model::PlacedText;
use gatewright_plugin::hosted::{CallRef, HookPoint, Reply, point};
use gatewright_plugin::payload::ChunkStream;
use gatewright_plugin::{Cx, Facts, Failure, Hook, PreLlm, State, Writes, with_hook_table};
use serde::de::IgnoredAny;
use serde_json::Value as Json;
use std::sync::Arc;

/// A call on its way: what the callee gets at once, and what it may fetch.
#[derive(Debug)]
pub struct Departure {
    /// The head, a document.
    pub head: Vec<u8>,
    /// The rest.
    pub rest: Rest,
}

/// What a callee may fetch. Owns what it gives, so that it may outlive the call.
#[derive(Clone, Debug)]
pub struct Rest {
    facts: Arc<Facts>,
    state: State,
    scratch: Option<Arc<Json>>,
    parts: Parts,
    view: Arc<View>,
}

/// What came back of a call.
#[derive(Debug)]
pub struct Arrival<'a> {
    /// The answer, a document.
    pub answer: &'a [u8],
    /// Texts that came beside it, by the place of those in whose stead they are.
    pub texts: Vec<PlacedText>,
}

/// Sends a call on its way.
pub fn depart(cx: &Cx, call: &CallRef<'_>, view: &Arc<View>) -> Departure {
    macro_rules! by_hook {
        ($(($number:literal, $variant:ident, $name:ident, [$($alias:literal),*], $layer:ident, $kind:ident,
            $direction:ident, $mode:ident, $seconds:literal, $payload:ty, $pass:ident, $outcome:ty))*) => {
            match call {
                $(CallRef::$variant(payload) => (payload.head(view), payload.parts()),)*
            }
        };
    }
    let (head, parts) = with_hook_table!(by_hook);
    let (facts, state) = (cx.shared_facts().clone(), cx.state().clone());
    Departure { head, rest: Rest { facts, state, scratch: cx.kept_scratch().cloned(), parts, view: view.clone() } }
}

/// Takes the answer of a call as a proposal: edits into the payload, writes into the context. `streams` gives what pulls
/// the stream that the guest answers with, if it is one.
pub fn settle(
    cx: &mut Cx,
    call: CallRef<'_>,
    arrival: Arrival<'_>,
    view: &View,
    streams: &dyn Fn() -> Arc<dyn Pulls>,
) -> Reply {
    if arrival.bytes() > MAX_ANSWER_BYTES {
        return Reply::Failed(Failure::Oversized(format!("an answer has at most {MAX_ANSWER_BYTES} bytes")));
    }
    macro_rules! by_hook {
        ($(($number:literal, $variant:ident, $name:ident, [$($alias:literal),*], $layer:ident, $kind:ident,
            $direction:ident, $mode:ident, $seconds:literal, $payload:ty, $pass:ident, $outcome:ty))*) => {
            match call {
                $(CallRef::$variant(payload) => {
                    match settled::<point::$variant>(cx, payload, arrival, view, streams) {
                        Ok(outcome) => Reply::$variant(outcome),
                        Err(failure) => Reply::Failed(failure),
                    }
                })*
            }
        };
    }
    with_hook_table!(by_hook)
}

fn settled<H>(
    cx: &mut Cx,
    payload: &mut H::Payload,
    Arrival { answer, texts }: Arrival<'_>,
    view: &View,
    streams: &dyn Fn() -> Arc<dyn Pulls>,
) -> Result<H::Outcome, Failure>
where
    H: HookPoint<Payload: Carry, Outcome: OutcomeCarry>,
{
    type Read<H> =
        Answer<<<H as HookPoint>::Outcome as OutcomeCarry>::Document, <<H as HookPoint>::Payload as Carry>::Edits>;
    let malformed = |unfit: Unfit| Failure::Malformed(unfit.to_string());
    let unsaid = || Failure::Malformed("it said nothing where it must".to_owned());
    if answer.is_empty() && texts.is_empty() {
        return H::Outcome::quiet().ok_or_else(unsaid);
    }
    let read = match answer {
        [] => Read::<H>::of(None, None, Writes::default()),
        _ => Read::<H>::read(answer).map_err(|error| {
            if let Some(number) = unclaimed(H::HOOK, answer) {
                streams().close(number);
            }
            Failure::from(error)
        })?,
    };
    let Answer { failure, outcome, edits, state, scratch, metadata } = read;
    let mut open = |number| crate::stream::pulled(streams(), number);
    // Before anything else of it is refused: so a stream that it names is given up with it.
    let outcome = outcome.map(|document| H::Outcome::arrive(document, Opens::Open(&mut open)).map_err(malformed));
    if let Some(failure) = failure {
        return Err(failure);
    }
    let edits = match texts.is_empty() {
        true => edits,
        false => Some(H::Payload::taken(edits, texts).map_err(malformed)?),
    };
    if let Some(edits) = edits {
        payload.apply(edits, view).map_err(malformed)?;
    }
    cx.set_writes(Writes { state, scratch, metadata });
    outcome.unwrap_or_else(|| H::Outcome::quiet().ok_or_else(unsaid))
}

/// The stream that a hook answered with, of an answer that nobody takes: it is to be given up.
pub fn unclaimed(hook: Hook, answer: &[u8]) -> Option<u64> {
    // Whether all else of it could be taken makes no difference.
    type Read = Answer<<PreLlm as OutcomeCarry>::Document, IgnoredAny>;
    if hook != Hook::PreLlm || answer.is_empty() {
        return None;
    }
    let mut named = None;
    let mut open = |number| {
        named = Some(number);
        ChunkStream::of([])
    };
    let _outcome = PreLlm::arrive(Read::read(answer).ok()?.outcome?, Opens::Open(&mut open));
    named
}

// === impl Arrival ===

impl<'a> Arrival<'a> {
    /// An answer with nothing beside it.
    pub fn of(answer: &'a [u8]) -> Self {
        Self { answer, texts: Vec::new() }
    }

    fn bytes(&self) -> usize {
        self.texts.iter().fold(self.answer.len(), |bytes, (_, text)| bytes.saturating_add(text.len()))
    }
}

// === impl Rest ===

impl Rest {
    /// What a part holds. An error says why there is none.
    pub fn part(&self, part: Part) -> Result<Contents, NotGiven> {
        match part {
            Part::Facts => Ok(document::write(&FactsDocument::from(&*self.facts)).into()),
            Part::State => Ok(document::write(&self.state.iter().collect::<Vec<_>>()).into()),
            Part::Scratch => Ok(self.scratch.as_ref().map(document::write).unwrap_or_default().into()),
            _ => self.parts.get(part, &self.view),
        }
    }

    /// The facts of the request.
    pub fn facts(&self) -> &Arc<Facts> {
        &self.facts
    }
}

#[cfg(test)]
mod tests;
