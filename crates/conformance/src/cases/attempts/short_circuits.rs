//! A plugin answers in the provider's place, or says no.

use super::{Scene, WAYS, ask};
use crate::case::{Case, Cases, Group, Outcome, ensure, ensure_eq};
use crate::gateway::Ask;
use crate::host::Host;
use gatewright_model::Dialect;
use gatewright_plugin::Hook;
use serde_json::{Value as Json, json};

pub(super) fn cases(list: &mut Vec<Case>) {
    let mut cases = Cases::of(Group::Attempts, list);
    for (dialect, stream, way) in WAYS {
        cases.add(
            format!("respond/{way}"),
            "A plugin's response reaches the client in its dialect, as a stream if it wants one",
            &[Hook::PreLlm],
            async move |host| answered(host, json!({ "respond": "by a plugin" }), dialect, stream).await,
        );
        cases.add(
            format!("stream/{way}"),
            "A plugin's stream reaches the client in its dialect, whole if it wants no stream",
            &[Hook::PreLlm],
            async move |host| answered(host, json!({ "stream": ["by ", "a ", "plugin"] }), dialect, stream).await,
        );
        cases.add(
            format!("error/{way}"),
            "A plugin's error reaches the client with its status, before anything of a stream",
            &[Hook::PreLlm],
            async move |host| refused(host, dialect, stream).await,
        );
        cases.add(
            format!("block_input/{way}"),
            "A block of check_input is a 403 in the client's envelope, and nobody is asked",
            &[Hook::CheckInput],
            async move |host| block_input(host, dialect, stream).await,
        );
        cases.add(
            format!("block_output/{way}"),
            "A block of check_output is a 403 in the client's envelope, before anything of a stream",
            &[Hook::CheckOutput],
            async move |host| block_output(host, dialect, stream).await,
        );
    }
    cases.add(
        "block/status_and_code",
        "A block may have a status and a code of its own",
        &[Hook::CheckInput],
        block_status,
    );
    cases.add(
        "block/without_reason",
        "A block without a reason has one for the client",
        &[Hook::CheckInput],
        block_without_reason,
    );
    cases.add(
        "stream_fails/panic",
        "A plugin's stream that panics ends the client's with an error event",
        &[Hook::PreLlm],
        async |host| stream_fails(host, json!({ "stream_panic": ["first"] })).await,
    );
    cases.add(
        "stream_fails/timeout",
        "A plugin's stream that hangs ends the client's with an error event, within the plugin's timeout",
        &[Hook::PreLlm],
        async |host| stream_fails(host, json!({ "stream_hang": ["first"] })).await,
    );
    cases.add(
        "stream_without_end",
        "A plugin's stream is over when it gives no more chunks",
        &[Hook::PreLlm],
        stream_without_end,
    );
}

async fn answered(host: &dyn Host, decision: Json, dialect: Dialect, stream: bool) -> Outcome {
    let scripts = [json!({ "pre_llm": [{ "decide": decision }] }), json!({ "pre_llm": [], "post_request": [] })];
    let scene = Scene::set(host, &scripts, &[], &[]).await?;
    let answer = scene.send(&ask(dialect, stream)).await?;
    ensure_eq!((answer.status, answer.text()), (200, "by a plugin".to_owned()), "the answer: {}", answer.body);
    ensure_eq!(answer.is_done(), stream, "whether it is a stream that came to its end: {}", answer.body);
    ensure_eq!(scene.asked(), (0, 0), "attempts at the providers");
    ensure_eq!(scene.setup.journal.lines(), ["a.pre_llm", "b.post_request"], "the calls");
    let summary = &scene.saw("b", "post_request")[0];
    ensure_eq!((&summary["status"], &summary["http_status"]), (&json!("success"), &json!(200)), "the summary");
    Ok(())
}

async fn refused(host: &dyn Host, dialect: Dialect, stream: bool) -> Outcome {
    let decision = json!({ "error": { "kind": "insufficient_quota", "message": "the budget is spent" } });
    let scripts = [json!({ "pre_llm": [{ "decide": decision }], "post_request": [] })];
    let scene = Scene::set(host, &scripts, &[], &[]).await?;
    let answer = scene.send(&ask(dialect, stream)).await?;
    let error = answer.error();
    ensure_eq!((answer.status, answer.error_type()), (402, "insufficient_quota".to_owned()), "{}", answer.body);
    ensure_eq!(error["message"], json!("the budget is spent"), "the message");
    ensure_eq!(scene.asked(), (0, 0), "attempts at the providers");
    let summary = &scene.saw("a", "post_request")[0];
    ensure_eq!((&summary["status"], &summary["http_status"]), (&json!("error"), &json!(402)), "the summary");
    Ok(())
}

/// What the client gets of a block.
fn is_blocked(answer: &crate::gateway::HttpAnswer, plugin: &str, reason: &str) -> Outcome {
    let error = answer.error();
    ensure_eq!((answer.status, answer.error_type()), (403, "guardrail_blocked".to_owned()), "{}", answer.body);
    ensure_eq!(
        (&error["message"], &error["plugin"], &error["code"]),
        (&json!(reason), &json!(plugin), &json!("content_blocked")),
        "the envelope"
    );
    let id = [&error["request_id"], &answer.json()["request_id"]].into_iter().any(|id| *id == json!("r-1"));
    ensure!(id, "the request's id is not in the envelope: {}", answer.body);
    ensure_eq!(answer.headers.get("x-request-id").map(String::as_str), Some("r-1"), "the header");
    Ok(())
}

