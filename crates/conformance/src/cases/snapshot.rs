//! Which plugin set a request runs on, and what becomes of instances: start, last user, shutdown.

use crate::case::{Case, Cases, Group, Outcome, ensure, ensure_eq};
use crate::host::Host;
use crate::plugins::{EVERY_HOOK, EVERY_HOOK_WAITING};
use crate::sample::Sample;
use crate::setup::{Setup, at, check_input, facts, script};
use gatewright_pipeline::{Exchange, Instance, Reaper, Settings};
use gatewright_plugin::hosted::point;
use gatewright_plugin::{FailureMode, Health, Hook};
use serde_json::json;

pub(super) fn cases(list: &mut Vec<Case>) {
    let mut cases = Cases::of(Group::Snapshot, list);
    cases.add(
        "requests_keep_their_set",
        "A request finishes on the set that it began on; the next one takes the new set",
        &[Hook::PreRequest, Hook::CheckInput],
        requests_keep_their_set,
    );
    cases.add(
        "shut_down_after_the_last_user",
        "An instance that was taken out is shut down once, after its last request",
        &[Hook::OnShutdown],
        shut_down_after_the_last_user,
    );
    cases.add(
        "shared_instances_live_on",
        "An instance that stands in the new set too is not shut down",
        &[Hook::OnShutdown],
        shared_instances_live_on,
    );
    cases.add(
        "startup",
        "on_startup is told the instance's name, before anything else is called",
        &[Hook::OnStartup],
        startup,
    );
    cases.add("startup_fails", "A failure in on_startup fails the load", &[Hook::OnStartup], startup_fails);
    cases.add("health", "health tells how the plugin is", &[Hook::Health], health);
    cases.add(
        "absent_guard",
        "A fail_closed plugin that did not load still guards: its hooks fail, and it says why",
        &[Hook::CheckInput],
        absent_guard,
    );
    cases.add(
        "absent_helper",
        "A fail_open plugin that did not load is passed over",
        &[Hook::CheckInput],
        absent_helper,
    );
    cases.add(
        "two_of_one_kind",
        "The same artefact may stand twice, under two names with two configs",
        &[Hook::CheckInput],
        two_of_one_kind,
    );
}

async fn requests_keep_their_set(host: &dyn Host) -> Outcome {
    let hooks = [Hook::PreRequest, Hook::CheckInput];
    let mut setup = Setup::new(host);
    setup.add("old", &EVERY_HOOK, script(json!({})), at(&hooks)).await?;
    let mut request = setup.exchange("before")?;
    request.run::<point::PreRequest>(&mut point::PreRequest::payload()).await?;

    setup.take_out("old");
    setup.add("new", &EVERY_HOOK, script(json!({})), at(&hooks)).await?;
    let mut next = setup.exchange("after")?;
    ensure!(request.set().generation() < next.set().generation(), "generations count up");
    next.run::<point::PreRequest>(&mut point::PreRequest::payload()).await?;
    check_input(&mut request).await?;
    check_input(&mut next).await?;
    ensure_eq!(setup.journal.lines_of("before"), ["old.pre_request", "old.check_input"], "the request that was open");
    ensure_eq!(setup.journal.lines_of("after"), ["new.pre_request", "new.check_input"], "the request that came later");
    Ok(())
}

async fn shut_down_after_the_last_user(host: &dyn Host) -> Outcome {
    let (reaper, task) = Reaper::new();
    let task = tokio::spawn(task.run());
    let mut setup = Setup::new(host);
    setup.reaped_by(reaper);
    setup.add("it", &EVERY_HOOK_WAITING, script(json!({})), Settings::default()).await?;
    let sets = [setup.set()?, setup.set()?];
    let mut request = Exchange::new(sets[0].clone(), facts("r-1"));
    setup.take_out("it");
    drop(sets);
    check_input(&mut request).await?;
    request.end::<point::RequestEnd>(&mut point::RequestEnd::payload()).await;
    tokio::task::yield_now().await;
    ensure_eq!(setup.journal.lines(), ["it.check_input", "it.request_end"], "while a request is open");
    drop(request);
    setup.journal.until("it.on_shutdown").await?;
    let journal = setup.journal.clone();
    drop(setup);
    task.await?;
    ensure_eq!(journal.lines(), ["it.check_input", "it.request_end", "it.on_shutdown"], "all calls");
    Ok(())
}

async fn shared_instances_live_on(host: &dyn Host) -> Outcome {
    let (reaper, task) = Reaper::new();
    let task = tokio::spawn(task.run());
    let mut setup = Setup::new(host);
    setup.reaped_by(reaper);
    for name in ["stays", "goes"] {
        setup.add(name, &EVERY_HOOK, script(json!({})), Settings::default()).await?;
    }
    let old = setup.set()?;
    setup.take_out("goes");
    let new = setup.set()?;
    drop(old);
    setup.journal.until("goes.on_shutdown").await?;
    let mut request = Exchange::new(new, facts("r-1"));
    check_input(&mut request).await?;
    ensure_eq!(setup.journal.lines(), ["goes.on_shutdown", "stays.check_input"], "before the end");
    let journal = setup.journal.clone();
    drop((request, setup));
    task.await?;
    let expected = ["goes.on_shutdown", "stays.check_input", "stays.on_shutdown"];
    ensure_eq!(journal.lines(), expected, "at the end");
    Ok(())
}

