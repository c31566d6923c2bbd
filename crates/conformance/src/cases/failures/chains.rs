//! In the chain of every hook: what a failure leaves behind, and what comes after it.

use super::{FURTHER, Fails, timeout, traces};
use crate::case::{Case, CaseFailure, Cases, Group, Outcome, ensure, ensure_eq};
use crate::host::{Builtin, Host};
use crate::plugins::{DECLARED, EVERY_HOOK, EVERY_HOOK_WAITING, Saw, TestPlugin};
use crate::sample::{Sample, long_block, with_points};
use crate::setup::{Setup, at, check_input, facts, script};
use gatewright_model::ErrorKind;
use gatewright_pipeline::{Exchange, Fault, MAX_RESULT_BYTES, Settings};
use gatewright_plugin::hosted::point;
use gatewright_plugin::{Direction, FailureMode, Hook, Layer};
use serde_json::{Value as Json, json};
use std::time::Instant;

macro_rules! of_every_hook {
    ($($point:ident)*) => {
        fn of_every_hook(cases: &mut Cases<'_>) {
            $(of_hook::<point::$point>(cases);)*
        }
    };
}
with_points!(of_every_hook);

pub(super) fn cases(list: &mut Vec<Case>) {
    let mut cases = Cases::of(Group::Failures, list);
    of_every_hook(&mut cases);
    large::<point::HttpRequest>(&mut cases);
    large::<point::HttpResponse>(&mut cases);
    large::<point::HttpStreamChunk>(&mut cases);
    large::<point::PreAuth>(&mut cases);
    large::<point::PostAuth>(&mut cases);
    large::<point::PreLlm>(&mut cases);
    large::<point::PostLlm>(&mut cases);
    large::<point::OnUserMessage>(&mut cases);
    large::<point::BeforeAgent>(&mut cases);
    large::<point::BeforeModel>(&mut cases);
    large::<point::AfterModel>(&mut cases);
    large::<point::BeforeTool>(&mut cases);
    large::<point::AfterTool>(&mut cases);
    large::<point::OnEvent>(&mut cases);
    large::<point::BeforeCreate>(&mut cases);
    large::<point::BeforeUpdate>(&mut cases);
    long_reason::<point::PreAuth>(&mut cases);
    long_reason::<point::Auth>(&mut cases);
    long_reason::<point::CheckInput>(&mut cases);
    long_reason::<point::CheckOutput>(&mut cases);
    long_reason::<point::BeforeCreate>(&mut cases);
    cases.add(
        "mode/manifest",
        "A failure mode is the config's, else the manifest's, else the hook's",
        &[Hook::CheckInput],
        manifest_mode,
    );
    cases.add(
        "auth_is_always_closed",
        "A failure in auth ends the request, whatever anybody asks for",
        &[Hook::Auth],
        auth_is_always_closed,
    );
}

fn of_hook<H: Sample>(cases: &mut Cases<'_>) {
    for fails in Fails::ALL {
        if fails.steps::<H>(&Builtin, &EVERY_HOOK).is_none() {
            continue;
        }
        if fails == Fails::Timeout && H::HOOK == Hook::OnStartup {
            // It has 30 s, and no request whose deadline could cut them short.
            continue;
        }
        for mode in [FailureMode::Open, FailureMode::Closed] {
            for (plugin, how) in [(&EVERY_HOOK, "plain"), (&EVERY_HOOK_WAITING, "waiting")] {
                cases.add(
                    format!("{}/{}/{}/{how}", H::HOOK, fails.word(), mode.as_str()),
                    "A failed call leaves nothing behind; fail_open goes on, fail_closed ends it; the next are served",
                    &[H::HOOK],
                    async move |host| cell::<H>(host, plugin, fails, mode).await,
                );
            }
        }
    }
    cases.add(
        format!("mode/default/{}", H::HOOK),
        "Where nobody says otherwise, a failure means what the table says",
        &[H::HOOK],
        default_mode::<H>,
    );
}

