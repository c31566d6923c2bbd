//! Fallbacks and re-routing.

use super::{Scene, broken};
use crate::case::{Case, Cases, Group, Outcome, ensure_eq};
use crate::gateway::Ask;
use crate::host::Host;
use gatewright_model::{ErrorKind, LlmError};
use gatewright_plugin::Hook;
use gatewright_testkit::ScriptedAnswer;
use serde_json::{Value as Json, json};

pub(super) fn cases(list: &mut Vec<Case>) {
    let mut cases = Cases::of(Group::Attempts, list);
    let pair = [Hook::PreLlm, Hook::PostLlm];
    for (allows, expected) in [(None, true), (Some(true), true), (Some(false), false)] {
        cases.add(
            format!("allow_fallbacks/by_plugin/{allows:?}"),
            "A plugin's error lets fallbacks be tried unless it says no",
            &pair,
            async move |host| by_plugin(host, allows, expected).await,
        );
        cases.add(
            format!("allow_fallbacks/by_provider/{allows:?}"),
            "A provider's error lets fallbacks be tried unless it says no",
            &pair,
            async move |host| by_provider(host, allows, expected).await,
        );
        cases.add(
            format!("allow_fallbacks/by_invalidation/{allows:?}"),
            "A response that was turned into an error lets fallbacks be tried unless that says no",
            &pair,
            async move |host| by_invalidation(host, allows, expected).await,
        );
    }
    cases.add(
        "fallbacks/of_a_fallback",
        "A fallback whose error says no ends the request with that error",
        &pair,
        of_a_fallback,
    );
    cases.add("fallbacks/all_fail", "When all fail, the client gets the primary's error", &pair, all_fail);
    cases.add("fallbacks/in_order", "Fallbacks are tried in their order until one answers", &pair, in_order);
    cases.add(
        "fallbacks/fresh",
        "Each attempt starts from the client's request, with facts of its own; state goes on",
        &pair,
        fresh,
    );
    cases.add("fallbacks/once", "The request layer runs once, however many attempts there are", &pair, once);
    cases.add("fallbacks/not_after_a_block", "No fallback goes around a block", &[Hook::CheckInput], not_after_block);
    cases.add("fallbacks/streamed", "A fallback answers a stream with a stream", &pair, streamed);
    cases.add("reroute", "pre_llm sends the attempt elsewhere, without a second round", &pair, reroute);
    cases.add("reroute/of_a_fallback", "A fallback may be re-routed too", &pair, reroute_fallback);
    cases.add(
        "reroute/nowhere",
        "An attempt that is sent to no known provider fails, and fallbacks are tried",
        &pair,
        reroute_nowhere,
    );
}

async fn by_plugin(host: &dyn Host, allows: Option<bool>, expected: bool) -> Outcome {
    let error = json!({ "error": { "kind": "rate_limit", "message": "no", "allow_fallbacks": allows } });
    // The state tells the attempts apart: only the first one fails.
    let first = json!({ "pre_llm": [{ "decide_once": [error, "a.failed"] }], "post_llm": [] });
    tried(host, first, &[], expected, 0).await
}

async fn by_provider(host: &dyn Host, allows: Option<bool>, expected: bool) -> Outcome {
    let error = LlmError { allow_fallbacks: allows, ..LlmError::new(ErrorKind::RateLimit, "no") };
    tried(host, json!({ "pre_llm": [], "post_llm": [] }), &[ScriptedAnswer::Error(Box::new(error))], expected, 1).await
}

async fn by_invalidation(host: &dyn Host, allows: Option<bool>, expected: bool) -> Outcome {
    let error = json!({ "kind": "rate_limit", "message": "no", "allow_fallbacks": allows });
    let invalidates = json!({ "pre_llm": [], "post_llm": [{ "invalidate_on": ["refuse", error] }] });
    tried(host, invalidates, &[ScriptedAnswer::text("refuse this")], expected, 1).await
}

/// The first attempt ends with 429; whether the second, at `two`, is made.
async fn tried(host: &dyn Host, script: Json, one: &[ScriptedAnswer], expected: bool, asked: usize) -> Outcome {
    let scene = Scene::set(host, &[script], one, &[ScriptedAnswer::text("by two")]).await?;
    let answer = scene.send(&Ask::new("r-1").fallbacks(&["two/m"])).await?;
    ensure_eq!(scene.asked(), (asked, usize::from(expected)), "attempts at the providers");
    match expected {
        true => ensure_eq!((answer.status, answer.text()), (200, "by two".to_owned()), "{}", answer.body),
        false => ensure_eq!((answer.status, answer.error_type()), (429, "rate_limit".to_owned()), "{}", answer.body),
    }
    let rounds = 1 + usize::from(expected);
    ensure_eq!((scene.saw("a", "pre_llm").len(), scene.saw("a", "post_llm").len()), (rounds, rounds), "the rounds");
    Ok(())
}

