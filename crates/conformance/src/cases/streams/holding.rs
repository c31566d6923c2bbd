//! How much is held back, for how long, and what becomes of it.

use super::{DIALECTS, Stage, settings};
use crate::case::{Case, Cases, Group, Outcome, ensure, ensure_eq};
use crate::host::Host;
use crate::setup::at_hooks_of;
use crate::sse::{self, Say};
use gatewright_model::{Dialect, ErrorKind};
use gatewright_pipeline::{Scope, Settings};
use gatewright_plugin::{FailureMode, Hook, StreamMode};
use gatewright_testkit::{Piece, ScriptedAnswer, ScriptedProvider};
use serde_json::json;
use std::collections::BTreeMap;

pub(super) fn cases(list: &mut Vec<Case>) {
    let mut cases = Cases::of(Group::Streams, list);
    cases.add(
        "defaults",
        "check_output holds all unless it says otherwise; on_stream_chunk and post_llm hold nothing",
        &[Hook::CheckOutput, Hook::OnStreamChunk, Hook::PostLlm],
        defaults,
    );
    for (hook, word) in [(Hook::CheckOutput, "check"), (Hook::OnStreamChunk, "texts"), (Hook::PostLlm, "post_llm")] {
        cases.add(
            format!("window/holds_as_many/{word}"),
            "A window holds back as many characters of each channel as it says, and no more",
            &[hook],
            async move |host| window_holds(host, hook).await,
        );
    }
    cases.add(
        "window/none",
        "A plugin whose manifest asks for a window of nothing is asked all the same",
        &[Hook::CheckOutput],
        window_of_nothing,
    );
    cases.add("window/add_up", "Windows add up", &[Hook::CheckOutput, Hook::OnStreamChunk], windows_add_up);
    cases.add("window/ends", "At the end of a channel its text leaves", &[Hook::CheckOutput], window_ends);
    cases.add(
        "window/limit",
        "What a window has let go does not count against the limit",
        &[Hook::CheckOutput],
        window_limit,
    );
    cases.add(
        "buffer/wins",
        "Where one holds all, all is held, and windows are asked once, at the end",
        &[Hook::CheckOutput, Hook::OnStreamChunk, Hook::PostLlm],
        buffer_wins,
    );
    cases.add(
        "window/end",
        "What a window of post_llm made of the last text is what leaves and what the end shows, whoever holds all",
        &[Hook::PostLlm],
        window_end,
    );
    cases.add(
        "check/after_edits",
        "check_output is asked about what leaves: what windows, and who holds all, made of it",
        &[Hook::CheckOutput, Hook::OnStreamChunk],
        checked_after_edits,
    );
    for (dialect, word) in DIALECTS {
        cases.add(
            format!("block/before_the_first_byte/{word}"),
            "A block of what is held comes before anything leaves, and the upstream is let go",
            &[Hook::CheckOutput],
            async move |host| block_before(host, dialect).await,
        );
        cases.add(
            format!("block/in_the_middle/{word}"),
            "A block in the middle ends the stream with an error, and the upstream is cancelled",
            &[Hook::CheckOutput],
            async move |host| block_in_the_middle(host, dialect).await,
        );
    }
    for (hook, word) in
        [(Hook::CheckOutput, "check_output"), (Hook::OnStreamChunk, "texts"), (Hook::PostLlm, "post_llm")]
    {
        for mode in [FailureMode::Open, FailureMode::Closed] {
            cases.add(
                format!("limit/{word}/{}", mode.as_str()),
                "Over the limit a guard's stream ends; others' is let go, and the hook still sees it at the end",
                &[hook],
                async move |host| over_limit(host, hook, mode).await,
            );
            cases.add(
                format!("limit/whole/{word}/{}", mode.as_str()),
                "Of a stream that nobody holds no more is kept for its end: over the limit that call is a failure",
                &[hook],
                async move |host| too_long_to_show(host, hook, mode).await,
            );
        }
    }
    cases.add(
        "scope",
        "A plugin that does not stand in the request holds nothing of it",
        &[Hook::CheckOutput],
        out_of_scope,
    );
    cases.add("fails/fail_open", "A check that fails open lets the stream go", &[Hook::CheckOutput], async |host| {
        check_fails(host, FailureMode::Open).await
    });
    cases.add("fails/fail_closed", "A check that fails closed ends the stream", &[Hook::CheckOutput], async |host| {
        check_fails(host, FailureMode::Closed).await
    });
}