/// `bad` fails in the request `bad`, and leaves traces; `witness` comes after it.
async fn cast<'h, H: Sample>(
    host: &'h dyn Host,
    plugin: &'static TestPlugin,
    steps: Json,
    settings: Settings,
) -> Result<Setup<'h>, CaseFailure> {
    let mut setup = Setup::new(host);
    let config = json!({ "hooks": { H::HOOK.name(): traces::<H>(&steps) }, "only": "bad", "brief": "further-" });
    let bad = setup.start("bad", plugin, config).await?;
    let witness = setup.start("witness", &EVERY_HOOK, json!({ "brief": "further-" })).await?;
    let mut members = vec![(bad, settings), (witness, at(&[H::HOOK]))];
    if H::HOOK.info().direction == Direction::Reverse {
        members.reverse();
    }
    for (instance, settings) in members {
        setup.put(instance, settings);
    }
    Ok(setup)
}

/// The request whose call fails. Time is short for it where the hook's own timeout is not for configs to set.
fn failing(setup: &mut Setup<'_>, host: &dyn Host, hook: Hook, fails: Fails) -> Result<Exchange, CaseFailure> {
    let mut exchange = setup.exchange("bad")?;
    if fails == Fails::Timeout && matches!(hook.info().layer, Layer::Life | Layer::Surface) {
        exchange.facts_mut().deadline = Some(Instant::now() + timeout(host));
    }
    Ok(exchange)
}

async fn cell<H: Sample>(host: &dyn Host, plugin: &'static TestPlugin, fails: Fails, mode: FailureMode) -> Outcome {
    let timeout = (fails == Fails::Timeout).then(|| timeout(host));
    let settings = Settings { failure_mode: Some(mode), timeout, ..at(&[H::HOOK]) };
    let steps = fails.steps::<H>(host, plugin).unwrap_or_default();
    let mut setup = cast::<H>(host, plugin, steps, settings).await?;
    let mut exchange = failing(&mut setup, host, H::HOOK, fails)?;
    let mut payload = H::payload();
    let ran = exchange.run::<H>(&mut payload).await;
    undone::<H>(&exchange, &payload)?;
    let closed = mode == FailureMode::Closed || H::HOOK == Hook::Auth;
    match (ran, closed) {
        (Ok(None), false) => {
            let late = fails == Fails::Timeout && exchange.facts().deadline.is_some();
            let given = setup.journal.calls_of("witness", H::HOOK.name());
            // A call that has no time left may not reach another process.
            let reached = !late || host.patience() == 1;
            ensure!(!reached || given.len() == 1, "the next one was called {} times", given.len());
            for call in given.iter().filter(|_| !late) {
                ensure!(*call.saw() == H::payload().saw(), "the next one was given {}", call.saw());
            }
        }
        (Err(fault), true) => {
            ensure_eq!(setup.journal.calls_of("witness", H::HOOK.name()).len(), 0, "the next one was called");
            is_told::<H>(&fault, fails.word())?;
        }
        (ran, _) => {
            let ran = ran.map(|decision| decision.map(|decision| decision.plugin));
            return Err(CaseFailure::new(format!("under {} it came to {ran:?}", mode.as_str())));
        }
    }
    further_requests::<H>(&mut setup).await
}

/// Nothing that the failed call wrote is left.
fn undone<H: Sample>(exchange: &Exchange, payload: &H::Payload) -> Outcome {
    ensure_eq!(payload.saw(), H::payload().saw(), "the payload");
    ensure_eq!(exchange.state().iter().count(), 0, "entries of the state");
    ensure_eq!(exchange.metadata().len(), 0, "entries for the request's log");
    Ok(())
}

fn is_told<H: Sample>(fault: &Fault, cause: &str) -> Outcome {
    ensure_eq!((&*fault.plugin, fault.hook, fault.failure.cause()), ("bad", H::HOOK, cause), "the fault");
    let error = fault.to_error();
    ensure_eq!((error.kind, error.status()), (ErrorKind::PluginUnavailable, 503), "the error");
    ensure_eq!((error.plugin.as_deref(), error.code.as_deref()), (Some("bad"), Some(cause)), "the error");
    ensure!(!error.message.contains("secret"), "the client is told internals: {}", error.message);
    Ok(())
}

async fn further_requests<H: Sample>(setup: &mut Setup<'_>) -> Outcome {
    setup.relax();
    let set = setup.set()?;
    setup.journal.clear();
    for number in 0..FURTHER {
        let mut exchange = Exchange::new(set.clone(), facts(&format!("further-{number}")));
        let ran = exchange.run::<H>(&mut H::payload()).await?;
        ensure!(ran.is_none(), "request {number} after it came to a decision");
    }
    let called = |plugin| setup.journal.calls_of(plugin, H::HOOK.name());
    ensure_eq!((called("bad").len(), called("witness").len()), (FURTHER, FURTHER), "the calls after it");
    let left = called("bad").iter().filter(|call| !call.get("scratch").is_null()).count();
    ensure_eq!(left, 0, "requests that see the scratchpad of the failed call");
    Ok(())
}

