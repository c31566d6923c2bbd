//! A plugin that keeps failing is left alone for a while.

use crate::case::{Case, CaseFailure, Cases, Group, Outcome, ensure, ensure_eq};
use crate::host::Host;
use crate::plugins::{EVERY_HOOK, EVERY_HOOK_WAITING, TestPlugin};
use crate::sample::{Sample, oversized};
use crate::setup::{Setup, at, check_input, facts, script};
use gatewright_pipeline::{BREAKER_FAILURES, Exchange, Round, Settings};
use gatewright_plugin::hosted::point;
use gatewright_plugin::{FailureMode, Hook};
use serde_json::{Value as Json, json};
use std::time::Instant;

pub(super) fn cases(list: &mut Vec<Case>) {
    let mut cases = Cases::of(Group::Breaker, list);
    for (plugin, how) in [(&EVERY_HOOK, "plain"), (&EVERY_HOOK_WAITING, "waiting")] {
        cases.add(
            format!("opens/{how}"),
            "After five failures in a row a plugin is not called for a while",
            &[Hook::CheckInput],
            async move |host| opens(host, plugin).await,
        );
    }
    cases.add("success_resets", "A call that does its job begins the count anew", &[Hook::CheckInput], success_resets);
    cases.add(
        "closed_guard",
        "A fail_closed plugin whose breaker is open still guards",
        &[Hook::CheckInput],
        closed_guard,
    );
    cases.add(
        "other_instances",
        "Other instances of the same artefact are not concerned",
        &[Hook::CheckInput],
        other_instances,
    );
    cases.add(
        "owed_hooks_are_called",
        "What a request is owed is called, though the breaker has opened since",
        &[Hook::PreLlm, Hook::PostLlm, Hook::RequestEnd],
        owed_hooks_are_called,
    );
    cases.add(
        "late_requests_do_not_count",
        "A call that only had no time because the request had none is not held against the plugin",
        &[Hook::CheckInput],
        late_requests_do_not_count,
    );
    cases.add(
        "what_is_too_large_does_not_count",
        "What is too large, which clients may bring about, takes a plugin away from nobody",
        &[Hook::CheckInput],
        what_is_too_large_does_not_count,
    );
}

/// `it` fails in requests that are called `bad`; `witness` comes after it.
async fn cast<'h>(
    host: &'h dyn Host,
    plugin: &'static TestPlugin,
    mode: FailureMode,
) -> Result<Setup<'h>, CaseFailure> {
    cast_with(host, plugin, mode, json!([{ "fail": "broken" }])).await
}

/// The same, of one that fails in this way.
async fn cast_with<'h>(
    host: &'h dyn Host,
    plugin: &'static TestPlugin,
    mode: FailureMode,
    how: Json,
) -> Result<Setup<'h>, CaseFailure> {
    let mut setup = Setup::new(host);
    let config = json!({ "hooks": { "check_input": how }, "only": "bad" });
    setup.add("it", plugin, config, Settings { failure_mode: Some(mode), ..Settings::default() }).await?;
    setup.add("witness", &EVERY_HOOK, script(json!({})), at(&[Hook::CheckInput])).await?;
    Ok(setup)
}

/// Takes a request through `check_input`; answers whether `it` was called, and whether the request went on.
async fn check(setup: &mut Setup<'_>, request: &str) -> Result<(bool, bool), CaseFailure> {
    setup.journal.clear();
    let ran = check_input(&mut setup.exchange(request)?).await;
    Ok((!setup.journal.calls_of("it", "check_input").is_empty(), ran.is_ok()))
}

async fn open_breaker(setup: &mut Setup<'_>) -> Outcome {
    for failure in 1..=BREAKER_FAILURES {
        let (called, _) = check(setup, "bad").await?;
        ensure!(called, "it was left alone before failure {failure}");
    }
    Ok(())
}

