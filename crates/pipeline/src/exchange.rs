//! The plugins' side of one request: its set, its facts, its state, and who is owed what.

use crate::bits::Bits;
use crate::set::{PluginSet, Slot};
use gatewright_plugin::payload::PluginMetadata;
use gatewright_plugin::services::Services;
use gatewright_plugin::{Cx, Facts, Hook, Kept, KeptFor, State, StateFull, Value, Writes};
use serde_json::Value as Json;
use smallvec::SmallVec;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Most bytes that the plugins may attach to one request's log.
pub const MAX_METADATA_BYTES: usize = 64 << 10;

/// Closing hooks have a budget of their own, since the request's may be spent.
pub const CLOSING_BUDGET: Duration = Duration::from_secs(10);

/// Most bytes of one plugin's scratchpad.
pub const MAX_SCRATCH_BYTES: usize = 256 << 10;

/// The plugins' side of one request, from its first hook to `request_end`.
#[derive(Debug)]
pub struct Exchange {
    pub(crate) set: Arc<PluginSet>,
    facts: Arc<Facts>,
    state: State,
    scratch: SmallVec<[(u16, Arc<Json>); 2]>,
    metadata: Vec<PluginMetadata>,
    metadata_bytes: usize,
    /// Plugins of which any hook ran.
    pub(crate) ran: Bits,
    rounds: [Passage; 2],
    /// Time the plugins took.
    spent: Duration,
    closing: Option<Instant>,
    /// Whose failures the log has warned of.
    pub(crate) warned_of: SmallVec<[(u16, Hook); 1]>,
    /// Whose writes the log has said are not kept.
    pub(crate) let_go_of: SmallVec<[(u16, Hook); 1]>,
    /// What hosts keep until the request is over.
    _kept: Option<Arc<Kept>>,
}

/// A pair of a before-chain and an after-chain: whose before-hook ran is owed the after-hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Round {
    /// `http_request` and `http_response`.
    Http,
    /// `pre_llm` and `post_llm`, once an attempt.
    Attempt,
}

/// Why something that a call wrote is not kept.
pub(crate) type LetGo = SmallVec<[String; 2]>;

/// How far a round's before-chain came, and how far its after-chain has come back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passage {
    /// Positions up to this one, itself included, were reached.
    pub(crate) reached: Option<u16>,
    /// Of those that have the before-hook, the ones in which it ran and did not fail.
    pub(crate) entered: Bits,
}

// === impl Exchange ===

impl Exchange {
    /// A request that begins, on the set of this moment.
    pub fn new(set: Arc<PluginSet>, mut facts: Facts) -> Self {
        let kept = (!set.members().is_empty()).then(Arc::<Kept>::default);
        // A request of a plugin's own making begins with the facts of the one that it was made in.
        facts.kept = kept.as_ref().map(KeptFor::new).unwrap_or_default();
        Self {
            set,
            facts: Arc::new(facts),
            state: State::default(),
            scratch: SmallVec::new(),
            metadata: Vec::new(),
            metadata_bytes: 0,
            ran: Bits::default(),
            rounds: Default::default(),
            spent: Duration::ZERO,
            closing: None,
            warned_of: SmallVec::new(),
            let_go_of: SmallVec::new(),
            _kept: kept,
        }
    }

    /// The set it runs on.
    pub fn set(&self) -> &Arc<PluginSet> {
        &self.set
    }

    /// Whether anybody stands at a hook.
    pub fn has(&self, hook: Hook) -> bool {
        self.set.has(hook)
    }

    /// The facts.
    pub fn facts(&self) -> &Arc<Facts> {
        &self.facts
    }

    /// The facts, to change as they become known; contexts in use keep what they had.
    pub fn facts_mut(&mut self) -> &mut Facts {
        Arc::make_mut(&mut self.facts)
    }

    /// Begins a round anew: nobody is owed anything.
    pub fn begin(&mut self, round: Round) {
        self.rounds[round as usize] = Passage::default();
    }

    /// Whether anybody is still owed the after-hook of a round.
    pub fn owes(&self, round: Round) -> bool {
        let hook = match round {
            Round::Http => Hook::HttpResponse,
            Round::Attempt => Hook::PostLlm,
        };
        self.has(hook) && self.set.chain(hook).iter().any(|slot| self.rounds[round as usize].owes(slot))
    }

    /// Whether a slot of a hook will be called in this request, as far as its scope and its round say.
    pub fn stands(&self, hook: Hook, slot: &Slot) -> bool {
        let owed = hook != Hook::PostLlm || self.rounds[Round::Attempt as usize].owes(slot);
        owed && self.holds(slot)
    }

    /// Whether any slot of a hook will be called in this request.
    pub fn stands_at(&self, hook: Hook) -> bool {
        self.has(hook) && self.set.chain(hook).iter().any(|slot| self.stands(hook, slot))
    }

