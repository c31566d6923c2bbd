//! State, scratchpad, metadata and facts.

use crate::case::{Case, CaseFailure, Cases, Group, Outcome, ensure, ensure_eq};
use crate::host::Host;
use crate::plugins::{EVERY_HOOK, EVERY_HOOK_WAITING, Saw, TestPlugin};
use crate::sample::Sample;
use crate::setup::{Setup, at, check_input, facts, script};
use gatewright_pipeline::{Exchange, MAX_METADATA_BYTES, MAX_SCRATCH_BYTES, Settings};
use gatewright_plugin::hosted::point;
use gatewright_plugin::{Facts, FailureMode, Hook, MAX_STATE_BYTES, MAX_STATE_ENTRIES};
use serde_json::{Value as Json, json};

pub(super) fn cases(list: &mut Vec<Case>) {
    let mut cases = Cases::of(Group::State, list);
    let layers = [Hook::HttpRequest, Hook::CheckInput, Hook::PreLlm, Hook::PostRequest];
    for (plugin, how) in [(&EVERY_HOOK, "plain"), (&EVERY_HOOK_WAITING, "waiting")] {
        cases.add(
            format!("across_layers/{how}"),
            "What one hook sets the later ones see, over all layers and plugins",
            &layers,
            async move |host| across_layers(host, plugin).await,
        );
        cases.add(
            format!("scratch/{how}"),
            "The scratchpad is the plugin's own, and lasts for the request",
            &layers,
            async move |host| scratch(host, plugin).await,
        );
        cases.add(
            format!("metadata/{how}"),
            "What outcomes carry is kept with the request, by plugin and hook, in order",
            &[Hook::CheckInput, Hook::PreLlm],
            async move |host| metadata(host, plugin).await,
        );
    }
    cases.add("unset", "A key that is taken out is gone for the later ones", &[Hook::CheckInput], unset);
    cases.add("requests_are_apart", "Requests share no state", &[Hook::CheckInput], requests_are_apart);
    cases.add("facts", "A hook is given the host's facts", &[Hook::CheckInput], given_facts);
    for (what, steps) in [
        ("entries", (0..=MAX_STATE_ENTRIES).map(|key| json!({ "set": [key.to_string(), 1] })).collect()),
        ("bytes", json!([{ "set": ["small", 1] }, { "set": ["large", "x".repeat(MAX_STATE_BYTES)] }])),
        ("scratch", json!([{ "set": ["small", 1] }, { "scratch_bytes": MAX_SCRATCH_BYTES }])),
        ("metadata", json!([{ "set": ["small", 1] }, { "metadata_bytes": MAX_METADATA_BYTES }])),
    ] {
        cases.add(
            format!("limit/{what}"),
            "Writes over a limit are a failure, and none of that call is kept",
            &[Hook::CheckInput],
            async move |host| over_limit(host, steps.clone()).await,
        );
    }
    cases.add(
        "limit/metadata_of_all",
        "The limit of metadata is the request's: many small ones count too, and what finds no room is let go",
        &[Hook::CheckInput],
        metadata_of_all,
    );
    let entries: Json = (0..MAX_STATE_ENTRIES).map(|key| json!({ "set": [key.to_string(), 1] })).collect();
    for (what, filled) in [("metadata", json!([{ "metadata_bytes": MAX_METADATA_BYTES / 4 * 3 }])), ("state", entries)]
    {
        cases.add(
            format!("limit/left_by_others/{what}"),
            "What others wrote does not undo an edit: what finds no room beside it is let go",
            &[Hook::PreLlm],
            async move |host| left_by_others(host, filled.clone()).await,
        );
    }
}

/// `a` writes, `b` looks on, at every layer.
async fn two<'h>(host: &'h dyn Host, plugin: &'static TestPlugin, hooks: Json) -> Result<Setup<'h>, CaseFailure> {
    let mut setup = Setup::new(host);
    setup.add("a", plugin, script(hooks), Settings::default()).await?;
    setup.add("b", &EVERY_HOOK, script(json!({})), Settings::default()).await?;
    Ok(setup)
}

async fn call_layers(exchange: &mut Exchange) -> Outcome {
    exchange.run::<point::HttpRequest>(&mut point::HttpRequest::payload()).await?;
    check_input(exchange).await?;
    exchange.run::<point::PreLlm>(&mut point::PreLlm::payload()).await?;
    exchange.observe::<point::PostRequest>(&mut point::PostRequest::payload()).await;
    Ok(())
}

