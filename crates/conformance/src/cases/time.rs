//! How long calls may take.

use crate::case::{Case, CaseFailure, Cases, Group, Outcome, ensure, ensure_eq};
use crate::host::Host;
use crate::plugins::{DECLARED, EVERY_HOOK, EVERY_HOOK_WAITING, TestPlugin};
use crate::sample::Sample;
use crate::setup::{Setup, at, check_input, script};
use gatewright_model::ErrorKind;
use gatewright_pipeline::{Entry, Fault, Settings};
use gatewright_plugin::hosted::point;
use gatewright_plugin::{FailureMode, Hook, HookSet, MAX_TIMEOUT};
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(10);

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(5);

pub(super) fn cases(list: &mut Vec<Case>) {
    let mut cases = Cases::of(Group::Time, list);
    let all: Vec<Hook> = HookSet::ALL.iter().collect();
    cases.add(
        "defaults",
        "A call has the config's timeout, else the manifest's, else the hook's; at most 60 s",
        &all,
        defaults,
    );
    cases.add("config", "A call that takes longer than the config allows is given up", &[Hook::CheckInput], config);
    cases.add(
        "manifest",
        "A call that takes longer than the manifest allows is given up",
        &[Hook::CheckInput],
        manifest,
    );
    cases.add(
        "rest_of_the_request",
        "A call has no more time than is left of the request",
        &[Hook::CheckInput],
        rest_of_the_request,
    );
    for mode in [FailureMode::Open, FailureMode::Closed] {
        cases.add(
            format!("rest_of_the_request/{}", mode.as_str()),
            "A request whose time is over in a guard ends there, whatever the guard's mode",
            &[Hook::CheckInput],
            async move |host| over_in_a_guard(host, mode).await,
        );
    }
    cases.add("given_up", "A call that waits is dropped when its time is up", &[Hook::CheckInput], given_up);
    cases.add(
        "judged_afterwards",
        "A plain function that took too long is judged afterwards, and its decision does not count",
        &[Hook::CheckInput],
        judged_afterwards,
    );
    cases.add("neighbours", "The time that a plugin takes is not its neighbour's", &[Hook::CheckInput], neighbours);
    cases.add("plugin_time", "The time that plugins take is counted", &[Hook::CheckInput], plugin_time);
    cases.add(
        "closing_budget",
        "Closing hooks have a budget of their own, since the request's may be spent",
        &[Hook::PostRequest],
        closing_budget,
    );
}

async fn alone<'h>(
    host: &'h dyn Host,
    plugin: &'static TestPlugin,
    steps: Json,
    timeout: Option<Duration>,
) -> Result<Setup<'h>, CaseFailure> {
    let mut setup = Setup::new(host);
    let hooks = [Hook::CheckInput, Hook::PostRequest];
    let settings = Settings { timeout, failure_mode: Some(FailureMode::Closed), ..at(&hooks) };
    setup.add("it", plugin, script(json!({ "check_input": steps, "post_request": steps })), settings).await?;
    Ok(setup)
}

/// What `check_input` came to, and how long it took.
async fn check(setup: &mut Setup<'_>, deadline: Option<Duration>) -> Result<(Option<Fault>, Duration), CaseFailure> {
    let mut exchange = setup.exchange("r-1")?;
    let started = Instant::now();
    exchange.facts_mut().deadline = deadline.map(|deadline| started + deadline);
    let fault = check_input(&mut exchange).await.err();
    Ok((fault, started.elapsed()))
}

/// It was given up after about this time.
fn timed_out((fault, took): (Option<Fault>, Duration), timeout: Duration) -> Outcome {
    ensure_eq!(fault.map(|fault| fault.failure.cause()), Some("timeout"), "what it came to");
    ensure!(took >= timeout && took < LONG, "it took {took:?}, and had {timeout:?}");
    Ok(())
}

async fn defaults(host: &dyn Host) -> Outcome {
    let mut setup = Setup::new(host);
    let quiet = setup.start("quiet", &EVERY_HOOK, script(json!({}))).await?;
    let declared = setup.start("declared", &DECLARED, script(json!({}))).await?;
    let asks = |timeout| Settings { timeout: Some(timeout), ..Settings::default() };
    for row in Hook::TABLE {
        let unset = Entry { instance: quiet.clone(), settings: Settings::default() };
        ensure_eq!(unset.timeout(row.hook), row.timeout, "{}, when nobody says anything", row.name);
    }
    let hook = Hook::CheckInput;
    for (instance, settings, expected) in [
        (&quiet, Settings::default(), Duration::from_secs(5)),
        (&quiet, asks(SHORT), SHORT),
        (&quiet, asks(Duration::from_secs(3600)), MAX_TIMEOUT),
        (&declared, Settings::default(), Duration::from_millis(20)),
        (&declared, asks(SHORT), SHORT),
    ] {
        let entry = Entry { instance: instance.clone(), settings };
        ensure_eq!(entry.timeout(hook), expected, "{:?} of {:?}", entry.settings.timeout, instance.name());
    }
    Ok(())
}