async fn block_input(host: &dyn Host, dialect: Dialect, stream: bool) -> Outcome {
    let scripts = [
        json!({ "check_input": [], "pre_llm": [], "pre_request": [], "post_request": [], "on_error": [] }),
        json!({ "check_input": [{ "metadata": ["matched", "hello"] }, { "block_on": "hello" }] }),
        json!({ "check_input": [] }),
    ];
    let scene = Scene::set(host, &scripts, &[], &[]).await?;
    let answer = scene.send(&ask(dialect, stream)).await?;
    is_blocked(&answer, "b", "it holds hello")?;
    ensure_eq!(scene.asked(), (0, 0), "attempts at the providers");
    let lines = ["a.pre_request", "a.check_input", "b.check_input", "a.on_error", "a.post_request"];
    ensure_eq!(scene.setup.journal.lines(), lines, "the calls");
    let summary = &scene.saw("a", "post_request")[0];
    ensure_eq!((&summary["status"], &summary["http_status"]), (&json!("guardrail_blocked"), &json!(403)), "summary");
    let attached = json!([{ "plugin": "b", "hook": "check_input", "metadata": { "matched": "hello" } }]);
    ensure_eq!(summary["metadata"], attached, "what the block carried");
    Ok(())
}

async fn block_output(host: &dyn Host, dialect: Dialect, stream: bool) -> Outcome {
    let text = "the secret";
    let body = json!({
        "id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": text } }],
        "usage": { "prompt_tokens": 3, "completion_tokens": 7, "total_tokens": 10 },
    });
    let said = match stream {
        true => {
            let used = json!({ "id": "c", "choices": [], "usage": body["usage"] });
            let stream = crate::sse::texts(Dialect::OpenAi, &["the ", "secret"]);
            let stream = stream.replace("data: [DONE]", &format!("data: {used}\n\ndata: [DONE]"));
            gatewright_testkit::ScriptedAnswer::stream(stream)
        }
        false => gatewright_testkit::ScriptedAnswer::Body(body.to_string().into()),
    };
    let scripts = [json!({ "check_output": [{ "block_on": "secret" }], "post_llm": [], "post_request": [] })];
    let scene = Scene::set(host, &scripts, &[said], &[]).await?;
    let answer = scene.send(&ask(dialect, stream)).await?;
    is_blocked(&answer, "a", "it holds secret")?;
    ensure!(!answer.body.contains("the secret"), "the client got what was blocked: {}", answer.body);
    let summary = &scene.saw("a", "post_request")[0];
    ensure_eq!(summary["status"], json!("guardrail_blocked"), "the summary");
    let used = (&summary["usage"]["input_tokens"], &summary["usage"]["output_tokens"]);
    ensure_eq!(used, (&json!(3), &json!(7)), "the tokens, which were used all the same");
    Ok(())
}

async fn block_status(host: &dyn Host) -> Outcome {
    let block = json!({ "block": { "reason": "not in this country", "status": 451, "code": "geo" } });
    let scripts = [json!({ "check_input": [{ "decide": block }] })];
    let scene = Scene::set(host, &scripts, &[], &[]).await?;
    let answer = scene.send(&Ask::new("r-1")).await?;
    ensure_eq!((answer.status, answer.error_type()), (451, "guardrail_blocked".to_owned()), "{}", answer.body);
    ensure_eq!(answer.error()["code"], json!("geo"), "the code");
    Ok(())
}

async fn block_without_reason(host: &dyn Host) -> Outcome {
    let block = json!({ "block": { "reason": "", "status": null, "code": null } });
    let scripts = [json!({ "check_input": [{ "decide": block }] })];
    let scene = Scene::set(host, &scripts, &[], &[]).await?;
    let answer = scene.send(&Ask::new("r-1")).await?;
    is_blocked(&answer, "a", "Blocked by plugin")
}

async fn stream_fails(host: &dyn Host, decision: Json) -> Outcome {
    let mut setup = crate::setup::Setup::new(host);
    let hooks = json!({ "pre_llm": [{ "decide": decision }], "post_llm": [], "post_request": [] });
    let short = Some(std::time::Duration::from_millis(50) * host.patience());
    let settings = gatewright_pipeline::Settings { timeout: short, ..crate::setup::at_hooks_of(&hooks) };
    setup.add("a", &crate::plugins::EVERY_HOOK, crate::setup::script(hooks), settings).await?;
    let scene = Scene::of(setup, &[], &[])?;
    let started = std::time::Instant::now();
    let answer = scene.send(&Ask::new("r-1").stream()).await?;
    ensure!(started.elapsed() < std::time::Duration::from_secs(4), "it took {:?}", started.elapsed());
    ensure_eq!((answer.status, answer.text()), (200, "first".to_owned()), "what came before: {}", answer.body);
    let error = answer.stream_error();
    ensure_eq!((&error["type"], &error["plugin"]), (&json!("plugin_unavailable"), &json!("a")), "{}", answer.body);
    ensure!(!answer.is_done(), "the stream looks complete: {}", answer.body);
    let ends: Vec<String> = scene.setup.journal.lines().into_iter().filter(|line| !line.contains("chunk")).collect();
    ensure_eq!(ends, ["a.pre_llm", "a.post_llm:error", "a.post_request"], "the calls");
    Ok(())
}

async fn stream_without_end(host: &dyn Host) -> Outcome {
    for (dialect, stream, way) in WAYS {
        let scripts = [json!({ "pre_llm": [{ "decide": { "stream_bare": ["by ", "a plugin"] } }] })];
        let scene = Scene::set(host, &scripts, &[], &[]).await?;
        let answer = scene.send(&ask(dialect, stream)).await?;
        ensure_eq!((answer.status, answer.text()), (200, "by a plugin".to_owned()), "{way}: {}", answer.body);
        ensure_eq!(answer.is_done(), stream, "{way}: whether it is a stream that came to its end: {}", answer.body);
    }
    Ok(())
}
