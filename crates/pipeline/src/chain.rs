//! The dispatch loops: chains forward, chains in reverse.

mod judged;

use crate::call::Fault;
use crate::exchange::{Exchange, Round};
use crate::judge::Judge;
use crate::probe::Judged;
use crate::set::{PluginSet, Slot};
use gatewright_plugin::{Cx, Failure, FailureMode, Hook};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An outcome that ended a chain, and whose it is.
#[derive(Debug)]
pub struct Decision<O> {
    /// The instance.
    pub plugin: Arc<str>,
    /// What it decided.
    pub outcome: O,
}

/// What a walk along a chain needs between two calls: neighbours share the context and a reading of the clock.
struct Walk {
    cx: Option<Cx>,
    now: Instant,
    /// Whether payloads are copies that nobody may edit.
    watches: bool,
}

/// Why a slot is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// The request is in its scope, and its breaker lets it be called.
    InScope,
    /// It was opened in this request, and must be closed.
    Owed,
}

/// One call and what the host makes of it: what was written and edited is kept, or all of it given up.
///
/// A macro, since an immediate hook has its answer at once, and moving that through a future of its own would cost as
/// much as the hook.
macro_rules! call {
    ($exchange:ident, $hook:ty, $slot:expr, $payload:expr, $walk:expr, $due:expr) => {
        match $slot.is_called_in_place(<$hook>::HOOK) {
            true => $exchange.call_immediate::<$hook>($slot, $payload, $walk, $due),
            false => $exchange.call_waiting::<$hook>($slot, $payload, $walk, $due).await,
        }
    };
}

impl Exchange {
    /// Runs a chain, in the direction of the table, until somebody decides. A fault ends it.
    pub async fn run<H: Judge>(&mut self, payload: &mut H::Payload) -> Result<Option<Decision<H::Outcome>>, Fault> {
        self.run_where::<H>(payload, |_| true).await
    }

    /// The same for the slots that `chosen` picks.
    pub async fn run_where<H: Judge>(
        &mut self,
        payload: &mut H::Payload,
        chosen: impl Fn(&Slot) -> bool,
    ) -> Result<Option<Decision<H::Outcome>>, Fault> {
        if !self.set.has(H::HOOK) {
            return Ok(None);
        }
        let set = self.set.clone();
        let mut walk = Walk::begin();
        for slot in in_direction(&set, H::HOOK).filter(|slot| chosen(slot)) {
            if !self.holds(slot) {
                continue;
            }
            match call!(self, H, slot, payload, &mut walk, Due::InScope) {
                Ok(outcome) if H::is_decisive(&outcome) => return Ok(Some(Decision::of(slot, outcome))),
                Ok(_) => {}
                Err(failure) => self.forgive(slot, H::HOOK, failure)?,
            }
        }
        Ok(None)
    }

    /// Runs a round's before-chain and notes how far it came: at every moment, so that a request that is cut off in the
    /// middle knows what it owes.
    pub async fn enter<H: Judge>(
        &mut self,
        round: Round,
        payload: &mut H::Payload,
    ) -> Result<Option<Decision<H::Outcome>>, Fault> {
        if self.set.has(H::HOOK) {
            let set = self.set.clone();
            let mut walk = Walk::begin();
            for slot in set.chain(H::HOOK) {
                if !self.holds(slot) {
                    continue;
                }
                let passage = self.passage(round);
                passage.reached = Some(slot.position);
                passage.entered.insert(slot.position);
                match call!(self, H, slot, payload, &mut walk, Due::InScope) {
                    Ok(outcome) if H::is_decisive(&outcome) => return Ok(Some(Decision::of(slot, outcome))),
                    Ok(_) => {}
                    Err(failure) => {
                        self.passage(round).entered.remove(slot.position);
                        self.forgive(slot, H::HOOK, failure)?;
                    }
                }
            }
        }
        self.passage(round).reached = Some(u16::MAX);
        Ok(None)
    }