async fn config(host: &dyn Host) -> Outcome {
    let mut setup = alone(host, &EVERY_HOOK_WAITING, json!([{ "wait": "never" }]), Some(SHORT)).await?;
    timed_out(check(&mut setup, None).await?, SHORT)
}

async fn manifest(host: &dyn Host) -> Outcome {
    let mut setup = alone(host, &DECLARED, json!([{ "wait": "never" }]), None).await?;
    timed_out(check(&mut setup, None).await?, Duration::from_millis(20))
}

async fn rest_of_the_request(host: &dyn Host) -> Outcome {
    let mut setup = alone(host, &EVERY_HOOK_WAITING, json!([{ "wait": "never" }]), Some(LONG)).await?;
    timed_out(check(&mut setup, Some(SHORT)).await?, SHORT)
}

async fn over_in_a_guard(host: &dyn Host, mode: FailureMode) -> Outcome {
    for (plugin, steps) in
        [(&EVERY_HOOK_WAITING, json!([{ "wait": "never" }])), (&EVERY_HOOK, json!([{ "sleep": 20 }]))]
    {
        let mut setup = Setup::new(host);
        let settings = Settings { timeout: Some(LONG), failure_mode: Some(mode), ..at(&[Hook::CheckInput]) };
        setup.add("it", plugin, script(json!({ "check_input": steps })), settings).await?;
        let fault = check(&mut setup, Some(SHORT)).await?.0.map(|fault| fault.to_error());
        let told = fault.map(|error| (error.kind, error.status(), error.code));
        ensure_eq!(told, Some((ErrorKind::Timeout, 504, Some("deadline_exceeded".to_owned()))), "what it came to");
    }
    Ok(())
}

async fn given_up(host: &dyn Host) -> Outcome {
    let time = Some(SHORT * host.patience());
    let mut setup = alone(host, &EVERY_HOOK_WAITING, json!([{ "wait": "never" }]), time).await?;
    check(&mut setup, None).await?;
    setup.journal.until_given_up("never").await
}

async fn judged_afterwards(host: &dyn Host) -> Outcome {
    let blocks = json!({ "decide": { "block": { "reason": "late", "status": null, "code": null } } });
    let steps = json!([{ "sleep": 20 }, { "set": ["late", 1] }, blocks]);
    let mut setup = alone(host, &EVERY_HOOK, steps, Some(SHORT)).await?;
    timed_out(check(&mut setup, None).await?, SHORT)
}

async fn neighbours(host: &dyn Host) -> Outcome {
    for slow in [&EVERY_HOOK, &EVERY_HOOK_WAITING] {
        let mut setup = Setup::new(host);
        let closed = |timeout| Settings {
            timeout: Some(timeout),
            failure_mode: Some(FailureMode::Closed),
            ..at(&[Hook::CheckInput])
        };
        let sleeps = script(json!({ "check_input": [{ "sleep": 400 }] }));
        setup.add("before", &EVERY_HOOK, script(json!({})), closed(Duration::from_millis(300))).await?;
        setup.add("slow", slow, sleeps, closed(LONG)).await?;
        setup.add("after", &EVERY_HOOK, script(json!({})), closed(Duration::from_millis(300))).await?;
        let (fault, _) = check(&mut setup, None).await?;
        ensure_eq!(fault, None, "what it came to");
    }
    Ok(())
}

async fn plugin_time(host: &dyn Host) -> Outcome {
    for plugin in [&EVERY_HOOK, &EVERY_HOOK_WAITING] {
        let mut setup = alone(host, plugin, json!([{ "sleep": 10 }]), None).await?;
        let mut exchange = setup.exchange("r-1")?;
        check_input(&mut exchange).await?;
        let counted = exchange.plugin_time();
        ensure!(counted >= SHORT && counted < LONG, "it counted {counted:?}");
    }
    Ok(())
}

async fn closing_budget(host: &dyn Host) -> Outcome {
    for plugin in [&EVERY_HOOK, &EVERY_HOOK_WAITING] {
        let mut setup = alone(host, plugin, json!([{ "sleep": 1 }, { "set": ["done", true] }]), None).await?;
        let mut exchange = setup.exchange("r-1")?;
        exchange.facts_mut().deadline = Some(Instant::now());
        exchange.begin_closing(LONG);
        exchange.observe::<point::PostRequest>(&mut point::PostRequest::payload()).await;
        ensure_eq!(exchange.state().iter().count(), 1, "what the hook wrote in its own time");
    }
    Ok(())
}
