//! What is not text keeps its place.

use super::{DIALECTS, Stage};
use crate::case::{Case, Cases, Group, Outcome, ensure_eq};
use crate::host::Host;
use crate::sse::{self, Say};
use gatewright_model::Dialect;
use gatewright_plugin::{Hook, StreamMode};
use gatewright_testkit::ScriptedAnswer;
use serde_json::json;

pub(super) fn cases(list: &mut Vec<Case>) {
    let mut cases = Cases::of(Group::Streams, list);
    for (dialect, word) in DIALECTS {
        for hook in [Hook::CheckOutput, Hook::OnStreamChunk, Hook::PostLlm] {
            cases.add(
                format!("barriers/{hook}/{word}"),
                "Events that are not text keep their place among the texts, in every mode",
                &[hook],
                async move |host| barriers(host, hook, dialect).await,
            );
        }
    }
    cases.add(
        "finals",
        "The end of each channel is told once, after all of its text",
        &[Hook::OnStreamChunk, Hook::CheckOutput],
        finals,
    );
    cases.add(
        "post_llm/reverse",
        "post_llm takes each chunk last plugin first; the end comes once",
        &[Hook::PostLlm],
        reverse,
    );
}

async fn barriers(host: &dyn Host, hook: Hook, dialect: Dialect) -> Outcome {
    let said = [
        Say::Think("first "),
        Say::Think("I think"),
        Say::Text(0, "then "),
        Say::Text(0, "I speak"),
        Say::Tool(0, "{\"q\":"),
        Say::Tool(0, "1}"),
        Say::Tool(1, "{}"),
    ];
    let stream = sse::stream(dialect, &said);
    let bare = Stage::many(host, &[]).await?.play(dialect, ScriptedAnswer::stream(stream.clone())).await?;
    ensure_eq!(bare.end(), Ok(()), "without a hook");
    for mode in
        [StreamMode::Buffer, StreamMode::Window(1), StreamMode::Window(64), StreamMode::Chunk, StreamMode::Observe]
    {
        let stage = Stage::one(host, hook, mode, json!([])).await?;
        let left = stage.play(dialect, ScriptedAnswer::stream(stream.clone())).await?;
        ensure_eq!((&left.parts, &left.texts), (&bare.parts, &bare.texts), "in {mode:?}");
    }
    Ok(())
}

async fn finals(host: &dyn Host) -> Outcome {
    let said = [Say::Text(0, "one "), Say::Text(0, "two"), Say::Tool(0, "{\"q\":"), Say::Tool(0, "1}")];
    for (dialect, word) in DIALECTS {
        for mode in [StreamMode::Buffer, StreamMode::Window(4), StreamMode::Chunk, StreamMode::Observe] {
            let stage = Stage::one(host, Hook::OnStreamChunk, mode, json!([])).await?;
            stage.play(dialect, ScriptedAnswer::stream(sse::stream(dialect, &said))).await?;
            let saw = stage.saw("a", Hook::OnStreamChunk);
            let ends: Vec<_> =
                saw.iter().filter(|saw| saw["is_final"] == json!(true)).map(|saw| &saw["kind"]).collect();
            let mut sorted = ends.clone();
            sorted.sort_by_key(ToString::to_string);
            ensure_eq!(sorted, [&json!("text"), &json!("tool_arguments")], "{word}, {mode:?}: the ends in {saw:?}");
            for kind in ["text", "tool_arguments"] {
                let of_kind: Vec<_> = saw.iter().filter(|saw| saw["kind"] == json!(kind)).collect();
                let last = of_kind.last().map(|saw| saw["is_final"] == json!(true));
                ensure_eq!(last, Some(true), "{word}, {mode:?}: whether the end of {kind} came last in {saw:?}");
            }
        }
    }
    Ok(())
}

async fn reverse(host: &dyn Host) -> Outcome {
    let hooks = json!({ "pre_llm": [], "post_llm": [] });
    let member = || (hooks.clone(), Hook::PostLlm, StreamMode::Chunk);
    let stage = Stage::many(host, &[member(), member(), member()]).await?;
    stage.play(Dialect::OpenAi, ScriptedAnswer::stream(sse::texts(Dialect::OpenAi, &["x"]))).await?;
    let lines = stage.setup.journal.lines();
    let chunks: Vec<&str> = lines.iter().filter(|line| line.ends_with(":chunk")).map(|line| &line[..1]).collect();
    let in_order = chunks.chunks(3).all(|round| round == ["c", "b", "a"]);
    ensure_eq!((in_order, chunks.len() % 3), (true, 0), "the rounds of chunks: {chunks:?}");
    let ends: Vec<&String> = lines.iter().filter(|line| line.ends_with(":end")).collect();
    ensure_eq!(ends, ["c.post_llm:end", "b.post_llm:end", "a.post_llm:end"], "the ends");
    Ok(())
}
