//! Edits of streams, and edits of what has left.

use super::{DIALECTS, Stage, settings};
use crate::case::{Case, CaseFailure, Cases, Group, Outcome, ensure, ensure_eq};
use crate::host::Host;
use crate::sse::{self, Say};
use gatewright_model::{Dialect, ErrorKind};
use gatewright_plugin::{FailureMode, Hook, StreamMode};
use gatewright_testkit::ScriptedAnswer;
use serde_json::{Value as Json, json};

pub(super) fn cases(list: &mut Vec<Case>) {
    let mut cases = Cases::of(Group::Streams, list);
    for (dialect, word) in DIALECTS {
        cases.add(
            format!("edits/chain/{word}"),
            "on_stream_chunk hooks edit one after the other, in every mode that may",
            &[Hook::OnStreamChunk],
            async move |host| chain(host, dialect).await,
        );
        cases.add(
            format!("edits/checked/{word}"),
            "check_output checks what is left after the edits of post_llm and on_stream_chunk",
            &[Hook::PostLlm, Hook::OnStreamChunk, Hook::CheckOutput],
            async move |host| checked(host, dialect).await,
        );
    }
    for mode in [FailureMode::Open, FailureMode::Closed] {
        for (name, hooks, hook) in [
            ("texts", json!({ "on_stream_chunk:final": [{ "edit": "!" }] }), Hook::OnStreamChunk),
            ("end", json!({ "post_llm:end": [{ "edit": "!" }] }), Hook::PostLlm),
            ("end_replaced", json!({ "post_llm:end": [{ "recover": "another" }] }), Hook::PostLlm),
        ] {
            cases.add(
                format!("edits/of_what_left/{name}/{}", mode.as_str()),
                "An edit of what has left is a failure, and never silently lost",
                &[hook],
                async move |host| of_what_left(host, hooks.clone(), hook, mode).await,
            );
        }
        for (name, hooks, hook) in [
            ("on_stream_chunk", json!({ "on_stream_chunk": [{ "replace_held": ["fi", "FI"] }] }), Hook::OnStreamChunk),
            ("post_llm", json!({ "post_llm:chunk": [{ "edit": "!" }] }), Hook::PostLlm),
        ] {
            cases.add(
                format!("edits/of_an_observer/{name}/{}", mode.as_str()),
                "An edit of one that only watches is a failure, and never silently lost",
                &[hook],
                async move |host| of_an_observer(host, hooks.clone(), hook, mode).await,
            );
        }
    }
    cases.add(
        "edits/whole",
        "post_llm in buffer mode edits the whole answer before anything leaves",
        &[Hook::PostLlm],
        whole,
    );
    cases.add(
        "edits/drop_in_window",
        "post_llm in window mode may drop what is held",
        &[Hook::PostLlm],
        drop_in_window,
    );
    cases.add(
        "edits/sources_are_seen",
        "post_llm that holds all may edit what stands beside the blocks of an answer",
        &[Hook::PostLlm],
        sources_are_seen,
    );
    cases.add(
        "edits/whole_is_what_left",
        "At the end of a channel its whole text is the one that left",
        &[Hook::OnStreamChunk, Hook::CheckOutput],
        whole_is_what_left,
    );
    cases.add(
        "edits/answer_for_a_stream",
        "An answer in the place of a stream goes through on_stream_chunk too",
        &[Hook::PreLlm, Hook::OnStreamChunk, Hook::CheckOutput],
        answer_for_a_stream,
    );
}

async fn chain(host: &dyn Host, dialect: Dialect) -> Outcome {
    for mode in [StreamMode::Chunk, StreamMode::Window(10), StreamMode::Buffer] {
        let replace = |old, new| json!({ "on_stream_chunk": [{ "replace": [old, new] }] });
        let hooks = |old, new| match mode {
            StreamMode::Chunk => json!({ "on_stream_chunk": [{ "replace_held": [old, new] }] }),
            _ => replace(old, new),
        };
        let members =
            [(hooks("one", "two"), Hook::OnStreamChunk, mode), (hooks("two", "three"), Hook::OnStreamChunk, mode)];
        let stage = Stage::many(host, &members).await?;
        let left = stage.play(dialect, ScriptedAnswer::stream(sse::texts(dialect, &["say one", " and two"]))).await?;
        ensure_eq!((left.text(), left.end()), ("say three and three", Ok(())), "in {mode:?}");
    }
    Ok(())
}