async fn startup(host: &dyn Host) -> Outcome {
    for plugin in [&EVERY_HOOK, &EVERY_HOOK_WAITING] {
        let setup = Setup::new(host);
        let config = script(json!({}));
        let hosted = host.load(plugin, config.clone()).await?;
        ensure_eq!(setup.journal.lines(), Vec::<String>::new(), "before it is started");
        Instance::start("by-this-name", hosted, config, setup.journal.services("it"), None, None).await?;
        ensure_eq!(setup.journal.lines(), ["it.on_startup"], "once it is started");
        ensure_eq!(setup.journal.calls()[0].saw()["name"], "by-this-name", "the name");
    }
    Ok(())
}

async fn startup_fails(host: &dyn Host) -> Outcome {
    let mut setup = Setup::new(host);
    for (steps, cause) in [(json!([{ "fail": "no disk" }]), "error"), (json!([{ "panic": "no disk" }]), "panic")] {
        for plugin in [&EVERY_HOOK, &EVERY_HOOK_WAITING] {
            let started = setup.start("it", plugin, script(json!({ "on_startup": steps }))).await;
            ensure_eq!(started.as_ref().err().map(|failure| failure.cause()), Some(cause), "why the load failed");
        }
    }
    Ok(())
}

async fn health(host: &dyn Host) -> Outcome {
    let mut setup = Setup::new(host);
    for (steps, expected) in [
        (json!([]), Health::ok()),
        (json!([{ "decide": { "unhealthy": "queue full" } }]), Health::unhealthy("queue full")),
        (json!([{ "fail": "broken" }]), Health::unhealthy("broken")),
    ] {
        let instance = setup.start("it", &EVERY_HOOK_WAITING, script(json!({ "health": steps }))).await?;
        ensure_eq!(instance.health().await, expected, "{steps}");
    }
    let panics = script(json!({ "health": [{ "panic": "broken" }] }));
    let Health { message, .. } = setup.start("it", &EVERY_HOOK_WAITING, panics).await?.health().await;
    let told = message.starts_with("panicked: broken, at ") && message.contains("src/perform.rs:");
    ensure!(told, "what is said of a panic has its message and its place: {message}");
    let silent = setup.start("it", &crate::plugins::NO_HOOK, script(json!({}))).await?;
    ensure_eq!(silent.health().await, Health::ok(), "a plugin without the hook");
    Ok(())
}

/// An instance that did not load, with this failure mode.
fn absent(setup: &mut Setup<'_>, mode: FailureMode) {
    let services = setup.journal.services("gone");
    let (manifest, hooks) = ((EVERY_HOOK.manifest)(), EVERY_HOOK.hooks);
    let instance = Instance::absent("gone", manifest, hooks, "its file is missing", services, None);
    setup.put(instance, Settings { failure_mode: Some(mode), ..at(&[Hook::CheckInput]) });
}

async fn absent_guard(host: &dyn Host) -> Outcome {
    let mut setup = Setup::new(host);
    absent(&mut setup, FailureMode::Closed);
    let mut exchange = setup.exchange("r-1")?;
    let fault = check_input(&mut exchange).await.err();
    let Some(fault) = fault else { return Err(crate::case::CaseFailure::new("the request went on without its guard")) };
    let error = fault.to_error();
    ensure_eq!((error.status(), error.plugin.as_deref()), (503, Some("gone")), "the error");
    ensure!(!error.message.contains("file"), "the client is told internals: {}", error.message);
    let instance = &exchange.set().members()[0].instance;
    ensure_eq!(instance.unavailable().as_deref(), Some("its file is missing"), "what it says");
    ensure_eq!(instance.health().await, Health::unhealthy("its file is missing"), "its health");
    Ok(())
}

async fn absent_helper(host: &dyn Host) -> Outcome {
    let mut setup = Setup::new(host);
    absent(&mut setup, FailureMode::Open);
    setup.add("here", &EVERY_HOOK, script(json!({})), at(&[Hook::CheckInput])).await?;
    let mut exchange = setup.exchange("r-1")?;
    check_input(&mut exchange).await?;
    exchange.end::<point::RequestEnd>(&mut point::RequestEnd::payload()).await;
    ensure_eq!(setup.journal.lines(), ["here.check_input"], "who was called");
    Ok(())
}

async fn two_of_one_kind(host: &dyn Host) -> Outcome {
    let mut setup = Setup::new(host);
    for name in ["one", "two"] {
        let config = script(json!({ "check_input": [{ "set": [name, true] }, { "scratch": name }] }));
        setup.add(name, &EVERY_HOOK, config, at(&[Hook::CheckInput])).await?;
    }
    let mut exchange = setup.exchange("r-1")?;
    for _ in 0..2 {
        check_input(&mut exchange).await?;
    }
    let calls = setup.journal.calls();
    let saw: Vec<_> = calls.iter().map(|call| (call.plugin.as_str(), call.get("scratch").clone())).collect();
    let expected = [("one", json!(null)), ("two", json!(null)), ("one", json!("one")), ("two", json!("two"))];
    ensure_eq!(saw, expected, "who was called, with which scratchpad");
    ensure_eq!(*calls[3].get("state"), json!({ "one": true, "two": true }), "the state, which is shared");
    Ok(())
}