/// Ten characters, one a chunk, and then nothing for long.
fn ten_and_hang() -> ScriptedAnswer {
    let said: Vec<Say<'_>> = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"].map(|text| Say::Text(0, text)).into();
    ScriptedAnswer::stream(sse::begun(Dialect::OpenAi, &said)).then(Piece::Hang)
}

async fn defaults(host: &dyn Host) -> Outcome {
    for (hook, expected) in
        [(Hook::CheckOutput, ""), (Hook::OnStreamChunk, "0123456789"), (Hook::PostLlm, "0123456789")]
    {
        let hooks = json!({ hook.name(): [] });
        let stage = Stage::with_settings(host, vec![(hooks.clone(), at_hooks_of(&hooks))]).await?;
        let left = stage.play(Dialect::OpenAi, ten_and_hang()).await?;
        ensure_eq!((left.text(), left.open), (expected, true), "what {hook} let go");
    }
    Ok(())
}

async fn window_holds(host: &dyn Host, hook: Hook) -> Outcome {
    let stage = Stage::one(host, hook, StreamMode::Window(4), json!([])).await?;
    let left = stage.play(Dialect::OpenAi, ten_and_hang()).await?;
    ensure_eq!((left.text(), left.open), ("012345", true), "what left while the stream is open");
    Ok(())
}

async fn window_of_nothing(host: &dyn Host) -> Outcome {
    let steps = json!([{ "block_on": "fin" }]);
    let stage = Stage::one(host, Hook::CheckOutput, StreamMode::Window(0), steps).await?;
    let answer = ScriptedAnswer::stream(sse::texts(Dialect::OpenAi, &["fi", "ne"]));
    let left = stage.play(Dialect::OpenAi, answer).await?;
    ensure_eq!(left.end(), Err(Some(ErrorKind::GuardrailBlocked)), "the end of {left:?}");
    Ok(())
}

async fn windows_add_up(host: &dyn Host) -> Outcome {
    let members = [
        (json!({ "check_output": [] }), Hook::CheckOutput, StreamMode::Window(3)),
        (json!({ "on_stream_chunk": [] }), Hook::OnStreamChunk, StreamMode::Window(4)),
        (json!({ "check_output": [] }), Hook::CheckOutput, StreamMode::Window(1)),
    ];
    let stage = Stage::many(host, &members).await?;
    let left = stage.play(Dialect::OpenAi, ten_and_hang()).await?;
    ensure_eq!((left.text(), left.open), ("01", true), "what left while the stream is open");
    Ok(())
}

async fn window_ends(host: &dyn Host) -> Outcome {
    let stage = Stage::one(host, Hook::CheckOutput, StreamMode::Window(100), json!([])).await?;
    let said = [Say::Text(0, "first"), Say::Tool(0, "{}")];
    let begun = sse::begun(Dialect::Anthropic, &said);
    let left = stage.play(Dialect::Anthropic, ScriptedAnswer::stream(begun).then(Piece::Hang)).await?;
    ensure_eq!((left.text(), left.open), ("first", true), "the text, whose block has ended");
    let finals: Vec<_> = stage.saw("a", Hook::CheckOutput);
    let told = finals.iter().filter(|saw| saw["is_final"] == json!(true)).count();
    ensure_eq!(told, 1, "how often it was told of an end: {finals:?}");
    Ok(())
}