async fn checked(host: &dyn Host, dialect: Dialect) -> Outcome {
    for mode in [StreamMode::Buffer, StreamMode::Window(4), StreamMode::Chunk] {
        let members = [
            (json!({ "post_llm:chunk": [{ "replace": ["uno", "UNO"] }] }), Hook::PostLlm, StreamMode::Chunk),
            (
                json!({ "on_stream_chunk": [{ "replace_held": ["due", "DUE"] }] }),
                Hook::OnStreamChunk,
                StreamMode::Chunk,
            ),
            (json!({ "check_output": [] }), Hook::CheckOutput, mode),
        ];
        let stage = Stage::many(host, &members).await?;
        let left = stage.play(dialect, ScriptedAnswer::stream(sse::texts(dialect, &["uno ", "due"]))).await?;
        ensure_eq!((left.text(), left.end()), ("UNO DUE", Ok(())), "in {mode:?}");
        for saw in stage.saw("c", Hook::CheckOutput) {
            let text = saw.to_string();
            ensure!(!text.contains("uno") && !text.contains("due"), "in {mode:?} it was given {text}");
        }
    }
    Ok(())
}

/// What left is "fine", whatever the hook tries; a guard's failure ends the stream with an error.
async fn tries(host: &dyn Host, hooks: Json, hook: Hook, mode: StreamMode, failure_mode: FailureMode) -> Outcome {
    let settings = settings(&hooks, hook, mode, failure_mode);
    let stage = Stage::with_settings(host, vec![(hooks, settings)]).await?;
    let left = stage.play(Dialect::OpenAi, ScriptedAnswer::stream(sse::texts(Dialect::OpenAi, &["fi", "ne"]))).await?;
    match failure_mode {
        FailureMode::Open => ensure_eq!((left.text(), left.end()), ("fine", Ok(())), "what left"),
        FailureMode::Closed => {
            ensure!("fine".starts_with(left.text()), "what left: {left:?}");
            ensure_eq!(left.end(), Err(Some(ErrorKind::PluginUnavailable)), "the end");
            let code = left.error.and_then(|error| error.code);
            ensure_eq!(code.as_deref(), Some("malformed"), "what it is told as");
        }
    }
    Ok(())
}

async fn of_what_left(host: &dyn Host, hooks: Json, hook: Hook, mode: FailureMode) -> Outcome {
    tries(host, hooks, hook, StreamMode::Chunk, mode).await
}

async fn of_an_observer(host: &dyn Host, hooks: Json, hook: Hook, mode: FailureMode) -> Outcome {
    tries(host, hooks, hook, StreamMode::Observe, mode).await
}

async fn whole(host: &dyn Host) -> Outcome {
    for (dialect, word) in DIALECTS {
        let steps = json!([{ "replace": ["one two", "three"] }]);
        let stage = Stage::one(host, Hook::PostLlm, StreamMode::Buffer, steps).await?;
        let said = [Say::Text(0, "one "), Say::Text(0, "two"), Say::Tool(0, "{\"a\":"), Say::Tool(0, "1}")];
        let left = stage.play(dialect, ScriptedAnswer::stream(sse::stream(dialect, &said))).await?;
        ensure_eq!((left.text(), left.end()), ("three", Ok(())), "{word}");
        ensure!(left.parts.iter().any(|part| part.starts_with("tool")), "{word}: the tool call: {left:?}");
    }
    Ok(())
}