    /// Runs a round's after-chain for good, last to first: everybody who is owed it is called once, whatever the others
    /// do. A fault is handed to `on_fault`, which may put it into the payload that the next ones see. With `stops`, an
    /// outcome that decides ends the chain, and the rest is not owed any more.
    pub async fn unwind<H: Judge>(
        &mut self,
        round: Round,
        payload: &mut H::Payload,
        stops: bool,
        mut on_fault: impl FnMut(&mut H::Payload, Fault),
    ) -> Option<Decision<H::Outcome>> {
        if self.set.has(H::HOOK) {
            let set = self.set.clone();
            let mut walk = Walk::begin();
            for slot in set.chain(H::HOOK).iter().rev() {
                if !self.passage(round).owes(slot) {
                    continue;
                }
                self.passage(round).come_back_to(slot.position);
                self.close_in_time(walk.now);
                // Whose before-hook ran is owed this one: neither scope nor breaker stand in its way.
                let due = if slot.paired { Due::Owed } else { Due::InScope };
                if due == Due::InScope && !self.holds(slot) {
                    continue;
                }
                match call!(self, H, slot, payload, &mut walk, due) {
                    Ok(outcome) if stops && H::is_decisive(&outcome) => {
                        self.begin(round);
                        return Some(Decision::of(slot, outcome));
                    }
                    Ok(_) => {}
                    Err(failure) => {
                        if let Err(fault) = self.forgive(slot, H::HOOK, failure) {
                            on_fault(payload, fault);
                        }
                    }
                }
            }
        }
        self.begin(round);
        None
    }

    /// Runs a round's after-chain for a piece of a stream, last to first, for the slots that `chosen` picks; they stay
    /// owed the end. An outcome that decides ends the chain, as does a fault.
    pub async fn pass_back<H: Judge>(
        &mut self,
        round: Round,
        payload: &mut H::Payload,
        chosen: impl Fn(&Slot) -> bool,
    ) -> Result<Option<Decision<H::Outcome>>, Fault> {
        if !self.set.has(H::HOOK) {
            return Ok(None);
        }
        let set = self.set.clone();
        let mut walk = Walk::begin();
        for slot in set.chain(H::HOOK).iter().rev() {
            if !self.passage(round).owes(slot) || !chosen(slot) || !self.holds(slot) {
                continue;
            }
            match call!(self, H, slot, payload, &mut walk, Due::InScope) {
                Ok(outcome) if H::is_decisive(&outcome) => return Ok(Some(Decision::of(slot, outcome))),
                Ok(_) => {}
                Err(failure) => self.forgive(slot, H::HOOK, failure)?,
            }
        }
        Ok(None)
    }

    /// Runs a chain that cannot change the outcome: everybody is called, and a fault is only logged.
    pub async fn observe<H: Judge>(&mut self, payload: &mut H::Payload) {
        self.observe_due::<H>(payload, Due::InScope).await;
    }

    /// Calls `request_end` of each plugin of which any hook ran.
    pub async fn end<H: Judge>(&mut self, payload: &mut H::Payload) {
        self.observe_due::<H>(payload, Due::Owed).await;
    }

    async fn observe_due<H: Judge>(&mut self, payload: &mut H::Payload, due: Due) {
        if !self.set.has(H::HOOK) {
            return;
        }
        let set = self.set.clone();
        let mut walk = Walk::begin();
        for slot in in_direction(&set, H::HOOK) {
            self.close_in_time(walk.now);
            let chosen = match due {
                Due::InScope => self.holds(slot),
                Due::Owed => self.ran.contains(slot.position),
            };
            if chosen
                && let Err(failure) = call!(self, H, slot, payload, &mut walk, due)
                && let Err(fault) = self.forgive(slot, H::HOOK, failure)
            {
                self.log_failure(slot, &fault, "the request was already decided");
            }
        }
    }

    /// Calls those slots that only watch, each with a copy of its own: what they decide changes nothing, and is given
    /// back; an edit is a failure.
    pub async fn watch<H: Judge>(
        &mut self,
        payload: &H::Payload,
        chosen: impl Fn(&Slot) -> bool,
    ) -> Result<Vec<Decision<H::Outcome>>, Fault> {
        let mut decisions = Vec::new();
        if !self.set.has(H::HOOK) {
            return Ok(decisions);
        }
        let set = self.set.clone();
        let mut walk = Walk { watches: true, ..Walk::begin() };
        for slot in in_direction(&set, H::HOOK).filter(|slot| chosen(slot)) {
            if !self.stands(H::HOOK, slot) {
                continue;
            }
            match call!(self, H, slot, &mut payload.clone(), &mut walk, Due::InScope) {
                Ok(outcome) if H::is_decisive(&outcome) => decisions.push(Decision::of(slot, outcome)),
                Ok(_) => {}
                // Nothing goes on otherwise for what it did not see.
                Err(failure) if slot.failure_mode == FailureMode::Open => {
                    let fault = self.fault(slot, H::HOOK, failure);
                    self.log_failure(slot, &fault, "the request goes on without it");
                }
                Err(failure) => self.forgive(slot, H::HOOK, failure)?,
            }
        }
        Ok(decisions)
    }