async fn opens(host: &dyn Host, plugin: &'static TestPlugin) -> Outcome {
    let mut setup = cast(host, plugin, FailureMode::Open).await?;
    let instance = setup.set()?.members()[0].instance.clone();
    for failure in 1..=BREAKER_FAILURES {
        ensure_eq!(instance.unavailable(), None, "what it says before failure {failure}");
        ensure_eq!(check(&mut setup, "bad").await?, (true, true), "failure {failure}");
    }
    ensure!(instance.unavailable().is_some(), "it does not say that its breaker is open");
    ensure!(!instance.health().await.healthy, "it says that it is well");
    for request in ["bad", "good"] {
        ensure_eq!(check(&mut setup, request).await?, (false, true), "after five failures");
        ensure_eq!(setup.journal.lines(), ["witness.check_input"], "who was called");
    }
    Ok(())
}

async fn what_is_too_large_does_not_count(host: &dyn Host) -> Outcome {
    let mut setup = cast_with(host, &EVERY_HOOK, FailureMode::Closed, oversized()).await?;
    for failure in 0..=2 * BREAKER_FAILURES {
        ensure_eq!(check(&mut setup, "bad").await?, (true, false), "failure {failure}");
    }
    ensure_eq!(setup.set()?.members()[0].instance.unavailable(), None, "what it says");
    ensure_eq!(check(&mut setup, "good").await?, (true, true), "another request");
    Ok(())
}

async fn success_resets(host: &dyn Host) -> Outcome {
    let mut setup = cast(host, &EVERY_HOOK, FailureMode::Open).await?;
    for _ in 0..3 {
        for _ in 1..BREAKER_FAILURES {
            ensure_eq!(check(&mut setup, "bad").await?, (true, true), "a failure");
        }
        ensure_eq!(check(&mut setup, "good").await?, (true, true), "a success");
    }
    Ok(())
}

async fn closed_guard(host: &dyn Host) -> Outcome {
    let mut setup = cast(host, &EVERY_HOOK, FailureMode::Closed).await?;
    open_breaker(&mut setup).await?;
    setup.journal.clear();
    let ran = check_input(&mut setup.exchange("good")?).await;
    let fault = ran.err().ok_or_else(|| CaseFailure::new("the request went on without its guard"))?;
    ensure_eq!((fault.failure.cause(), fault.to_error().status()), ("unavailable", 503), "the fault");
    ensure_eq!(setup.journal.lines(), Vec::<String>::new(), "who was called");
    Ok(())
}

async fn other_instances(host: &dyn Host) -> Outcome {
    let mut setup = cast(host, &EVERY_HOOK, FailureMode::Open).await?;
    setup.add("other", &EVERY_HOOK, script(json!({})), at(&[Hook::CheckInput])).await?;
    open_breaker(&mut setup).await?;
    check(&mut setup, "good").await?;
    ensure_eq!(setup.journal.lines(), ["witness.check_input", "other.check_input"], "who was called");
    Ok(())
}

async fn owed_hooks_are_called(host: &dyn Host) -> Outcome {
    let mut setup = cast(host, &EVERY_HOOK, FailureMode::Open).await?;
    let mut exchange = Exchange::new(setup.set()?, facts("open"));
    exchange.enter::<point::PreLlm>(Round::Attempt, &mut point::PreLlm::payload()).await?;
    open_breaker(&mut setup).await?;
    exchange.unwind::<point::PostLlm>(Round::Attempt, &mut point::PostLlm::payload(), false, |_, _| ()).await;
    exchange.end::<point::RequestEnd>(&mut point::RequestEnd::payload()).await;
    let lines = setup.journal.lines_of("open");
    ensure_eq!(lines, ["it.post_llm:chunk", "it.request_end"], "what it was owed");
    Ok(())
}

async fn late_requests_do_not_count(host: &dyn Host) -> Outcome {
    for plugin in [&EVERY_HOOK, &EVERY_HOOK_WAITING] {
        let mut setup = Setup::new(host);
        let sleeps = json!({ "hooks": { "check_input": [{ "sleep": 2 }] }, "only": "late" });
        setup.add("it", plugin, sleeps, at(&[Hook::CheckInput])).await?;
        for _ in 0..2 * BREAKER_FAILURES {
            let mut exchange = setup.exchange("late")?;
            exchange.facts_mut().deadline = Some(Instant::now());
            let fault = check_input(&mut exchange).await.err();
            ensure_eq!(fault.map(|fault| fault.failure.cause()), Some("timeout"), "what it came to");
        }
        ensure_eq!(check(&mut setup, "good").await?, (true, true), "the next request");
    }
    Ok(())
}