async fn drop_in_window(host: &dyn Host) -> Outcome {
    let stage = Stage::one(host, Hook::PostLlm, StreamMode::Window(4), json!([{ "drop_on": "bad" }])).await?;
    let said = sse::texts(Dialect::OpenAi, &["good ", "b", "ad", " fine"]);
    let left = stage.play(Dialect::OpenAi, ScriptedAnswer::stream(said)).await?;
    ensure!(!left.text().contains("bad") && left.text().ends_with("fine"), "what left: {left:?}");
    ensure_eq!(left.end(), Ok(()), "the end");
    Ok(())
}

async fn whole_is_what_left(host: &dyn Host) -> Outcome {
    for mode in [StreamMode::Chunk, StreamMode::Observe] {
        let members = [
            (
                json!({ "on_stream_chunk": [{ "replace_held": ["one", "two"] }] }),
                Hook::OnStreamChunk,
                StreamMode::Chunk,
            ),
            (json!({ "on_stream_chunk": [] }), Hook::OnStreamChunk, StreamMode::Chunk),
            (json!({ "check_output": [] }), Hook::CheckOutput, mode),
        ];
        let stage = Stage::many(host, &members).await?;
        let said = sse::texts(Dialect::OpenAi, &["say ", "one"]);
        let left = stage.play(Dialect::OpenAi, ScriptedAnswer::stream(said)).await?;
        ensure_eq!((left.text(), left.end()), ("say two", Ok(())), "what left");
        let last = stage.saw("b", Hook::OnStreamChunk).pop().unwrap_or_default();
        ensure_eq!((&last["text"], &last["is_final"]), (&json!("say two"), &json!(true)), "the end of the channel");
        let check = stage.saw("c", Hook::CheckOutput).pop().unwrap_or_default();
        ensure_eq!(check["texts"][0]["text"], json!("say two"), "the check at the end, in {mode:?}");
        ensure_eq!(check["response"]["choices"][0]["blocks"], json!(["say two"]), "its response, in {mode:?}");
    }
    Ok(())
}

async fn answer_for_a_stream(host: &dyn Host) -> Outcome {
    for steps in [json!([{ "decide": { "respond": "a SECRET" } }]), json!([])] {
        for mode in [StreamMode::Chunk, StreamMode::Window(8), StreamMode::Buffer] {
            let members = [
                (json!({ "pre_llm": steps }), Hook::PreLlm, StreamMode::Chunk),
                (json!({ "on_stream_chunk": [{ "replace_held": ["SECRET", "..."] }] }), Hook::OnStreamChunk, mode),
                (json!({ "check_output": [] }), Hook::CheckOutput, StreamMode::Buffer),
            ];
            let stage = Stage::many(host, &members).await?;
            let left = stage.play(Dialect::OpenAi, ScriptedAnswer::text("a SECRET")).await?;
            ensure_eq!((left.text(), left.end()), ("a ...", Ok(())), "in {mode:?}");
            let checks = stage.saw("c", Hook::CheckOutput);
            ensure_eq!(checks.len(), 1, "how often it was checked");
            ensure_eq!(checks[0]["texts"][0]["text"], json!("a ..."), "what was checked");
        }
    }
    Ok(())
}

async fn sources_are_seen(host: &dyn Host) -> Outcome {
    let steps = json!([{ "replace": ["a source", "nothing"] }]);
    let stage = Stage::one(host, Hook::PostLlm, StreamMode::Buffer, steps).await?;
    let citation = json!({ "type": "char_location", "cited_text": "a source" });
    let delta = json!({ "type": "citations_delta", "citation": citation });
    let event = json!({ "type": "content_block_delta", "index": 0, "delta": delta });
    let cited = format!("event: content_block_delta\ndata: {event}\n\n");
    let said = sse::texts(Dialect::Anthropic, &["said"]);
    let stop = said.find("event: content_block_stop").ok_or_else(|| CaseFailure::new("no block ends"))?;
    let (before, after) = said.split_at(stop);
    let answer = ScriptedAnswer::stream([before, &cited, after].concat());
    let left = stage.play(Dialect::Anthropic, answer).await?;
    ensure_eq!((left.text(), left.end()), ("said", Ok(())), "what left");
    ensure!(!left.texts.values().any(|text| text.contains("a source")), "what left: {left:?}");
    Ok(())
}