async fn across_layers(host: &dyn Host, plugin: &'static TestPlugin) -> Outcome {
    let hooks = json!({
        "http_request": [{ "set": ["a.number", 1] }],
        "check_input": [{ "set": ["a.text", "t"] }],
        "pre_llm": [{ "set": ["a.number", { "now": [2] }] }],
    });
    let mut setup = two(host, plugin, hooks).await?;
    call_layers(&mut setup.exchange("r-1")?).await?;
    let saw = |plugin, hook| setup.journal.calls_of(plugin, hook)[0].get("state").clone();
    ensure_eq!(saw("a", "http_request"), json!({}), "at first");
    ensure_eq!(saw("b", "http_request"), json!({ "a.number": 1 }), "the neighbour");
    ensure_eq!(saw("a", "check_input"), json!({ "a.number": 1 }), "the next layer");
    ensure_eq!(saw("b", "check_input"), json!({ "a.number": 1, "a.text": "t" }), "the neighbour there");
    let last = json!({ "a.number": { "now": [2] }, "a.text": "t" });
    ensure_eq!(saw("b", "pre_llm"), last, "the attempt");
    ensure_eq!(saw("b", "post_request"), last, "the end");
    Ok(())
}

async fn scratch(host: &dyn Host, plugin: &'static TestPlugin) -> Outcome {
    let hooks = json!({
        "http_request": [{ "scratch": { "open": 1 } }],
        "pre_llm": [{ "scratch": { "open": 2 } }],
    });
    let mut setup = two(host, plugin, hooks).await?;
    call_layers(&mut setup.exchange("r-1")?).await?;
    let saw = |plugin, hook| setup.journal.calls_of(plugin, hook)[0].get("scratch").clone();
    let of_a = ["http_request", "check_input", "pre_llm", "post_request"].map(|hook| saw("a", hook));
    let expected = [json!(null), json!({ "open": 1 }), json!({ "open": 1 }), json!({ "open": 2 })];
    ensure_eq!(of_a, expected, "what the plugin saw of its own");
    for hook in ["http_request", "check_input", "pre_llm", "post_request"] {
        ensure_eq!(saw("b", hook), json!(null), "what the other one saw, in {hook}");
    }
    Ok(())
}

async fn metadata(host: &dyn Host, plugin: &'static TestPlugin) -> Outcome {
    let hooks = json!({
        "check_input": [{ "metadata": ["score", 0.5] }, { "metadata": ["label", "x"] }],
        "pre_llm": [{ "metadata": ["rerouted", true] }],
    });
    let mut setup = two(host, plugin, hooks).await?;
    let mut exchange = setup.exchange("r-1")?;
    call_layers(&mut exchange).await?;
    let kept: Vec<Json> =
        exchange.metadata().iter().map(|of| json!([&*of.plugin, of.hook.name(), of.metadata])).collect();
    let expected =
        [json!(["a", "check_input", { "score": 0.5, "label": "x" }]), json!(["a", "pre_llm", { "rerouted": true }])];
    ensure_eq!(kept, expected, "what is kept");
    Ok(())
}

async fn unset(host: &dyn Host) -> Outcome {
    let mut setup = Setup::new(host);
    let hooks = [Hook::CheckInput];
    let sets = json!([{ "set": ["gone", 1] }, { "set": ["stays", 1] }]);
    setup.add("a", &EVERY_HOOK, script(json!({ "check_input": sets })), at(&hooks)).await?;
    setup.add("b", &EVERY_HOOK, script(json!({ "check_input": [{ "unset": "gone" }] })), at(&hooks)).await?;
    setup.add("c", &EVERY_HOOK, script(json!({})), at(&hooks)).await?;
    check_input(&mut setup.exchange("r-1")?).await?;
    let saw = |plugin| setup.journal.calls_of(plugin, "check_input")[0].get("state").clone();
    ensure_eq!(saw("b"), json!({ "gone": 1, "stays": 1 }), "before");
    ensure_eq!(saw("c"), json!({ "stays": 1 }), "after");
    Ok(())
}

