//! `post_llm` turns errors into responses and responses into errors.

use super::{Scene, WAYS, ask, broken};
use crate::case::{Case, Cases, Group, Outcome, ensure, ensure_eq};
use crate::gateway::Ask;
use crate::host::Host;
use crate::plugins::EVERY_HOOK;
use crate::setup::{Setup, at_hooks_of, script};
use crate::sse;
use gatewright_model::Dialect;
use gatewright_pipeline::Settings;
use gatewright_plugin::{FailureMode, Hook};
use gatewright_testkit::ScriptedAnswer;
use serde_json::json;

pub(super) fn cases(list: &mut Vec<Case>) {
    let mut cases = Cases::of(Group::Attempts, list);
    let pair = [Hook::PreLlm, Hook::PostLlm];
    for (dialect, stream, way) in WAYS {
        cases.add(
            format!("recover/{way}"),
            "A post_llm that turns the error into a response recovers the request, without a fallback",
            &[Hook::PostLlm],
            async move |host| recover(host, dialect, stream).await,
        );
        cases.add(
            format!("invalidate/{way}"),
            "A post_llm that turns the response into an error refuses it",
            &[Hook::PostLlm],
            async move |host| invalidate(host, dialect, stream).await,
        );
    }
    cases.add("recover/in_order", "The ones before see the response that it was recovered into", &pair, in_order);
    cases.add("recover/of_a_plugin", "What one plugin failed another may recover", &pair, of_a_plugin);
    cases.add("recover/not_a_guard", "What a guard that failed ended nobody recovers", &pair, async |host| {
        not_a_guard(host, false).await
    });
    cases.add(
        "recover/not_a_guard_in_stream",
        "What a guard that failed ended nobody recovers, in a stream neither",
        &pair,
        async |host| not_a_guard(host, true).await,
    );
    cases.add(
        "recover/not_a_guard_on_the_way_back",
        "What a guard that failed in post_llm ended nobody recovers",
        &pair,
        not_a_guard_on_the_way_back,
    );
    cases.add(
        "recover/in_the_middle",
        "A stream that breaks in its middle can be recovered into its end",
        &[Hook::PostLlm],
        in_the_middle,
    );
    cases.add(
        "recover/held_back",
        "A stream that breaks while it is held back is recovered whole: nothing of it is left",
        &[Hook::PostLlm, Hook::CheckOutput],
        held_back,
    );
    cases.add(
        "invalidate/a_chunk",
        "A chunk can become only a chunk: what makes more of it is a failure",
        &[Hook::PostLlm],
        chunk_to_error,
    );
}

async fn recover(host: &dyn Host, dialect: Dialect, stream: bool) -> Outcome {
    let scripts = [json!({ "post_llm:error": [{ "recover": "saved" }], "on_error": [], "post_request": [] })];
    let scene = Scene::set(host, &scripts, &[broken()], &[]).await?;
    let answer = scene.send(&ask(dialect, stream).fallbacks(&["two/m"])).await?;
    ensure_eq!((answer.status, answer.text()), (200, "saved".to_owned()), "the answer: {}", answer.body);
    ensure_eq!(answer.is_done(), stream, "whether it is a stream that came to its end: {}", answer.body);
    ensure_eq!(scene.asked(), (1, 0), "attempts at the providers");
    ensure_eq!(scene.setup.journal.lines(), ["a.post_llm:error", "a.post_request"], "the calls");
    ensure_eq!(scene.saw("a", "post_request")[0]["status"], json!("success"), "the summary");
    Ok(())
}

async fn invalidate(host: &dyn Host, dialect: Dialect, stream: bool) -> Outcome {
    let error = json!([{ "invalidate": { "kind": "rate_limit", "message": "not like this" } }]);
    let scripts = [json!({ "post_llm:response": error, "post_llm:end": error, "on_error": [], "post_request": [] })];
    let said = if stream {
        ScriptedAnswer::stream(sse::texts(Dialect::OpenAi, &["fine"]))
    } else {
        ScriptedAnswer::text("fine")
    };
    let scene = Scene::set(host, &scripts, &[said], &[]).await?;
    let answer = scene.send(&ask(dialect, stream)).await?;
    if stream {
        let error = answer.stream_error();
        ensure_eq!((answer.status, &error["type"]), (200, &json!("rate_limit")), "the stream: {}", answer.body);
        ensure!(!answer.is_done(), "the stream looks complete: {}", answer.body);
    } else {
        ensure_eq!((answer.status, answer.error_type()), (429, "rate_limit".to_owned()), "{}", answer.body);
    }
    ensure_eq!(scene.saw("a", "on_error").len(), 1, "how often on_error was told");
    ensure_eq!(scene.saw("a", "post_request")[0]["error"], json!("rate_limit"), "the summary");
    Ok(())
}

async fn in_order(host: &dyn Host) -> Outcome {
    let recovers = json!({ "pre_llm": [], "post_llm:error": [{ "recover": "saved" }] });
    let looks_on = json!({ "pre_llm": [], "post_llm": [{ "edit": "!" }] });
    let scene = Scene::set(host, &[looks_on.clone(), recovers, looks_on], &[broken()], &[]).await?;
    let answer = scene.send(&Ask::new("r-1")).await?;
    let back: Vec<String> = scene.setup.journal.lines().into_iter().filter(|line| line.contains("post_llm")).collect();
    ensure_eq!(back, ["c.post_llm:error", "b.post_llm:error", "a.post_llm:response"], "what each was given");
    ensure_eq!(answer.text(), "saved!", "the answer, edited by the one before");
    Ok(())
}