    /// Whether the request is one of those that a slot stands in. Who opened something closes it, wherever the request
    /// has gone since.
    #[inline]
    pub(crate) fn holds(&self, slot: &Slot) -> bool {
        !self.is_excluded(slot.name())
            && slot.scope.as_ref().is_none_or(|scope| slot.paired || scope.holds(self.facts()))
    }

    pub(crate) fn passage(&mut self, round: Round) -> &mut Passage {
        &mut self.rounds[round as usize]
    }

    /// Whether it is a request of a plugin's own making, or was made within one: there the plugin is not called.
    pub(crate) fn is_excluded(&self, name: &Arc<str>) -> bool {
        self.facts.asking.contains(name)
    }

    /// The shared state.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What plugins attached so far.
    pub fn metadata(&self) -> &[PluginMetadata] {
        &self.metadata
    }

    /// Takes what plugins attached.
    pub fn take_metadata(&mut self) -> Vec<PluginMetadata> {
        std::mem::take(&mut self.metadata)
    }

    /// Time the plugins took so far.
    pub fn plugin_time(&self) -> Duration {
        self.spent
    }

    /// From here on hooks have a budget of their own, since the request's may be spent.
    pub fn begin_closing(&mut self, budget: Duration) {
        self.closing = Some(Instant::now() + budget);
    }

    /// Hooks that close what was opened have time of their own once the request's is spent.
    pub(crate) fn close_in_time(&mut self, now: Instant) {
        if self.closing.is_none() && self.facts.deadline.is_some_and(|deadline| deadline <= now) {
            self.closing = Some(now + CLOSING_BUDGET);
        }
    }

    /// When calls must be done.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.closing.or(self.facts.deadline)
    }

    pub(crate) fn add_plugin_time(&mut self, took: Duration) {
        self.spent += took;
    }

    /// A context over the state as it is now.
    pub(crate) fn cx(&self, position: u16, services: &Services) -> Cx {
        Cx::new(self.facts.clone(), self.state.clone(), self.scratch_of(position), services.clone())
    }

    pub(crate) fn scratch_of(&self, position: u16) -> Option<Arc<Json>> {
        self.scratch.iter().find(|(of, _)| *of == position).map(|(_, json)| json.clone())
    }

    /// Keeps what a call wrote. An error where that alone is more than may be kept: then nothing of it is. What finds no
    /// room beside what was written before is let go: a call must not fail for the others' notes.
    pub(crate) fn merge(
        &mut self,
        position: u16,
        name: &Arc<str>,
        hook: Hook,
        writes: Writes,
    ) -> Result<LetGo, String> {
        let (mut let_go, mut state) = (LetGo::new(), self.state.clone());
        if let Err(full) = write(&mut state, &writes.state) {
            write(&mut State::default(), &writes.state).map_err(|alone| alone.to_string())?;
            state = self.state.clone();
            let_go.push(full.to_string());
        }
        if let Some(scratch) = &writes.scratch
            && json_bytes(scratch) > MAX_SCRATCH_BYTES
        {
            return Err(format!("the scratchpad is over {MAX_SCRATCH_BYTES} bytes"));
        }
        let metadata_bytes = match writes.metadata.is_empty() {
            true => 0,
            false => writes.metadata.iter().map(|(key, value)| key.len() + json_bytes(value)).sum(),
        };
        if self.metadata_bytes + metadata_bytes > MAX_METADATA_BYTES {
            let over = format!("the request's metadata is over {MAX_METADATA_BYTES} bytes");
            if metadata_bytes > MAX_METADATA_BYTES {
                return Err(over);
            }
            let_go.push(over);
        } else if !writes.metadata.is_empty() {
            self.metadata_bytes += metadata_bytes;
            self.metadata.push(PluginMetadata { plugin: name.clone(), hook, metadata: writes.metadata });
        }
        self.state = state;
        if let Some(scratch) = writes.scratch {
            self.scratch.retain(|(of, _)| *of != position);
            self.scratch.push((position, scratch));
        }
        Ok(let_go)
    }
}

/// Writes to a state, in order.
fn write(state: &mut State, writes: &[(Box<str>, Option<Value>)]) -> Result<(), StateFull> {
    writes.iter().try_for_each(|(key, value)| state.set(key, value.clone()))
}

/// The length of its text.
fn json_bytes(json: &Json) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // Counting cannot fail; a value that cannot be written counts as too large.
    match serde_json::to_writer(&mut count, json) {
        Ok(()) => count.0,
        Err(_) => usize::MAX / 2,
    }
}

// === impl Passage ===

impl Passage {
    /// The after-hook of this position is called now, and is not owed any more.
    pub(crate) fn come_back_to(&mut self, position: u16) {
        self.reached = position.checked_sub(1);
    }

    pub(crate) fn owes(&self, slot: &crate::set::Slot) -> bool {
        let within = self.reached.is_some_and(|reached| slot.position <= reached);
        within && (!slot.paired || self.entered.contains(slot.position))
    }
}

#[cfg(test)]
mod tests;