async fn requests_are_apart(host: &dyn Host) -> Outcome {
    let hooks = json!({ "check_input": [{ "set": ["k", 1] }, { "scratch": 1 }, { "metadata": ["k", 1] }] });
    let mut setup = two(host, &EVERY_HOOK, hooks).await?;
    for request in ["r-1", "r-2"] {
        let mut exchange = setup.exchange(request)?;
        check_input(&mut exchange).await?;
        ensure_eq!(exchange.metadata().len(), 1, "what is kept with {request}");
    }
    for call in setup.journal.calls_of("a", "check_input") {
        ensure_eq!((call.get("state"), call.get("scratch")), (&json!({}), &Json::Null), "{}", call.text("request"));
    }
    Ok(())
}

async fn given_facts(host: &dyn Host) -> Outcome {
    let mut setup = two(host, &EVERY_HOOK_WAITING, json!({})).await?;
    let facts = Facts {
        user_id: "ann".to_owned(),
        app_id: "app".to_owned(),
        provider: "openai".to_owned(),
        model: "gpt-4".to_owned(),
        fallback_index: 2,
        ..facts("r-1")
    };
    let mut exchange = Exchange::new(setup.set()?, facts);
    check_input(&mut exchange).await?;
    for call in setup.journal.calls() {
        let texts = ["request", "user", "app", "provider", "model"].map(|member| call.text(member));
        ensure_eq!(texts, ["r-1", "ann", "app", "openai", "gpt-4"], "the facts that {} was given", call.plugin);
        ensure_eq!(*call.get("fallback_index"), json!(2), "the attempt that {} was told", call.plugin);
    }
    Ok(())
}

async fn over_limit(host: &dyn Host, steps: Json) -> Outcome {
    for plugin in [&EVERY_HOOK, &EVERY_HOOK_WAITING] {
        let mut setup = Setup::new(host);
        let settings = Settings { failure_mode: Some(FailureMode::Closed), ..at(&[Hook::CheckInput]) };
        setup.add("a", plugin, script(json!({ "check_input": steps })), settings).await?;
        let mut exchange = setup.exchange("r-1")?;
        let ran = check_input(&mut exchange).await;
        ensure!(ran.is_err(), "it was let through");
        ensure_eq!(exchange.state().iter().count(), 0, "entries of the state");
        ensure_eq!(exchange.metadata().len(), 0, "entries for the request's log");
    }
    Ok(())
}

async fn metadata_of_all(host: &dyn Host) -> Outcome {
    let mut setup = Setup::new(host);
    let config = script(json!({ "check_input": [{ "metadata_bytes": MAX_METADATA_BYTES / 8 }] }));
    let settings = Settings { failure_mode: Some(FailureMode::Closed), ..at(&[Hook::CheckInput]) };
    setup.add("a", &EVERY_HOOK, config, settings).await?;
    let mut exchange = setup.exchange("r-1")?;
    for _ in 0..9 {
        check_input(&mut exchange).await?;
    }
    ensure_eq!(exchange.metadata().len(), 7, "entries for the request's log");
    Ok(())
}

async fn left_by_others(host: &dyn Host, filled: Json) -> Outcome {
    for plugin in [&EVERY_HOOK, &EVERY_HOOK_WAITING] {
        let mut setup = Setup::new(host);
        setup.add("a", &EVERY_HOOK, script(json!({ "pre_llm": filled })), at(&[Hook::PreLlm])).await?;
        let steps = json!([{ "edit": "!" }, { "set": ["small", 1] }, { "metadata_bytes": MAX_METADATA_BYTES / 2 }]);
        let settings = Settings { failure_mode: Some(FailureMode::Closed), ..at(&[Hook::PreLlm]) };
        setup.add("b", plugin, script(json!({ "pre_llm": steps })), settings).await?;
        let mut exchange = setup.exchange("r-1")?;
        let mut payload = point::PreLlm::payload();
        exchange.run::<point::PreLlm>(&mut payload).await?;
        ensure!(payload.saw() != point::PreLlm::payload().saw(), "the edit was given up");
        // One of both found room, and was kept.
        let kept = (exchange.state().get("small").is_some(), exchange.metadata().iter().any(|of| &*of.plugin == "b"));
        ensure!(kept.0 != kept.1, "what was kept is {kept:?}");
    }
    Ok(())
}
