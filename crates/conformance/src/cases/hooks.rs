//! Each hook of the table can be stood at: it is called, given its payload, and its outcome and edits arrive.

use crate::case::{Case, Cases, Group, Outcome, ensure, ensure_eq};
use crate::host::Host;
use crate::journal::Journal;
use crate::plugins::{EVERY_HOOK, EVERY_HOOK_WAITING, ONE_HOOK, Saw, TEST_PLUGINS, TestPlugin};
use crate::sample::{Sample, with_points};
use crate::setup::{Setup, facts, script};
use gatewright_pipeline::{Settings, Slot};
use gatewright_plugin::hosted::{HookPoint, Hosted, Payload, point};
use gatewright_plugin::{Cx, Failure, Hook, HookSet, State};
use serde_json::{Value as Json, json};
use std::sync::Arc;

macro_rules! of_every_hook {
    ($($point:ident)*) => {
        fn of_every_hook(cases: &mut Cases<'_>) {
            $(
                of_hook::<point::$point>(cases, &EVERY_HOOK, "plain");
                of_hook::<point::$point>(cases, &EVERY_HOOK_WAITING, "waiting");
            )*
        }
    };
}
with_points!(of_every_hook);

pub(super) fn cases(list: &mut Vec<Case>) {
    let cases = &mut Cases::of(Group::Hooks, list);
    of_every_hook(cases);
    for plugin in TEST_PLUGINS {
        cases.add(
            format!("set/{}", plugin.name),
            "A host finds out at load which hooks a plugin implements, and its manifest",
            &plugin.hooks.iter().collect::<Vec<_>>(),
            async move |host| tells_the_truth(host, plugin).await,
        );
    }
    let all: Vec<Hook> = HookSet::ALL.iter().collect();
    cases.add(
        "unimplemented_are_never_called",
        "A hook that a plugin does not implement never reaches it",
        &all,
        unimplemented_are_never_called,
    );
}

fn of_hook<H: Sample>(cases: &mut Cases<'_>, plugin: &'static TestPlugin, how: &str) {
    let name = |what: &str| format!("{}/{what}/{how}", H::HOOK);
    cases.add(name("payload"), "The hook is called, and given its payload", &[H::HOOK], async move |host| {
        payload_arrives::<H>(host, plugin).await
    });
    cases.add(name("failure"), "A returned failure arrives as a failure", &[H::HOOK], async move |host| {
        failure_arrives::<H>(host, plugin).await
    });
    if H::EDITS {
        cases.add(name("edit"), "An edit of the draft arrives, and is a proposal", &[H::HOOK], async move |host| {
            edit_arrives::<H>(host, plugin).await
        });
    }
    if H::decision().is_some() {
        cases.add(name("decision"), "The outcome arrives, and is obeyed", &[H::HOOK], async move |host| {
            decision_arrives::<H>(host, plugin).await
        });
    }
}

/// A hosted plugin that is called without a chain around it.
struct Bare {
    hosted: Arc<dyn Hosted>,
    journal: Journal,
}

/// What came back of one call.
struct Called<H: HookPoint> {
    payload: H::Payload,
    answer: Result<H::Outcome, Failure>,
    cx: Cx,
}

impl Bare {
    async fn load(host: &dyn Host, plugin: &'static TestPlugin, config: Json) -> Result<Self, Failure> {
        Ok(Self { hosted: host.load(plugin, config).await?, journal: Journal::default() })
    }

    /// Calls it in each way that it has: at once if it may be, and owning.
    async fn call<H: Sample>(&self) -> Vec<Called<H>> {
        let cx = || Cx::new(Arc::new(facts("r-1")), State::default(), None, self.journal.services("it"));
        let mut called = Vec::new();
        if self.hosted.immediate().contains(H::HOOK) {
            let (mut cx, mut payload) = (cx(), H::payload());
            let reply = self.hosted.call_now(&mut cx, H::lend(&mut payload));
            called.push(Called { payload, answer: H::outcome(reply), cx });
        }
        let returned = self.hosted.clone().call(cx(), H::give(H::payload())).await;
        if let Some(payload) = H::take(returned.call) {
            called.push(Called { payload, answer: H::outcome(returned.reply), cx: returned.cx });
        }
        called
    }
}

fn steps<H: Sample>(steps: Json) -> Json {
    script(json!({ H::HOOK.name(): steps }))
}