async fn of_a_plugin(host: &dyn Host) -> Outcome {
    let scripts = [
        json!({ "pre_llm": [], "post_llm:error": [{ "recover": "saved" }] }),
        json!({ "pre_llm": [{ "decide": { "error": { "kind": "rate_limit", "message": "no" } } }] }),
    ];
    let scene = Scene::set(host, &scripts, &[], &[]).await?;
    let answer = scene.send(&Ask::new("r-1")).await?;
    ensure_eq!((answer.status, answer.text()), (200, "saved".to_owned()), "the answer: {}", answer.body);
    Ok(())
}

/// A guard, `b`, that fails at a hook, behind `a`, which recovers whatever it can.
async fn guarded<'h>(host: &'h dyn Host, hooks: serde_json::Value) -> Result<Scene<'h>, crate::case::CaseFailure> {
    let mut setup = Setup::new(host);
    let recovers = json!({ "pre_llm": [], "post_llm:error": [{ "recover": "saved" }] });
    setup.scripted("a", &EVERY_HOOK, recovers).await?;
    let closed = Settings { failure_mode: Some(FailureMode::Closed), ..at_hooks_of(&hooks) };
    setup.add("b", &EVERY_HOOK, script(hooks), closed).await?;
    Scene::of(setup, &[], &[])
}

async fn not_a_guard(host: &dyn Host, stream: bool) -> Outcome {
    let scene = guarded(host, json!({ "pre_llm": [{ "fail": "broken" }] })).await?;
    let answer = scene.send(&ask(Dialect::OpenAi, stream)).await?;
    ensure_eq!((answer.status, answer.error_type()), (503, "plugin_unavailable".to_owned()), "{}", answer.body);
    ensure_eq!(scene.setup.journal.lines(), ["a.pre_llm", "b.pre_llm", "a.post_llm:error"], "the calls");
    Ok(())
}

async fn not_a_guard_on_the_way_back(host: &dyn Host) -> Outcome {
    for stream in [false, true] {
        let hooks = json!({ "pre_llm": [], "post_llm:response": [{ "fail": "x" }], "post_llm:end": [{ "fail": "x" }] });
        let mut scene = guarded(host, hooks).await?;
        let said = sse::texts(Dialect::OpenAi, &["fine"]);
        scene.one = scene.one.answer(if stream { ScriptedAnswer::stream(said) } else { ScriptedAnswer::text("fine") });
        let answer = scene.send(&ask(Dialect::OpenAi, stream)).await?;
        let error = if stream { answer.stream_error() } else { answer.error() };
        ensure_eq!(error["type"], json!("plugin_unavailable"), "stream {stream}: {}", answer.body);
        ensure!(!answer.is_done(), "the stream looks complete: {}", answer.body);
    }
    Ok(())
}

async fn in_the_middle(host: &dyn Host) -> Outcome {
    let scripts = [json!({ "post_llm:error": [{ "recover": "saved" }], "post_request": [] })];
    let begun = sse::begun(Dialect::OpenAi, &[sse::Say::Text(0, "begun")]);
    let scene = Scene::set(host, &scripts, &[ScriptedAnswer::stream(begun)], &[]).await?;
    let answer = scene.send(&Ask::new("r-1").stream()).await?;
    ensure_eq!((answer.status, answer.text()), (200, "begun".to_owned()), "the stream: {}", answer.body);
    ensure!(answer.is_done() && answer.stream_error().is_null(), "it did not end well: {}", answer.body);
    ensure_eq!(scene.saw("a", "post_request")[0]["status"], json!("success"), "the summary");
    Ok(())
}

async fn held_back(host: &dyn Host) -> Outcome {
    let scripts = [json!({ "post_llm:error": [{ "recover": "saved" }], "check_output": [] })];
    let begun = sse::begun(Dialect::OpenAi, &[sse::Say::Text(0, "begun")]);
    let scene = Scene::set(host, &scripts, &[ScriptedAnswer::stream(begun)], &[]).await?;
    let answer = scene.send(&Ask::new("r-1").stream()).await?;
    ensure_eq!((answer.status, answer.text()), (200, "saved".to_owned()), "the stream: {}", answer.body);
    let checked: Vec<String> =
        scene.saw("a", "check_output").iter().map(|saw| saw["texts"][0]["text"].to_string()).collect();
    ensure_eq!(checked, ["\"saved\""], "what was checked");
    Ok(())
}

async fn chunk_to_error(host: &dyn Host) -> Outcome {
    for mode in [FailureMode::Open, FailureMode::Closed] {
        let error = json!([{ "invalidate_on": ["bad", { "kind": "rate_limit", "message": "enough" }] }]);
        let hooks = json!({ "post_llm:chunk": error, "post_llm:error": [], "post_llm:end": [] });
        let mut setup = Setup::new(host);
        let settings = Settings { failure_mode: Some(mode), ..at_hooks_of(&hooks) };
        setup.add("a", &EVERY_HOOK, script(hooks), settings).await?;
        let said = ScriptedAnswer::stream(sse::texts(Dialect::OpenAi, &["good ", "bad ", "more"]));
        let scene = Scene::of(setup, &[said], &[])?;
        let answer = scene.send(&Ask::new("r-1").stream()).await?;
        let closed = mode == FailureMode::Closed;
        let expected = if closed { "good " } else { "good bad more" };
        ensure_eq!((answer.status, answer.text().as_str()), (200, expected), "the stream: {}", answer.body);
        ensure_eq!(answer.is_done(), !closed, "whether it came to its end: {}", answer.body);
        let ends: Vec<String> =
            scene.setup.journal.lines().into_iter().filter(|line| !line.contains("chunk")).collect();
        ensure_eq!(ends, [if closed { "a.post_llm:error" } else { "a.post_llm:end" }], "the end of the attempt");
    }
    Ok(())
}