    /// Calls every slot of a chain and gives each one's answer: nothing ends it, and failures are answers too.
    pub async fn each<H: Judge>(&mut self, payload: &mut H::Payload) -> Vec<(Arc<str>, Result<H::Outcome, Failure>)> {
        let set = self.set.clone();
        let mut walk = Walk::begin();
        let mut answers = Vec::new();
        for slot in in_direction(&set, H::HOOK) {
            if self.holds(slot) {
                let answer = call!(self, H, slot, payload, &mut walk, Due::InScope);
                answers.push((slot.name().clone(), answer));
            }
        }
        answers
    }

    /// Judges calls that cannot be made as if they had failed: those of the slots of a hook that stand in the request and
    /// that `chosen` picks. Their breakers hear nothing of it, since it is not the plugins' fault.
    pub fn give_up(&mut self, hook: Hook, failure: &Failure, chosen: impl Fn(&Slot) -> bool) -> Result<(), Fault> {
        let set = self.set.clone();
        for slot in in_direction(&set, hook).filter(|slot| chosen(slot)) {
            if !self.stands(hook, slot) {
                continue;
            }
            if let Some(probe) = slot.instance.probe() {
                probe.called(hook, Judged::Failed(failure.cause()), Duration::ZERO);
            }
            self.forgive(slot, hook, failure.clone())?;
        }
        Ok(())
    }

    /// What a failure means for the request: nothing, or its end. A request whose time was over is at its end, whatever
    /// the plugin's mode.
    fn forgive(&mut self, slot: &Slot, hook: Hook, failure: Failure) -> Result<(), Fault> {
        let fault = self.fault(slot, hook, failure);
        match slot.failure_mode {
            FailureMode::Open if !fault.is_out_of_time() => {
                self.log_failure(slot, &fault, "the request goes on without it");
                Ok(())
            }
            FailureMode::Open | FailureMode::Closed => Err(fault),
        }
    }

    fn fault(&self, slot: &Slot, hook: Hook, failure: Failure) -> Fault {
        let out_of_time = self.deadline().is_some_and(|deadline| Instant::now() >= deadline);
        Fault {
            plugin: slot.name().clone(),
            hook,
            request_id: self.facts().request_id.clone(),
            limit: (!out_of_time).then_some(slot.timeout),
            failure,
        }
    }

    /// Warns of the first failure of a hook in a request: in a stream, one that is away fails at every chunk.
    fn log_failure(&mut self, slot: &Slot, fault: &Fault, consequence: &str) {
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    plugin = %fault.plugin,
                    hook = fault.hook.name(),
                    request_id = %fault.request_id,
                    cause = fault.failure.cause(),
                    error = fault.what(),
                    "plugin failed: {consequence}"
                )
            };
        }
        let failed = (slot.position, fault.hook);
        match self.warned_of.contains(&failed) {
            true => line!(debug),
            false => {
                self.warned_of.push(failed);
                line!(warn);
            }
        }
    }
}

// === impl Decision ===

impl<O> Decision<O> {
    fn of(slot: &Slot, outcome: O) -> Self {
        Self { plugin: slot.name().clone(), outcome }
    }
}

/// The slots of a hook in the direction of the table.
fn in_direction(set: &PluginSet, hook: Hook) -> impl Iterator<Item = &Slot> {
    let reverse = hook.info().direction == gatewright_plugin::Direction::Reverse;
    let chain = set.chain(hook);
    let last = chain.len().saturating_sub(1);
    (0..chain.len()).map(move |at| &chain[if reverse { last - at } else { at }])
}

// === impl Walk ===

impl Walk {
    fn begin() -> Self {
        Self { cx: None, now: Instant::now(), watches: false }
    }

    /// The neighbours' context, made ready for this slot.
    #[inline(always)]
    fn context(&mut self, exchange: &Exchange, slot: &Slot) -> &mut Cx {
        match &mut self.cx {
            Some(cx) => {
                cx.enter(exchange.scratch_of(slot.position), &slot.services);
                cx
            }
            none => none.insert(exchange.cx(slot.position, &slot.services)),
        }
    }
}
