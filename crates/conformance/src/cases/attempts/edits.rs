//! Edits reach whom they are for.

use super::{Scene, WAYS, ask};
use crate::case::{Case, Cases, Group, Outcome, ensure, ensure_eq};
use crate::gateway::Ask;
use crate::host::Host;
use crate::plugins::{EVERY_HOOK, EVERY_HOOK_WAITING};
use crate::setup::{Setup, at_hooks_of};
use crate::sse;
use gatewright_model::{Dialect, Message};
use gatewright_plugin::Hook;
use gatewright_testkit::ScriptedAnswer;
use serde_json::json;

pub(super) fn cases(list: &mut Vec<Case>) {
    let mut cases = Cases::of(Group::Attempts, list);
    for (dialect, stream, way) in WAYS {
        cases.add(
            format!("edit/pre_llm/{way}"),
            "An edit of pre_llm reaches the provider",
            &[Hook::PreLlm],
            async move |host| of_request(host, json!({ "pre_llm": [{ "edit": "-edited" }] }), dialect, stream).await,
        );
        cases.add(
            format!("edit/post_llm/{way}"),
            "An edit of post_llm reaches the client, and check_output before it",
            &[Hook::PostLlm, Hook::CheckOutput],
            async move |host| of_answer(host, dialect, stream).await,
        );
    }
    cases.add(
        "texts/pre_llm",
        "Texts that are replaced without a look at the rest reach the next hook and the provider, and the others stay",
        &[Hook::PreLlm],
        texts_alone,
    );
    cases.add(
        "edit/http_request",
        "An edit of http_request is what the later layers read",
        &[Hook::HttpRequest, Hook::CheckInput],
        http_request,
    );
    cases.add(
        "edit/http_response",
        "An edit of http_response reaches the client",
        &[Hook::HttpResponse],
        http_response,
    );
    cases.add(
        "edit/http_stream_chunk",
        "An edit of http_stream_chunk reaches the client",
        &[Hook::HttpStreamChunk],
        http_stream_chunk,
    );
    cases.add("drop/http_stream_chunk", "A chunk that is dropped does not", &[Hook::HttpStreamChunk], chunk_dropped);
    cases.add(
        "end/http_stream_chunk",
        "A stream that is ended has an error event, no end of its own, and its upstream is cancelled",
        &[Hook::HttpStreamChunk],
        stream_ended,
    );
    cases.add("drop/post_llm", "A chunk that post_llm drops does not reach the client", &[Hook::PostLlm], llm_dropped);
    cases.add(
        "metadata",
        "What hooks attach on the way is in the summary",
        &[Hook::CheckInput, Hook::PreLlm, Hook::PostRequest],
        metadata,
    );
}

async fn of_request(host: &dyn Host, script: serde_json::Value, dialect: Dialect, stream: bool) -> Outcome {
    let said = sse::texts(Dialect::OpenAi, &["fine"]);
    let answer = if stream { ScriptedAnswer::stream(said) } else { ScriptedAnswer::text("fine") };
    let scene = Scene::set(host, &[script], &[answer], &[]).await?;
    let answer = scene.send(&ask(dialect, stream)).await?;
    ensure_eq!((answer.status, answer.text()), (200, "fine".to_owned()), "{}", answer.body);
    let asked = scene.one.calls();
    let said = asked[0].request.chat()?.messages.get(0).map(Message::joined_text);
    ensure_eq!(said.as_deref(), Some("hello-edited"), "what the provider was asked");
    Ok(())
}

async fn texts_alone(host: &dyn Host) -> Outcome {
    let mut setup = Setup::new(host);
    // Twice, so that the second finds what the first left. Of calls that are recorded in brief nothing is looked at.
    let hooks = json!({ "pre_llm": [{ "replace": ["sk-1", "***"] }, { "replace": ["***", "[KEY]"] }] });
    let settings = at_hooks_of(&hooks);
    setup.add("a", &EVERY_HOOK, json!({ "hooks": hooks, "brief": "r-" }), settings).await?;
    setup.scripted("b", &EVERY_HOOK_WAITING, json!({ "pre_llm": [] })).await?;
    let scene = Scene::of(setup, &[], &[])?;
    let asked = json!([{ "role": "system", "content": "be kind" }, { "role": "user", "content": "my key is sk-1" }]);
    scene.send(&Ask::new("r-1").with("messages", asked)).await?;
    let saw = scene.saw("b", "pre_llm")[0].to_string();
    ensure!(saw.contains("my key is [KEY]") && saw.contains("be kind"), "what the next hook saw: {saw}");
    let mut said = Vec::new();
    scene.one.calls()[0].request.texts(|of, text| said.push((of.role, text.to_owned())))?;
    let said: Vec<_> = said.iter().map(|(role, text)| (role.as_str(), text.as_str())).collect();
    ensure_eq!(said, [("system", "be kind"), ("user", "my key is [KEY]")], "what the provider was asked");
    Ok(())
}

async fn of_answer(host: &dyn Host, dialect: Dialect, stream: bool) -> Outcome {
    let said = sse::texts(Dialect::OpenAi, &["fine"]);
    let answer = if stream { ScriptedAnswer::stream(said) } else { ScriptedAnswer::text("fine") };
    let edits = json!([{ "edit": "-edited" }]);
    let scripts = [json!({ "post_llm:chunk": edits, "post_llm:response": edits }), json!({ "check_output": [] })];
    let scene = Scene::set(host, &scripts, &[answer], &[]).await?;
    let answer = scene.send(&ask(dialect, stream)).await?;
    ensure!(answer.status == 200 && answer.text().contains("fine-edited"), "{}", answer.body);
    let checked = scene.saw("b", "check_output");
    let last = &checked[checked.len() - 1];
    ensure!(last["texts"][0]["text"].to_string().contains("fine-edited"), "what was checked: {last}");
    ensure!(last["response"].to_string().contains("fine-edited"), "the response that was checked: {last}");
    Ok(())
}