async fn window_limit(host: &dyn Host) -> Outcome {
    let hooks = json!({ "check_output": [] });
    let settings = settings(&hooks, Hook::CheckOutput, StreamMode::Window(8), FailureMode::Closed);
    let stage = Stage::with_settings(host, vec![(hooks, settings)]).await?.limit(1000);
    let said: Vec<&str> = vec!["twenty characters, x"; 200];
    for (dialect, word) in DIALECTS {
        let left = stage.play(dialect, ScriptedAnswer::stream(sse::texts(dialect, &said))).await?;
        ensure_eq!((left.text().len(), left.end()), (200 * 20, Ok(())), "{word}");
    }
    Ok(())
}

async fn buffer_wins(host: &dyn Host) -> Outcome {
    let members = [
        (json!({ "check_output": [] }), Hook::CheckOutput, StreamMode::Window(2)),
        (json!({ "check_output": [] }), Hook::CheckOutput, StreamMode::Buffer),
        (json!({ "on_stream_chunk": [] }), Hook::OnStreamChunk, StreamMode::Window(2)),
        (json!({ "post_llm": [] }), Hook::PostLlm, StreamMode::Window(2)),
    ];
    let stage = Stage::many(host, &members).await?;
    let left = stage.play(Dialect::OpenAi, ten_and_hang()).await?;
    ensure_eq!((left.text(), left.open), ("", true), "what left while the stream is open");
    stage.setup.journal.clear();
    let left = stage.play(Dialect::OpenAi, ScriptedAnswer::stream(sse::texts(Dialect::OpenAi, &["ab", "cd"]))).await?;
    ensure_eq!((left.text(), left.end()), ("abcd", Ok(())), "what left");
    for (plugin, hook) in [("a", Hook::CheckOutput), ("b", Hook::CheckOutput), ("c", Hook::OnStreamChunk)] {
        let saw = stage.saw(plugin, hook);
        ensure_eq!(saw.len(), 1, "how often {plugin} was asked: {saw:?}");
        ensure_eq!(saw[0]["is_final"], json!(true), "whether that was at the end");
        ensure!(saw[0].to_string().contains("abcd"), "what {plugin} was given: {}", saw[0]);
    }
    let saw = stage.saw("d", Hook::PostLlm);
    let chunks = saw.iter().filter(|saw| saw["end"].is_null() && saw.to_string().contains("abcd")).count();
    ensure_eq!((saw.len(), chunks), (2, 1), "what post_llm was given, and then the end: {saw:?}");
    Ok(())
}

async fn checked_after_edits(host: &dyn Host) -> Outcome {
    let said = ["the whole of it: a k", "ey, and what is behind it"];
    for (edits, checks) in [
        (StreamMode::Buffer, StreamMode::Window(8)),
        (StreamMode::Window(8), StreamMode::Chunk),
        (StreamMode::Window(8), StreamMode::Window(8)),
    ] {
        let members = [
            (json!({ "on_stream_chunk": [{ "replace": ["key", "***"] }] }), Hook::OnStreamChunk, edits),
            (json!({ "check_output": [] }), Hook::CheckOutput, checks),
        ];
        let stage = Stage::many(host, &members).await?;
        let left = stage.play(Dialect::OpenAi, ScriptedAnswer::stream(sse::texts(Dialect::OpenAi, &said))).await?;
        ensure_eq!((left.text(), left.end()), ("the whole of it: a ***, and what is behind it", Ok(())), "what left");
        let saw = stage.saw("b", Hook::CheckOutput);
        let stars = saw.iter().filter(|saw| saw.to_string().contains("***, and")).count();
        ensure!(stars > 0, "with {edits:?} and {checks:?} it was not asked about what left: {saw:?}");
        ensure!(!saw.iter().any(|saw| saw.to_string().contains("ey, and")), "it was asked about what did not: {saw:?}");
    }
    Ok(())
}