async fn payload_arrives<H: Sample>(host: &dyn Host, plugin: &'static TestPlugin) -> Outcome {
    let bare = Bare::load(host, plugin, steps::<H>(json!([{ "set": ["it.seen", true] }]))).await?;
    let called = bare.call::<H>().await;
    ensure!(!called.is_empty(), "another hook's payload came back");
    ensure_eq!(bare.journal.lines().len(), called.len(), "the calls that it recorded");
    for call in bare.journal.calls() {
        ensure_eq!(call.hook(), H::HOOK.name(), "the hook");
        ensure_eq!(call.text("request"), "r-1", "the request");
        ensure_eq!(*call.saw(), H::payload().saw(), "the payload");
    }
    for mut call in called {
        ensure!(call.answer.is_ok(), "it failed: {:?}", call.answer.err());
        ensure_eq!(call.payload.saw(), H::payload().saw(), "the payload, unedited");
        ensure!(!call.payload.commit(), "nothing was edited, and it says that something was");
        let written = call.cx.take_writes().state;
        ensure_eq!(written.len(), 1, "what it wrote into the state");
    }
    Ok(())
}

async fn failure_arrives<H: Sample>(host: &dyn Host, plugin: &'static TestPlugin) -> Outcome {
    let bare = Bare::load(host, plugin, steps::<H>(json!([{ "fail": "told so" }]))).await?;
    for call in bare.call::<H>().await {
        let failure = call.answer.err();
        ensure_eq!(failure, Some(Failure::Returned("told so".to_owned())), "the failure");
    }
    Ok(())
}

async fn edit_arrives<H: Sample>(host: &dyn Host, plugin: &'static TestPlugin) -> Outcome {
    let bare = Bare::load(host, plugin, steps::<H>(json!([{ "edit": "-edited" }]))).await?;
    for mut call in bare.call::<H>().await {
        ensure!(call.answer.is_ok(), "it failed: {:?}", call.answer.err());
        let (before, now) = (H::payload().saw(), call.payload.saw());
        ensure!(now != before && now.to_string().contains("-edited"), "the edit did not arrive: {now}");
        call.payload.undo();
        ensure_eq!(call.payload.saw(), before, "the payload after the host gave the edit up");
    }
    for mut call in bare.call::<H>().await {
        ensure!(call.payload.commit(), "something was edited, and it says that nothing was");
        call.payload.undo();
        ensure!(call.payload.saw().to_string().contains("-edited"), "the host kept the edit, and it is gone");
    }
    Ok(())
}

async fn decision_arrives<H: Sample>(host: &dyn Host, plugin: &'static TestPlugin) -> Outcome {
    let bare = Bare::load(host, plugin, steps::<H>(json!([{ "decide": H::decision() }]))).await?;
    for call in bare.call::<H>().await {
        match call.answer {
            Ok(outcome) => ensure!(H::is_decided(&outcome), "another outcome arrived"),
            Err(failure) => ensure!(false, "it failed: {failure}"),
        }
    }
    Ok(())
}

async fn tells_the_truth(host: &dyn Host, plugin: &'static TestPlugin) -> Outcome {
    let hosted = host.load(plugin, script(json!({}))).await?;
    ensure_eq!(hosted.hooks(), plugin.hooks, "the hooks");
    let wrong = hosted.immediate().without(plugin.immediate);
    ensure_eq!(wrong, HookSet::EMPTY, "hooks that are called at once and are no plain functions");
    ensure_eq!(*hosted.manifest(), (plugin.manifest)(), "the manifest");
    ensure_eq!(hosted.manifest().name, plugin.name, "its name");
    Ok(())
}

async fn unimplemented_are_never_called(host: &dyn Host) -> Outcome {
    let mut setup = Setup::new(host);
    let everybody = script(json!({}));
    setup.add("one", &ONE_HOOK, everybody.clone(), Settings::default()).await?;
    setup.add("every", &EVERY_HOOK, everybody, Settings::default()).await?;
    let set = setup.set()?;
    for row in Hook::TABLE {
        let mut expected = vec!["every"];
        if row.hook == Hook::CheckInput {
            expected.insert(0, "one");
        }
        let standing: Vec<&str> = set.chain(row.hook).iter().map(Slot::name).map(|name| &**name).collect();
        ensure_eq!(standing, expected, "who stands at {}", row.name);
    }
    let mut exchange = setup.exchange("r-1")?;
    macro_rules! call_all {
        ($($point:ident)*) => {
            $(exchange.each::<point::$point>(&mut point::$point::payload()).await;)*
        };
    }
    with_points!(call_all);
    let of_one: Vec<String> = setup.journal.lines().into_iter().filter(|line| line.starts_with("one.")).collect();
    ensure_eq!(of_one, ["one.check_input"], "the calls that reached the plugin of one hook");
    let of_every = setup.journal.lines().len() - of_one.len();
    ensure_eq!(of_every, Hook::COUNT, "the calls that reached the plugin of every hook");
    Ok(())
}
