//! The dispatch loops: one call judged, chains forward, chains in reverse.

use crate::call::{Fault, call_now, call_owned};
use crate::exchange::{Exchange, Round};
use crate::judge::Judge;
use crate::probe::Judged;
use crate::set::{PluginSet, Slot};
use gatewright_plugin::hosted::Payload;
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
}

/// Why a slot is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// The request is in its scope, and its breaker lets it be called.
    InScope,
    /// It was opened in this request, and must be closed.
    Owed,
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
            if let Some(outcome) = self.call::<H>(slot, payload, &mut walk).await?
                && H::is_decisive(&outcome)
            {
                return Ok(Some(Decision { plugin: slot.name().clone(), outcome }));
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
                if !self.in_scope(slot) {
                    continue;
                }
                let passage = self.passage(round);
                passage.reached = Some(slot.position);
                passage.entered.insert(slot.position);
                match self.call::<H>(slot, payload, &mut walk).await {
                    Ok(Some(outcome)) if H::is_decisive(&outcome) => {
                        return Ok(Some(Decision { plugin: slot.name().clone(), outcome }));
                    }
                    Ok(Some(_)) => {}
                    Ok(None) => self.passage(round).entered.remove(slot.position),
                    Err(fault) => {
                        self.passage(round).entered.remove(slot.position);
                        return Err(fault);
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
                // Whose before-hook ran is owed this one: neither scope nor breaker stand in its way.
                let due = if slot.paired { Due::Owed } else { Due::InScope };
                match self.call_due::<H>(slot, payload, &mut walk, due).await {
                    Ok(Some(outcome)) if stops && H::is_decisive(&outcome) => {
                        self.begin(round);
                        return Some(Decision { plugin: slot.name().clone(), outcome });
                    }
                    Ok(_) => {}
                    Err(fault) => on_fault(payload, fault),
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
            if self.passage(round).owes(slot)
                && chosen(slot)
                && let Some(outcome) = self.call::<H>(slot, payload, &mut walk).await?
                && H::is_decisive(&outcome)
            {
                return Ok(Some(Decision { plugin: slot.name().clone(), outcome }));
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
            if (due == Due::InScope || self.ran.contains(slot.position))
                && let Err(fault) = self.call_due::<H>(slot, payload, &mut walk, due).await
            {
                self.log_failure(slot, H::HOOK, &fault.failure, "the request was already decided");
            }
        }
    }

    /// Calls every slot of a chain and gives each one's answer: nothing ends it, and failures are answers too.
    pub async fn each<H: Judge>(&mut self, payload: &mut H::Payload) -> Vec<(Arc<str>, Result<H::Outcome, Failure>)> {
        let set = self.set.clone();
        let mut walk = Walk::begin();
        let mut answers = Vec::new();
        for slot in in_direction(&set, H::HOOK) {
            if self.in_scope(slot) {
                let answer = self.call_judged::<H>(slot, payload, &mut walk, Due::InScope).await;
                answers.push((slot.name().clone(), answer));
            }
        }
        answers
    }

    /// One call. `None`: the plugin was out of scope, or failed open.
    async fn call<H: Judge>(
        &mut self,
        slot: &Slot,
        payload: &mut H::Payload,
        walk: &mut Walk,
    ) -> Result<Option<H::Outcome>, Fault> {
        self.call_due::<H>(slot, payload, walk, Due::InScope).await
    }

    async fn call_due<H: Judge>(
        &mut self,
        slot: &Slot,
        payload: &mut H::Payload,
        walk: &mut Walk,
        due: Due,
    ) -> Result<Option<H::Outcome>, Fault> {
        if due == Due::InScope && !self.in_scope(slot) {
            return Ok(None);
        }
        match self.call_judged::<H>(slot, payload, walk, due).await {
            Ok(outcome) => Ok(Some(outcome)),
            Err(failure) => match slot.failure_mode {
                FailureMode::Open => {
                    self.log_failure(slot, H::HOOK, &failure, "the request goes on without it");
                    Ok(None)
                }
                FailureMode::Closed => Err(slot.instance.fault(H::HOOK, failure)),
            },
        }
    }

    /// One call and what the host makes of it: what was written and edited is kept, or all of it given up.
    async fn call_judged<H: Judge>(
        &mut self,
        slot: &Slot,
        payload: &mut H::Payload,
        walk: &mut Walk,
        due: Due,
    ) -> Result<H::Outcome, Failure> {
        let instance = &slot.instance;
        let started = walk.now;
        let plugin = match instance.plugin() {
            Ok(plugin) if due == Due::Owed || instance.breaker().admits(started) => plugin,
            left_out => {
                if let Some(probe) = instance.probe() {
                    probe.called(H::HOOK, Judged::Skipped, Duration::ZERO);
                }
                let open = || Failure::Unavailable("it keeps failing; its breaker is open".to_owned());
                return Err(left_out.err().unwrap_or_else(open));
            }
        };
        self.ran.insert(slot.position);
        let timeout = match self.deadline() {
            Some(deadline) => slot.timeout.min(deadline.saturating_duration_since(started)),
            None => slot.timeout,
        };
        let answered = if slot.immediate {
            let cx = walk.context(self, slot);
            let answered = call_now::<H>(plugin, cx, payload);
            walk.now = Instant::now();
            match answered {
                // It cannot be interrupted, so it is judged afterwards.
                Ok(_) if walk.now.duration_since(started) > timeout => Err(Failure::TimedOut),
                answered => answered,
            }
        } else {
            let cx = self.cx(slot.position, instance.services());
            let (cx, returned, answered) = call_owned::<H>(plugin, cx, payload.clone(), timeout).await;
            walk.now = Instant::now();
            walk.cx = cx;
            if let (Some(returned), true) = (returned, answered.is_ok()) {
                *payload = returned;
            }
            answered
        };
        let took = walk.now.duration_since(started);
        self.add_plugin_time(took);
        let judged = self.judge::<H>(slot, payload, answered, walk);
        // A request without time left says nothing of the plugin.
        let blamed = timeout == slot.timeout || !matches!(judged, Err(Failure::TimedOut));
        self.account(slot, H::HOOK, &judged, took, blamed.then_some(walk.now));
        judged
    }

    fn judge<H: Judge>(
        &mut self,
        slot: &Slot,
        payload: &mut H::Payload,
        answered: Result<H::Outcome, Failure>,
        walk: &mut Walk,
    ) -> Result<H::Outcome, Failure> {
        let judged = answered.and_then(|outcome| H::allow(payload, &outcome).map(|()| outcome)).and_then(|outcome| {
            match walk.cx.as_mut().filter(|cx| cx.has_writes()) {
                Some(cx) => {
                    let writes = cx.take_writes();
                    let merged = self.merge(slot.position, slot.name(), H::HOOK, writes);
                    cx.set_state(self.state().clone());
                    merged.map(|()| outcome).map_err(Failure::Oversized)
                }
                None => Ok(outcome),
            }
        });
        match judged {
            Ok(outcome) => {
                payload.commit();
                Ok(outcome)
            }
            Err(failure) => {
                payload.undo();
                // What the call wrote goes with its context.
                walk.cx = None;
                Err(failure)
            }
        }
    }

    /// Tells breaker and probe; without `now`, the breaker hears nothing of a failure.
    fn account<O>(&self, slot: &Slot, hook: Hook, judged: &Result<O, Failure>, took: Duration, now: Option<Instant>) {
        let (instance, probe) = (&slot.instance, slot.instance.probe());
        let turned = match (judged, now) {
            (Ok(_), _) => instance.breaker().succeeded().then_some(false),
            (Err(_), Some(now)) => instance.breaker().failed(now).then_some(true),
            (Err(_), None) => None,
        };
        if let Some(open) = turned {
            tracing::warn!(plugin = %instance.name(), open, "plugin breaker turned");
        }
        if let Some(probe) = probe {
            let outcome = match judged {
                Ok(_) => Judged::Ok,
                Err(failure) => Judged::Failed(failure.cause()),
            };
            probe.called(hook, outcome, took);
            if let Some(open) = turned {
                probe.breaker(open);
            }
        }
    }

    fn in_scope(&self, slot: &Slot) -> bool {
        !self.is_excluded(slot.name())
            && slot.scope.as_ref().is_none_or(|scope| slot.paired || scope.holds(self.facts()))
    }

    fn log_failure(&self, slot: &Slot, hook: Hook, failure: &Failure, consequence: &str) {
        tracing::warn!(
            plugin = %slot.name(),
            hook = hook.name(),
            request_id = %self.facts().request_id,
            cause = failure.cause(),
            error = %failure,
            "plugin failed: {consequence}"
        );
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
        Self { cx: None, now: Instant::now() }
    }

    /// The neighbours' context, made ready for this slot.
    fn context(&mut self, exchange: &Exchange, slot: &Slot) -> &mut Cx {
        match &mut self.cx {
            Some(cx) => cx.enter(exchange.scratch_of(slot.position), slot.instance.services()),
            none => *none = Some(exchange.cx(slot.position, slot.instance.services())),
        }
        self.cx.get_or_insert_with(|| exchange.cx(slot.position, slot.instance.services()))
    }
}