async fn window_end(host: &dyn Host) -> Outcome {
    let hides = (json!({ "post_llm": [{ "replace": ["key", "***"] }] }), Hook::PostLlm, StreamMode::Window(8));
    let holds = (json!({ "check_output": [] }), Hook::CheckOutput, StreamMode::Buffer);
    for members in [vec![hides.clone()], vec![hides, holds]] {
        let stage = Stage::many(host, &members).await?;
        for (dialect, word) in DIALECTS {
            let said = ScriptedAnswer::stream(sse::texts(dialect, &["the whole of it: a k", "ey"]));
            let left = stage.play(dialect, said).await?;
            ensure_eq!(
                (left.text(), left.end()),
                ("the whole of it: a ***", Ok(())),
                "{word}, {} plugins",
                members.len()
            );
            let saw = stage.saw("a", Hook::PostLlm);
            let end = saw.iter().rfind(|saw| !saw["end"].is_null()).map(ToString::to_string).unwrap_or_default();
            ensure!(end.contains("a ***") && !end.contains("key"), "{word}: what the end shows: {saw:?}");
        }
    }
    Ok(())
}

async fn block_before(host: &dyn Host, dialect: Dialect) -> Outcome {
    let stage = Stage::one(host, Hook::CheckOutput, StreamMode::Buffer, json!([{ "block_on": "bad" }])).await?;
    let left = stage.play(dialect, ScriptedAnswer::stream(sse::texts(dialect, &["good ", "bad"]))).await?;
    ensure_eq!((left.parts.len(), left.end()), (0, Err(Some(ErrorKind::GuardrailBlocked))), "what left: {left:?}");
    let error = left.error.unwrap_or_else(|| gatewright_model::LlmError::new(ErrorKind::Internal, ""));
    ensure_eq!((error.plugin.as_deref(), error.status()), (Some("a"), 403), "the error");
    Ok(())
}

async fn block_in_the_middle(host: &dyn Host, dialect: Dialect) -> Outcome {
    let stage = Stage::one(host, Hook::CheckOutput, StreamMode::Window(3), json!([{ "block_on": "bad" }])).await?;
    let codec = gatewright_dialects::codec(dialect).ok_or_else(super::no_codec)?;
    let begun =
        sse::begun(dialect, &[Say::Text(0, "good "), Say::Text(0, "words "), Say::Text(0, "b"), Say::Text(0, "ad")]);
    let answer = ScriptedAnswer::stream(begun).then(Piece::Hang);
    let provider = ScriptedProvider::new("one").speaking(codec).answer(answer);
    let left = stage.play_of(&provider).await?;
    ensure_eq!(left.end(), Err(Some(ErrorKind::GuardrailBlocked)), "the end: {left:?}");
    ensure!(left.text().starts_with("good") && !left.text().contains('b'), "what left before: {left:?}");
    ensure_eq!((provider.open(), provider.given_up()), (0, 1), "the upstream");
    Ok(())
}

async fn over_limit(host: &dyn Host, hook: Hook, mode: FailureMode) -> Outcome {
    let hooks = json!({ hook.name(): [] });
    let settings = settings(&hooks, hook, StreamMode::Buffer, mode);
    let stage = Stage::with_settings(host, vec![(hooks, settings)]).await?.limit(1000);
    // What is held counts by the chunk, what is kept for the end by its text alone.
    let said: Vec<&str> = std::iter::repeat_n("four", 30).chain(["zend"]).collect();
    let left = stage.play(Dialect::OpenAi, ScriptedAnswer::stream(sse::texts(Dialect::OpenAi, &said))).await?;
    match mode {
        FailureMode::Closed => {
            ensure_eq!((left.parts.len(), left.end()), (0, Err(Some(ErrorKind::PluginUnavailable))), "{left:?}");
        }
        FailureMode::Open => {
            ensure_eq!((left.text().to_owned(), left.end()), (said.concat(), Ok(())), "what left");
            let saw = stage.saw("a", hook);
            let last = saw.last().map(ToString::to_string).unwrap_or_default();
            ensure!(hook == Hook::OnStreamChunk || last.contains("zend"), "what it was given at the end: {last}");
        }
    }
    Ok(())
}

