//! Those that only watch see all, and change nothing.

use super::Stage;
use crate::case::{Case, Cases, Group, Outcome, ensure, ensure_eq};
use crate::host::Host;
use crate::sse;
use gatewright_model::Dialect;
use gatewright_plugin::{Hook, StreamMode};
use gatewright_testkit::ScriptedAnswer;
use serde_json::json;

pub(super) fn cases(list: &mut Vec<Case>) {
    let mut cases = Cases::of(Group::Streams, list);
    cases.add(
        "observe/check_output",
        "check_output that only watches audits the whole and blocks nothing; each of them sees it",
        &[Hook::CheckOutput],
        checks,
    );
    cases.add(
        "observe/on_stream_chunk",
        "on_stream_chunk that only watches sees every text as it came; each of them sees it",
        &[Hook::OnStreamChunk],
        texts,
    );
    cases.add(
        "observe/post_llm",
        "post_llm that only watches sees every chunk and the end, and drops nothing",
        &[Hook::PostLlm],
        post_llm,
    );
}

fn said() -> ScriptedAnswer {
    ScriptedAnswer::stream(sse::texts(Dialect::OpenAi, &["one ", "two"]))
}

async fn checks(host: &dyn Host) -> Outcome {
    let blocks = || (json!({ "check_output": [{ "block_on": "one" }] }), Hook::CheckOutput, StreamMode::Observe);
    let stage = Stage::many(host, &[blocks(), blocks()]).await?;
    let left = stage.play(Dialect::OpenAi, said()).await?;
    ensure_eq!((left.text(), left.end()), ("one two", Ok(())), "what left");
    for plugin in ["a", "b"] {
        let last = stage.saw(plugin, Hook::CheckOutput).pop().unwrap_or_default();
        ensure_eq!(last["texts"][0]["text"], json!("one two"), "what {plugin} saw");
    }
    Ok(())
}

async fn texts(host: &dyn Host) -> Outcome {
    let edits = || (json!({ "on_stream_chunk": [{ "edit": "!" }] }), Hook::OnStreamChunk, StreamMode::Observe);
    let stage = Stage::many(host, &[edits(), edits()]).await?;
    let left = stage.play(Dialect::OpenAi, said()).await?;
    ensure_eq!((left.text(), left.end()), ("one two", Ok(())), "what left");
    for plugin in ["a", "b"] {
        let saw = stage.saw(plugin, Hook::OnStreamChunk);
        let texts: Vec<_> = saw.iter().filter(|saw| saw["is_final"] == json!(false)).map(|saw| &saw["text"]).collect();
        let texts: Vec<_> = texts.into_iter().filter(|text| **text != json!("")).collect();
        ensure_eq!(texts, [&json!("one "), &json!("two")], "what {plugin} saw");
    }
    Ok(())
}

async fn post_llm(host: &dyn Host) -> Outcome {
    let drops = || (json!({ "post_llm:chunk": [{ "decide": "drop" }] }), Hook::PostLlm, StreamMode::Observe);
    let stage = Stage::many(host, &[drops(), drops()]).await?;
    let left = stage.play(Dialect::OpenAi, said()).await?;
    ensure_eq!((left.text(), left.end()), ("one two", Ok(())), "what left");
    for plugin in ["a", "b"] {
        let saw = stage.saw(plugin, Hook::PostLlm);
        let with_text = saw.iter().filter(|saw| saw["chunk"].to_string().contains("Text")).count();
        ensure!(with_text >= 2, "the chunks that {plugin} saw: {saw:?}");
        let ends = saw.iter().filter(|saw| !saw["end"].is_null()).count();
        ensure_eq!(ends, 1, "the ends that {plugin} saw");
    }
    Ok(())
}