async fn of_a_fallback(host: &dyn Host) -> Outcome {
    let error = LlmError::new(ErrorKind::PermissionDenied, "not you");
    let refuses = ScriptedAnswer::Error(Box::new(LlmError { allow_fallbacks: Some(false), ..error }));
    let scene = Scene::set(host, &[], &[broken()], &[refuses]).await?;
    let answer = scene.send(&Ask::new("r-1").fallbacks(&["two/m", "one/n"])).await?;
    ensure_eq!((answer.status, answer.error_type()), (403, "permission_denied".to_owned()), "{}", answer.body);
    ensure_eq!(scene.asked(), (1, 1), "attempts at the providers");
    Ok(())
}

async fn all_fail(host: &dyn Host) -> Outcome {
    let scripts = [json!({ "on_error": [], "post_request": [] })];
    let limited = ScriptedAnswer::error(ErrorKind::RateLimit, "slow down");
    let scene = Scene::set(host, &scripts, &[broken()], &[limited]).await?;
    let answer = scene.send(&Ask::new("r-1").fallbacks(&["two/m", "two/n"])).await?;
    ensure_eq!((answer.status, answer.error_type()), (502, "upstream".to_owned()), "{}", answer.body);
    ensure_eq!(scene.asked(), (1, 2), "attempts at the providers");
    ensure_eq!(scene.saw("a", "on_error").len(), 1, "how often on_error was told");
    ensure_eq!(scene.saw("a", "post_request")[0]["attempts"], json!(3), "the attempts in the summary");
    Ok(())
}

async fn in_order(host: &dyn Host) -> Outcome {
    let two = [broken(), ScriptedAnswer::text("by two")];
    let scene = Scene::set(host, &[json!({ "pre_llm": [] })], &[broken()], &two).await?;
    let answer = scene.send(&Ask::new("r-1").fallbacks(&["two/first", "nobody/m", "two/second", "one/third"])).await?;
    ensure_eq!((answer.status, answer.text()), (200, "by two".to_owned()), "{}", answer.body);
    let models: Vec<Json> = scene.saw("a", "pre_llm").iter().map(|saw| saw["model"].clone()).collect();
    ensure_eq!(models, [json!("m"), json!("first"), json!("second")], "the models that were tried");
    Ok(())
}

async fn fresh(host: &dyn Host) -> Outcome {
    let scripts = [json!({
        "pre_llm": [{ "edit": "-edited" }, { "set": ["a.tried", true] }, { "scratch": "mine" }],
        "post_llm": [],
        "post_request": [],
    })];
    let scene = Scene::set(host, &scripts, &[broken()], &[]).await?;
    scene.send(&Ask::new("r-1").fallbacks(&["two/other"])).await?;
    let calls = scene.setup.journal.calls_of("a", "pre_llm");
    for (call, (index, provider, model)) in calls.iter().zip([(0, "one", "m"), (1, "two", "other")]) {
        ensure_eq!(call.saw()["messages"][0]["blocks"], json!(["hello"]), "what attempt {index} was given");
        ensure_eq!((call.text("provider"), call.text("model")), (provider, model), "the facts of attempt {index}");
        ensure_eq!(*call.get("fallback_index"), json!(index), "its number");
        let before = if index == 0 { json!({}) } else { json!({ "a.tried": true }) };
        ensure_eq!(*call.get("state"), before, "the state that attempt {index} saw");
    }
    ensure_eq!(*calls[1].get("scratch"), json!("mine"), "the scratchpad that the second attempt saw");
    for provider in [&scene.one, &scene.two] {
        let calls = provider.calls();
        let said = calls[0].request.chat()?.messages.get(0).map(gatewright_model::Message::joined_text);
        ensure_eq!(said.as_deref(), Some("hello-edited"), "what {provider:?} was asked");
    }
    let summary = &scene.saw("a", "post_request")[0];
    let last = (&summary["provider"], &summary["model"], &summary["attempts"]);
    ensure_eq!(last, (&json!("two"), &json!("other"), &json!(2)), "the summary");
    Ok(())
}

async fn once(host: &dyn Host) -> Outcome {
    let hooks = ["http_request", "pre_request", "check_input", "check_output", "post_request", "request_end"];
    let script = Json::Object(hooks.map(|hook| (hook.to_owned(), json!([]))).into_iter().collect());
    let scene = Scene::set(host, &[script], &[broken()], &[broken(), ScriptedAnswer::text("fine")]).await?;
    let answer = scene.send(&Ask::new("r-1").fallbacks(&["two/m", "two/n"])).await?;
    ensure_eq!(answer.status, 200, "the status: {}", answer.body);
    let lines: Vec<String> = hooks
        .map(|hook| if hook == "check_output" { "a.check_output:final".to_owned() } else { format!("a.{hook}") })
        .into();
    ensure_eq!(scene.setup.journal.lines(), lines, "the calls");
    Ok(())
}