async fn too_long_to_show(host: &dyn Host, hook: Hook, mode: FailureMode) -> Outcome {
    for stream_mode in [StreamMode::Chunk, StreamMode::Observe] {
        let hooks = json!({ hook.name(): [] });
        let settings = settings(&hooks, hook, stream_mode, mode);
        let stage = Stage::with_settings(host, vec![(hooks, settings)]).await?.limit(1000);
        let said = ["x".repeat(400), "y".repeat(400), "z".repeat(400), "end".to_owned()];
        let said: Vec<&str> = said.iter().map(String::as_str).collect();
        let left = stage.play(Dialect::OpenAi, ScriptedAnswer::stream(sse::texts(Dialect::OpenAi, &said))).await?;
        match mode {
            FailureMode::Closed => {
                ensure_eq!(left.end(), Err(Some(ErrorKind::PluginUnavailable)), "in {stream_mode:?}: {left:?}");
                ensure_eq!(left.text(), said[0], "what left before, in {stream_mode:?}");
                let told = left.error.map(|error| (error.plugin, error.code));
                ensure_eq!(told, Some((Some("a".to_owned()), Some("oversized".to_owned()))), "who failed, and at what");
            }
            FailureMode::Open => {
                ensure_eq!((left.text().to_owned(), left.end()), (said.concat(), Ok(())), "in {stream_mode:?}");
                let saw = stage.saw("a", hook);
                ensure!(saw.len() >= said.len() || hook == Hook::CheckOutput, "what it saw as it came: {saw:?}");
                let ends = |saw: &serde_json::Value| match hook {
                    Hook::PostLlm => !saw["end"].is_null(),
                    _ => saw["is_final"] == json!(true),
                };
                ensure!(!saw.iter().any(ends), "it was called at the end, in {stream_mode:?}: {saw:?}");
            }
        }
    }
    Ok(())
}

async fn out_of_scope(host: &dyn Host) -> Outcome {
    let hooks = json!({ "check_output": [], "post_llm": [] });
    let scope = Scope { models: vec!["another".to_owned()], ..Scope::default() };
    let stream_modes = BTreeMap::from([(Hook::PostLlm, StreamMode::Buffer), (Hook::CheckOutput, StreamMode::Buffer)]);
    let settings = Settings { scope, stream_modes, ..at_hooks_of(&hooks) };
    let stage = Stage::with_settings(host, vec![(hooks, settings)]).await?;
    let left = stage.play(Dialect::OpenAi, ten_and_hang()).await?;
    ensure_eq!((left.text(), left.open), ("0123456789", true), "what left while the stream is open");
    Ok(())
}

async fn check_fails(host: &dyn Host, mode: FailureMode) -> Outcome {
    for stream_mode in [StreamMode::Buffer, StreamMode::Window(2), StreamMode::Chunk] {
        let hooks = json!({ "check_output": [{ "panic": "an inner secret" }] });
        let settings = settings(&hooks, Hook::CheckOutput, stream_mode, mode);
        let stage = Stage::with_settings(host, vec![(hooks, settings)]).await?;
        let said = ScriptedAnswer::stream(sse::texts(Dialect::OpenAi, &["one ", "two"]));
        let left = stage.play(Dialect::OpenAi, said).await?;
        match mode {
            FailureMode::Open => ensure_eq!((left.text(), left.end()), ("one two", Ok(())), "{stream_mode:?}"),
            FailureMode::Closed => {
                ensure_eq!(left.end(), Err(Some(ErrorKind::PluginUnavailable)), "{stream_mode:?}");
                ensure_eq!(left.text(), "", "what left unchecked, in {stream_mode:?}");
            }
        }
    }
    Ok(())
}