async fn default_mode<H: Sample>(host: &dyn Host) -> Outcome {
    let steps = json!([{ "fail": "an inner secret" }]);
    let mut setup = cast::<H>(host, &EVERY_HOOK, steps, at(&[H::HOOK])).await?;
    let ran = setup.exchange("bad")?.run::<H>(&mut H::payload()).await;
    let found = if ran.is_ok() { FailureMode::Open } else { FailureMode::Closed };
    ensure_eq!(found, H::HOOK.info().failure_mode, "what the failure meant");
    let closed = match H::HOOK.info().layer {
        Layer::Agent => H::HOOK != Hook::OnEvent,
        _ => matches!(H::HOOK, Hook::Auth | Hook::OnStartup),
    };
    ensure_eq!(found == FailureMode::Closed, closed, "whether it is closed by default");
    Ok(())
}

async fn manifest_mode(host: &dyn Host) -> Outcome {
    let fails = script(json!({ "check_input": [{ "fail": "broken" }] }));
    for (asked, closed) in [(None, true), (Some(FailureMode::Open), false), (Some(FailureMode::Closed), true)] {
        let mut setup = Setup::new(host);
        let settings = Settings { failure_mode: asked, ..at(&[Hook::CheckInput]) };
        setup.add("it", &DECLARED, fails.clone(), settings).await?;
        let ran = check_input(&mut setup.exchange("r-1")?).await;
        ensure_eq!(ran.is_err(), closed, "the manifest says closed, the config {asked:?}");
    }
    Ok(())
}

async fn auth_is_always_closed(host: &dyn Host) -> Outcome {
    let mut setup = Setup::new(host);
    let settings = Settings { failure_mode: Some(FailureMode::Open), ..at(&[Hook::Auth]) };
    let config = script(json!({ "auth": [{ "fail": "broken" }] }));
    setup.add("it", &EVERY_HOOK, config, settings).await?;
    let ran = setup.exchange("r-1")?.run::<point::Auth>(&mut point::Auth::payload()).await;
    ensure!(ran.is_err(), "the request went on though nobody knows who it is");
    Ok(())
}

/// A result over the size limit.
fn large<H: Sample>(cases: &mut Cases<'_>) {
    cases.add(
        format!("{}/large", H::HOOK),
        "A payload that is left larger than the limit is a failure, and is given up",
        &[H::HOOK],
        async |host| over_limit::<H>(host, json!([{ "grow": MAX_RESULT_BYTES + 1 }])).await,
    );
}

/// A reason over the size limit.
fn long_reason<H: Sample>(cases: &mut Cases<'_>) {
    cases.add(
        format!("{}/long_reason", H::HOOK),
        "A block whose reason is longer than what is told is a block",
        &[H::HOOK],
        async |host| {
            let mut setup = strict::<H>(host, long_block()).await?;
            let ran = setup.exchange("r-1")?.run::<H>(&mut H::payload()).await?;
            ensure!(ran.is_some(), "it was let through");
            Ok(())
        },
    );
}

/// A plugin that must not be missed, and does this.
async fn strict<H: Sample>(host: &dyn Host, steps: Json) -> Result<Setup<'_>, CaseFailure> {
    let mut setup = Setup::new(host);
    let settings = Settings { failure_mode: Some(FailureMode::Closed), ..at(&[H::HOOK]) };
    setup.add("bad", &EVERY_HOOK, script(json!({ H::HOOK.name(): steps })), settings).await?;
    Ok(setup)
}

async fn over_limit<H: Sample>(host: &dyn Host, steps: Json) -> Outcome {
    let mut setup = strict::<H>(host, steps).await?;
    let mut payload = H::payload();
    let ran = setup.exchange("r-1")?.run::<H>(&mut payload).await;
    ensure_eq!(payload.saw(), H::payload().saw(), "the payload");
    match ran {
        Err(fault) => is_told::<H>(&fault, "oversized"),
        Ok(_) => Err(CaseFailure::new("it was let through")),
    }
}