async fn http_request(host: &dyn Host) -> Outcome {
    let scripts = [json!({ "http_request": [{ "replace": ["hello", "goodbye"] }] }), json!({ "check_input": [] })];
    let scene = Scene::set(host, &scripts, &[], &[]).await?;
    scene.send(&Ask::new("r-1")).await?;
    ensure!(scene.saw("b", "check_input")[0].to_string().contains("goodbye"), "what was checked");
    let said = scene.one.calls()[0].request.chat()?.messages.get(0).map(Message::joined_text);
    ensure_eq!(said.as_deref(), Some("goodbye"), "what the provider was asked");
    Ok(())
}

async fn http_response(host: &dyn Host) -> Outcome {
    let scripts = [json!({ "http_response": [{ "replace": ["ok", "edited"] }] })];
    let scene = Scene::set(host, &scripts, &[], &[]).await?;
    let answer = scene.send(&Ask::new("r-1")).await?;
    ensure_eq!((answer.status, answer.text()), (200, "edited".to_owned()), "{}", answer.body);
    Ok(())
}

fn three_chunks() -> ScriptedAnswer {
    ScriptedAnswer::stream(sse::texts(Dialect::OpenAi, &["one ", "two ", "three"]))
}

async fn http_stream_chunk(host: &dyn Host) -> Outcome {
    let scripts = [
        json!({ "http_stream_chunk": [{ "replace": ["2", "two"] }] }),
        json!({ "http_stream_chunk": [{ "replace": ["two ", "2 "] }] }),
    ];
    let scene = Scene::set(host, &scripts, &[three_chunks()], &[]).await?;
    let answer = scene.send(&Ask::new("r-1").stream()).await?;
    // The last plugin first: what it made of it, the first one takes back.
    ensure_eq!((answer.status, answer.text()), (200, "one two three".to_owned()), "{}", answer.body);
    ensure!(scene.saw("a", "http_stream_chunk").iter().any(|saw| saw.to_string().contains("2 ")), "what came to it");
    ensure!(answer.is_done(), "it did not end well: {}", answer.body);
    Ok(())
}

async fn chunk_dropped(host: &dyn Host) -> Outcome {
    let scripts = [json!({ "http_stream_chunk": [] }), json!({ "http_stream_chunk": [{ "drop_on": "two" }] })];
    let scene = Scene::set(host, &scripts, &[three_chunks()], &[]).await?;
    let answer = scene.send(&Ask::new("r-1").stream()).await?;
    ensure_eq!((answer.status, answer.text()), (200, "one three".to_owned()), "{}", answer.body);
    ensure!(answer.is_done(), "it did not end well: {}", answer.body);
    let seen = scene.saw("a", "http_stream_chunk").iter().any(|saw| saw.to_string().contains("two"));
    ensure!(!seen, "the one before saw a chunk that was dropped");
    Ok(())
}

async fn stream_ended(host: &dyn Host) -> Outcome {
    let hooks = json!({ "http_stream_chunk": [{ "block_on": "two" }], "post_llm": [], "on_error": [] });
    let scene = Scene::set(host, &[hooks], &[three_chunks().then(gatewright_testkit::Piece::Hang)], &[]).await?;
    let answer = scene.send(&Ask::new("r-1").stream()).await?;
    ensure_eq!((answer.status, answer.text()), (200, "one ".to_owned()), "{}", answer.body);
    ensure_eq!(answer.stream_error()["type"], json!("guardrail_blocked"), "the error: {}", answer.body);
    ensure!(!answer.is_done(), "the stream looks complete: {}", answer.body);
    let ends: Vec<String> = scene.setup.journal.lines().into_iter().filter(|line| !line.contains("chunk")).collect();
    ensure_eq!(ends.iter().filter(|line| line.contains("post_llm")).count(), 1, "the ends of the attempt: {ends:?}");
    ensure_eq!(scene.one.open(), 0, "streams that the provider still sends");
    Ok(())
}

async fn llm_dropped(host: &dyn Host) -> Outcome {
    let scripts = [json!({ "post_llm:chunk": [{ "drop_on": "two" }] })];
    let scene = Scene::set(host, &scripts, &[three_chunks()], &[]).await?;
    let answer = scene.send(&Ask::new("r-1").stream()).await?;
    ensure_eq!((answer.status, answer.text()), (200, "one three".to_owned()), "{}", answer.body);
    ensure!(answer.is_done(), "it did not end well: {}", answer.body);
    Ok(())
}

async fn metadata(host: &dyn Host) -> Outcome {
    let scripts = [
        json!({ "check_input": [{ "metadata": ["score", 0.5] }], "post_request": [] }),
        json!({ "pre_llm": [{ "metadata": ["cached", false] }] }),
    ];
    let scene = Scene::set(host, &scripts, &[], &[]).await?;
    scene.send(&Ask::new("r-1")).await?;
    let attached = json!([
        { "plugin": "a", "hook": "check_input", "metadata": { "score": 0.5 } },
        { "plugin": "b", "hook": "pre_llm", "metadata": { "cached": false } },
    ]);
    ensure_eq!(scene.saw("a", "post_request")[0]["metadata"], attached, "what is kept");
    Ok(())
}
