//! What a scripted hook does when it is called: record the call, then the steps of its script.

use super::script::{Decision, Script, Step};
use super::subject::{Subject, text_of};
use gatewright_plugin::services::Record;
use gatewright_plugin::{Cx, Failure, Hook, Rejection};
use serde_json::{Map, Value as Json, json};
use std::time::Duration;

/// The table that calls are recorded in.
pub const CALLS: &str = "calls";

/// The prefix of the keys that stand for gates.
pub const GATE: &str = "gate/";

/// A call in a plain `fn`, which cannot wait.
pub(super) fn perform(
    script: &Script,
    cx: &mut Cx,
    hook: Hook,
    subject: &mut dyn Subject,
) -> Result<Option<Decision>, Failure> {
    record(script, cx, hook, subject)?;
    let mut decision = None;
    let id = cx.request_id().to_owned();
    for step in script.steps(hook, subject.phase(), &id) {
        match step {
            Step::Wait(_) => return Err(Failure::new("a plain fn cannot wait")),
            step => decision = take(step, cx, subject)?.or(decision),
        }
    }
    Ok(decision)
}

/// A call in an `async fn`.
pub(super) async fn perform_waiting(
    script: &Script,
    cx: &mut Cx,
    hook: Hook,
    subject: &mut dyn Subject,
) -> Result<Option<Decision>, Failure> {
    record(script, cx, hook, subject)?;
    let mut decision = None;
    let id = cx.request_id().to_owned();
    for step in script.steps(hook, subject.phase(), &id) {
        match step {
            Step::Wait(gate) => {
                cx.services().kv.get(&format!("{GATE}{gate}")).await?;
            }
            step => decision = take(step, cx, subject)?.or(decision),
        }
    }
    Ok(decision)
}

fn record(script: &Script, cx: &Cx, hook: Hook, subject: &dyn Subject) -> Result<(), Failure> {
    let facts = cx.facts();
    let came = json!({
        "hook": hook.name(),
        "phase": subject.phase(),
        "request": facts.request_id,
        "scratch": cx.scratch::<Json>(),
    });
    let mut row = members(came);
    if !script.is_brief(&facts.request_id) {
        let state: Map<String, Json> =
            cx.state().iter().map(|(key, value)| (key.to_owned(), value.to_json())).collect();
        row.extend(members(json!({
            "saw": subject.saw(),
            "state": state,
            "user": facts.user_id,
            "app": facts.app_id,
            "provider": facts.provider,
            "model": facts.model,
            "fallback_index": facts.fallback_index,
        })));
    }
    Ok(cx.services().records.append(Record { table: CALLS.to_owned(), row })?)
}

fn members(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(members) => members,
        _ => Map::new(),
    }
}

/// Holds the thread.
#[cfg(not(target_arch = "wasm32"))]
fn hold(time: Duration) {
    std::thread::sleep(time);
}

/// Holds the component, which has no sleep of its own.
#[cfg(target_arch = "wasm32")]
fn hold(time: Duration) {
    use gatewright_sdk::wasm::clock::monotonic;
    let until = monotonic() + time;
    while monotonic() < until {
        std::hint::spin_loop();
    }
}

fn take(step: &Step, cx: &mut Cx, subject: &mut dyn Subject) -> Result<Option<Decision>, Failure> {
    match step {
        Step::Edit(more) => subject.map(&mut |text| Some(format!("{text}{more}")))?,
        Step::Replace(old, new) => subject.map(&mut |text| text.contains(old).then(|| text.replace(old, new)))?,
        Step::ReplaceHeld(old, new) if !subject.has_left() => {
            subject.map(&mut |text| text.contains(old).then(|| text.replace(old, new)))?;
        }
        Step::Grow(bytes) => {
            let mut grown = false;
            subject.map(&mut |_| (!std::mem::replace(&mut grown, true)).then(|| "x".repeat(*bytes)))?;
        }
        Step::Spoil => subject.spoil()?,
        Step::Target { provider, model } => subject.target(provider, model)?,
        Step::Recover(text) => subject.recover(text)?,
        Step::Invalidate(error) => subject.invalidate(error.into())?,
        Step::Set(key, value) => cx.set(key, value.clone())?,
        Step::Unset(key) => cx.remove(key),
        Step::Scratch(value) => cx.set_scratch(value)?,
        Step::ScratchBytes(bytes) => cx.set_scratch(&"x".repeat(*bytes))?,
        Step::Metadata(key, value) => cx.metadata(key, value.clone()),
        Step::MetadataBytes(bytes) => cx.metadata("large", "x".repeat(*bytes)),
        Step::Sleep(millis) => hold(Duration::from_millis(*millis)),
        #[expect(clippy::panic, reason = "the script asks for it")]
        Step::Panic(message) => panic!("{message}"),
        Step::Fail(message) => return Err(Failure::new(message.clone())),
        Step::BlockOn(pattern) if text_of(subject).contains(pattern) => {
            return Ok(Some(Decision::Block(Rejection::new(format!("it holds {pattern}")))));
        }
        Step::InvalidateOn(pattern, error) if text_of(subject).contains(pattern) => subject.invalidate(error.into())?,
        Step::DropOn(pattern) if text_of(subject).contains(pattern) => return Ok(Some(Decision::Drop)),
        Step::DecideOnce(decision, key) if cx.get(key).is_none() => {
            cx.set(key, true)?;
            return Ok(Some(decision.clone()));
        }
        Step::ReplaceHeld(..)
        | Step::BlockOn(_)
        | Step::InvalidateOn(..)
        | Step::DropOn(_)
        | Step::DecideOnce(..)
        | Step::Wait(_) => {}
        Step::Decide(decision) => return Ok(Some(decision.clone())),
    }
    Ok(None)
}
