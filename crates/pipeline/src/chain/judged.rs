//! One call, and what the host makes of it: what was edited and written is kept, or given up.

use super::{Due, Walk};
use crate::call::{call_now, call_owned};
use crate::exchange::Exchange;
use crate::judge::Judge;
use crate::probe::Judged;
use crate::set::Slot;
use crate::shelter;
use gatewright_plugin::hosted::{Hosted, Payload};
use gatewright_plugin::{Failure, Hook};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A call that is waited for. Where this is dropped, the call was cut off: its request is dropped, since the client went
/// away.
struct UnderWay<'a> {
    slot: &'a Slot,
    hook: Hook,
    started: Instant,
}

impl Drop for UnderWay<'_> {
    #[cold]
    fn drop(&mut self) {
        if let Some(probe) = self.slot.instance.probe() {
            probe.called(self.hook, Judged::CutOff, self.started.elapsed());
        }
        self.slot.instance.breaker(self.hook).cut_off(self.started);
    }
}

impl Exchange {
    /// A call of a hook that answers at once.
    pub(super) fn call_immediate<H: Judge>(
        &mut self,
        slot: &Slot,
        payload: &mut H::Payload,
        walk: &mut Walk,
        due: Due,
    ) -> Result<H::Outcome, Failure> {
        let Some(plugin) = self.admit(slot, H::HOOK, walk.now, due) else { return Err(left_out(slot, H::HOOK)) };
        if slot.limited {
            shelter::make_way();
        }
        let mut answered = call_now::<H>(plugin, walk.context(self, slot), payload);
        let started = std::mem::replace(&mut walk.now, Instant::now());
        let took = walk.now.duration_since(started);
        // It cannot be interrupted, so it is judged afterwards.
        let late = took > slot.timeout || self.deadline().is_some_and(|deadline| walk.now > deadline);
        if late && answered.is_ok() {
            answered = Err(Failure::TimedOut);
        }
        self.conclude::<H>(slot, payload, &mut answered, walk, (started, took));
        answered
    }

    /// A call of a hook that is waited for.
    pub(super) async fn call_waiting<H: Judge>(
        &mut self,
        slot: &Slot,
        payload: &mut H::Payload,
        walk: &mut Walk,
        due: Due,
    ) -> Result<H::Outcome, Failure> {
        let started = walk.now;
        let Some(plugin) = self.admit(slot, H::HOOK, started, due) else { return Err(left_out(slot, H::HOOK)) };
        let cx = self.cx(slot.position, &slot.services);
        let timeout = self.longest(slot, started);
        let under_way = UnderWay { slot, hook: H::HOOK, started };
        let (cx, returned, mut answered) = call_owned::<H>(plugin, cx, payload.clone(), timeout).await;
        std::mem::forget(under_way);
        walk.now = Instant::now();
        walk.cx = cx;
        if let (Some(returned), true) = (returned, answered.is_ok()) {
            *payload = returned;
        }
        self.conclude::<H>(slot, payload, &mut answered, walk, (started, walk.now.duration_since(started)));
        answered
    }