async fn not_after_block(host: &dyn Host) -> Outcome {
    for hook in ["check_input", "check_output"] {
        let scene = Scene::set(host, &[json!({ hook: [{ "block_on": "h" }] })], &[], &[]).await?;
        scene.one.push(ScriptedAnswer::text("oh"));
        let answer = scene.send(&Ask::new("r-1").fallbacks(&["two/m"])).await?;
        ensure_eq!((answer.status, scene.two.calls().len()), (403, 0), "{hook}: {}", answer.body);
    }
    Ok(())
}

async fn streamed(host: &dyn Host) -> Outcome {
    let stream = crate::sse::texts(gatewright_model::Dialect::OpenAi, &["by ", "two"]);
    let scripts = [json!({ "pre_llm": [], "post_llm": [], "check_output": [] })];
    let scene = Scene::set(host, &scripts, &[broken()], &[ScriptedAnswer::stream(stream)]).await?;
    let answer = scene.send(&Ask::new("r-1").stream().fallbacks(&["two/m"])).await?;
    ensure_eq!((answer.status, answer.text()), (200, "by two".to_owned()), "{}", answer.body);
    ensure_eq!(answer.is_done(), true, "whether it came to its end");
    let lines: Vec<String> = scene.setup.journal.lines().into_iter().filter(|line| !line.contains("chunk")).collect();
    let expected = ["a.pre_llm", "a.post_llm:error", "a.pre_llm", "a.post_llm:end", "a.check_output:final"];
    ensure_eq!(lines, expected, "the calls");
    Ok(())
}

async fn reroute(host: &dyn Host) -> Outcome {
    let target = json!({ "target": { "provider": "two", "model": "elsewhere" } });
    let scripts = [
        json!({ "pre_llm": [] }),
        json!({ "pre_llm": [target], "post_llm": [] }),
        json!({ "pre_llm": [], "post_llm": [], "post_request": [] }),
    ];
    let scene = Scene::set(host, &scripts, &[], &[ScriptedAnswer::text("by two")]).await?;
    let answer = scene.send(&Ask::new("r-1")).await?;
    ensure_eq!((answer.status, answer.text()), (200, "by two".to_owned()), "{}", answer.body);
    ensure_eq!(scene.asked(), (0, 1), "attempts at the providers");
    ensure_eq!(scene.two.calls()[0].request.model, "elsewhere", "the model that was asked");
    let went_in: Vec<String> = scene.setup.journal.lines().into_iter().filter(|line| line.contains("pre_")).collect();
    ensure_eq!(went_in, ["a.pre_llm", "b.pre_llm", "c.pre_llm"], "the calls on the way in");
    ensure_eq!(scene.saw("c", "pre_llm")[0]["provider"], json!("two"), "what the next one was given");
    for call in scene.setup.journal.calls_of("b", "post_llm") {
        ensure_eq!((call.text("provider"), call.text("model")), ("two", "elsewhere"), "the facts on the way back");
    }
    let summary = &scene.saw("c", "post_request")[0];
    ensure_eq!((&summary["provider"], &summary["model"]), (&json!("two"), &json!("elsewhere")), "the summary");
    Ok(())
}

async fn reroute_fallback(host: &dyn Host) -> Outcome {
    let target = json!({ "target": { "provider": "two", "model": "elsewhere" } });
    let scene =
        Scene::set(host, &[json!({ "pre_llm": [target] })], &[], &[broken(), ScriptedAnswer::text("ok")]).await?;
    let answer = scene.send(&Ask::new("r-1").fallbacks(&["one/n"])).await?;
    ensure_eq!((answer.status, scene.asked()), (200, (0, 2)), "{}", answer.body);
    Ok(())
}

async fn reroute_nowhere(host: &dyn Host) -> Outcome {
    let target = json!({ "target": { "provider": "nobody", "model": "m" } });
    let scene = Scene::set(host, &[json!({ "pre_llm": [target], "post_llm": [] })], &[], &[]).await?;
    let answer = scene.send(&Ask::new("r-1").fallbacks(&["two/m"])).await?;
    ensure_eq!((answer.status, answer.error_type()), (404, "not_found".to_owned()), "{}", answer.body);
    let lines = ["a.pre_llm", "a.post_llm:error", "a.pre_llm", "a.post_llm:error"];
    ensure_eq!(scene.setup.journal.lines(), lines, "the calls");
    Ok(())
}