    /// The plugin of a slot, if it may be called now.
    #[inline]
    fn admit<'a>(&mut self, slot: &'a Slot, hook: Hook, now: Instant, due: Due) -> Option<&'a Arc<dyn Hosted>> {
        let plugin = slot.instance.plugin().ok()?;
        if due == Due::InScope && !slot.instance.breaker(hook).admits(now) {
            return None;
        }
        self.ran.insert(slot.position);
        Some(plugin)
    }

    /// The longest time of a call that starts now.
    fn longest(&self, slot: &Slot, now: Instant) -> Duration {
        match self.deadline() {
            Some(deadline) => slot.timeout.min(deadline.saturating_duration_since(now)),
            None => slot.timeout,
        }
    }

    /// Judges a call that began and took so long, and accounts for it. A result that is not allowed becomes a failure.
    fn conclude<H: Judge>(
        &mut self,
        slot: &Slot,
        payload: &mut H::Payload,
        answered: &mut Result<H::Outcome, Failure>,
        walk: &mut Walk,
        (started, took): (Instant, Duration),
    ) {
        self.add_plugin_time(took);
        if let Ok(outcome) = answered {
            match self.keep::<H>(slot, payload, outcome, walk) {
                Ok(()) => return succeeded(slot, H::HOOK, took),
                Err(failure) => *answered = Err(failure),
            }
        }
        let Err(failure) = answered else { return };
        payload.undo();
        // What the call wrote goes with its context.
        walk.cx = None;
        // A request without time left says nothing of the plugin.
        let in_time = !matches!(failure, Failure::TimedOut) || self.longest(slot, started) == slot.timeout;
        // Of one that is not there its host keeps account, and by what is too large clients could take a guard away from all.
        let counts = !matches!(failure, Failure::Unavailable(_) | Failure::Oversized(_));
        let blamed = in_time && counts && !H::is_at_fault(payload);
        if !blamed {
            // Nothing was learnt of it, as where a request is cut off.
            slot.instance.breaker(H::HOOK).cut_off(started);
        }
        failed(slot, H::HOOK, failure, took, blamed.then_some(walk.now));
    }

    /// Keeps what a call edited and wrote, or none of it; of what it wrote, what finds room.
    fn keep<H: Judge>(
        &mut self,
        slot: &Slot,
        payload: &mut H::Payload,
        outcome: &H::Outcome,
        walk: &mut Walk,
    ) -> Result<(), Failure> {
        H::allow(payload, outcome)?;
        if walk.watches && payload.commit() {
            return Err(Failure::Malformed("it may only watch here, and edited".to_owned()));
        }
        if let Some(cx) = walk.cx.as_mut().filter(|cx| cx.has_writes()) {
            let writes = cx.take_writes();
            match self.merge(slot.position, slot.name(), H::HOOK, writes) {
                Ok(let_go) => {
                    cx.set_state(self.state().clone());
                    let_go.iter().for_each(|why| self.tell_let_go(slot, H::HOOK, why));
                }
                // What it notes may quote what it decides against, and must not decide whether that passes.
                Err(why) if H::is_decisive(outcome) => self.tell_let_go(slot, H::HOOK, &why),
                Err(why) => return Err(Failure::Oversized(why)),
            }
        }
        payload.commit();
        Ok(())
    }

    /// Warns of the first time in a request that what a hook wrote is not kept: in a stream, it may write at every chunk.
    #[cold]
    fn tell_let_go(&mut self, slot: &Slot, hook: Hook, why: &str) {
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(plugin = %slot.name(), hook = hook.name(), why, "what a plugin wrote is not kept")
            };
        }
        let writer = (slot.position, hook);
        match self.let_go_of.contains(&writer) {
            true => line!(debug),
            false => {
                self.let_go_of.push(writer);
                line!(warn);
            }
        }
    }
}

/// Tells breaker and probe.
fn succeeded(slot: &Slot, hook: Hook, took: Duration) {
    if let Some(probe) = slot.instance.probe() {
        probe.called(hook, Judged::Ok, took);
    }
    if slot.instance.breaker(hook).succeeded() {
        turned(slot, hook, false);
    }
}

/// Tells breaker and probe; without `now`, the breaker hears nothing of it.
#[cold]
fn failed(slot: &Slot, hook: Hook, failure: &Failure, took: Duration, now: Option<Instant>) {
    if let Some(probe) = slot.instance.probe() {
        probe.called(hook, Judged::Failed(failure.cause()), took);
    }
    if now.is_some_and(|now| slot.instance.breaker(hook).failed(now)) {
        turned(slot, hook, true);
    }
}

#[cold]
fn turned(slot: &Slot, hook: Hook, open: bool) {
    tracing::warn!(plugin = %slot.name(), hook = hook.name(), open, "plugin breaker turned");
}

/// The failure of a call that was not made.
#[cold]
fn left_out(slot: &Slot, hook: Hook) -> Failure {
    if let Some(probe) = slot.instance.probe() {
        probe.called(hook, Judged::Skipped, Duration::ZERO);
    }
    let open = || Failure::Unavailable("it keeps failing; its breaker is open".to_owned());
    slot.instance.plugin().err().unwrap_or_else(open)
}
