//! Wherever the bytes and the texts of a stream are cut, the same comes out.

use super::{DIALECTS, Left, Stage};
use crate::case::{Case, CaseFailure, Cases, Group, Outcome, ensure, ensure_eq};
use crate::host::Host;
use crate::sse::{self, Say};
use gatewright_model::{ChannelKind, Dialect, ErrorKind};
use gatewright_plugin::{Hook, StreamMode};
use gatewright_testkit::ScriptedAnswer;
use serde_json::{Value as Json, json};

/// What must not reach the client, cut in the middle by the provider.
const SAID: [&str; 3] = ["ab SEC", "RET c", "d"];

/// The modes, with windows that reach over the pattern.
const MODES: [(StreamMode, &str); 4] = [
    (StreamMode::Buffer, "buffer"),
    (StreamMode::Window(8), "window"),
    (StreamMode::Chunk, "chunk"),
    (StreamMode::Observe, "observe"),
];

const HOOKS: [Hook; 3] = [Hook::CheckOutput, Hook::OnStreamChunk, Hook::PostLlm];

pub(super) fn cases(list: &mut Vec<Case>) {
    let mut cases = Cases::of(Group::Streams, list);
    for (dialect, of) in DIALECTS {
        for hook in HOOKS {
            for (mode, word) in MODES {
                cases.add(
                    format!("bytes/{hook}/{word}/{of}"),
                    "Wherever the provider's bytes are cut, the hook decides the same and the same leaves",
                    &[hook],
                    async move |host| bytes(host, hook, mode, dialect).await,
                );
                cases.add(
                    format!("texts/{hook}/{word}/{of}"),
                    "Wherever the text is cut, buffer and window catch a pattern, and nothing else changes",
                    &[hook],
                    async move |host| texts(host, hook, mode, dialect).await,
                );
            }
            for (mode, word) in &MODES[..2] {
                let mode = *mode;
                cases.add(
                    format!("tool_arguments/{hook}/{word}/{of}"),
                    "A pattern in tool arguments is caught, and the calls beside it are left alone",
                    &[hook],
                    async move |host| tool_arguments(host, hook, mode, dialect).await,
                );
                cases.add(
                    format!("reasoning/{hook}/{word}/{of}"),
                    "A pattern in what the model thinks is caught",
                    &[hook],
                    async move |host| reasoning(host, hook, mode, dialect).await,
                );
            }
        }
    }
    for hook in HOOKS {
        for (mode, word) in &MODES[..2] {
            let mode = *mode;
            cases.add(
                format!("parallel_choices/{hook}/{word}"),
                "A pattern in one choice is caught, and the choices beside it are left alone",
                &[hook],
                async move |host| parallel_choices(host, hook, mode).await,
            );
            cases.add(
                format!("called_complete/{hook}/{word}"),
                "A pattern is caught although the provider calls the choice complete with each chunk",
                &[hook],
                async move |host| called_complete(host, hook, mode).await,
            );
            cases.add(
                format!("end_left_out/{hook}/{word}"),
                "A stream that is complete is one without its last event, too",
                &[hook],
                async move |host| end_left_out(host, hook, mode).await,
            );
        }
    }
}

/// What a hook does against the pattern: a check blocks, the others rewrite it.
fn steps(hook: Hook) -> Json {
    match hook {
        Hook::CheckOutput => json!([{ "block_on": "SECRET" }]),
        _ => json!([{ "replace": ["SECRET", "[...]"] }]),
    }
}

/// The script: an edit of the end would be one of what has left, unless all is held.
fn hooks(hook: Hook, mode: StreamMode) -> Json {
    match (hook, mode) {
        (Hook::PostLlm, StreamMode::Buffer) => json!({ "post_llm:response": steps(hook) }),
        (Hook::PostLlm, _) => json!({ "post_llm:chunk": steps(hook) }),
        (Hook::OnStreamChunk, StreamMode::Chunk | StreamMode::Observe) => json!({ "on_stream_chunk": [] }),
        _ => json!({ hook.name(): steps(hook) }),
    }
}

async fn stage(host: &dyn Host, hook: Hook, mode: StreamMode) -> Result<Stage<'_>, CaseFailure> {
    Stage::many(host, &[(hooks(hook, mode), hook, mode)]).await
}

/// Whether a hook in this mode sees a pattern that is cut over chunks, in time.
fn catches(mode: StreamMode) -> bool {
    matches!(mode, StreamMode::Buffer | StreamMode::Window(_))
}

/// What must have left, of a text that holds the pattern in pieces.
fn as_it_must(left: &Left, kind: ChannelKind, hook: Hook, mode: StreamMode, whole: &str) -> Outcome {
    let texts = left.texts_of(kind).concat();
    match (hook, mode) {
        (Hook::CheckOutput, StreamMode::Buffer) => {
            ensure_eq!((texts.as_str(), left.parts.len()), ("", 0), "what left before the block");
            ensure_eq!(left.end(), Err(Some(ErrorKind::GuardrailBlocked)), "the end");
        }
        (Hook::CheckOutput, StreamMode::Window(_)) => {
            ensure!(whole.starts_with(&texts) && !texts.contains('S'), "what left before the block: {texts}");
            ensure_eq!(left.end(), Err(Some(ErrorKind::GuardrailBlocked)), "the end");
        }
        (Hook::CheckOutput, StreamMode::Chunk) => {
            // It sees the whole at the end, when the text has left.
            ensure_eq!(left.end(), Err(Some(ErrorKind::GuardrailBlocked)), "the end");
            ensure!(whole.starts_with(&texts), "what left: {texts}");
        }
        (Hook::CheckOutput, StreamMode::Observe) => {
            ensure_eq!((texts.as_str(), left.end()), (whole, Ok(())), "what left");
        }
        _ => {
            let expected = if catches(mode) { whole.replace("SECRET", "[...]") } else { whole.to_owned() };
            ensure_eq!((texts, left.end()), (expected, Ok(())), "what left");
        }
    }
    Ok(())
}

async fn bytes(host: &dyn Host, hook: Hook, mode: StreamMode, dialect: Dialect) -> Outcome {
    let stage = stage(host, hook, mode).await?;
    let stream = sse::texts(dialect, &SAID);
    let whole = stage.play(dialect, ScriptedAnswer::stream(stream.clone())).await?;
    as_it_must(&whole, ChannelKind::Text, hook, mode, &SAID.concat())?;
    for cut in 1..stream.len() {
        let left = stage.play(dialect, ScriptedAnswer::stream_cut(stream.clone(), &[cut])).await?;
        ensure_eq!(left, whole, "cut at byte {cut}");
    }
    let left = stage.play(dialect, ScriptedAnswer::stream_bytewise(stream)).await?;
    ensure_eq!(left, whole, "byte by byte");
    Ok(())
}

async fn texts(host: &dyn Host, hook: Hook, mode: StreamMode, dialect: Dialect) -> Outcome {
    let stage = stage(host, hook, mode).await?;
    let whole = "é ab SECRET c\u{1f642}d \"\n";
    let chars: Vec<(usize, char)> = whole.char_indices().collect();
    let mut splits: Vec<Vec<&str>> = chars[1..].iter().map(|(at, _)| vec![&whole[..*at], &whole[*at..]]).collect();
    splits.push(chars.iter().map(|(at, char)| &whole[*at..at + char.len_utf8()]).collect());
    for split in splits {
        let left = stage.play(dialect, ScriptedAnswer::stream(sse::texts(dialect, &split))).await?;
        let in_one_piece = split.iter().any(|piece| piece.contains("SECRET"));
        let checked = match in_one_piece && mode == StreamMode::Chunk && hook != Hook::OnStreamChunk {
            // In one piece, a hook on chunks sees it too.
            true if hook == Hook::PostLlm => {
                let replaced = whole.replace("SECRET", "[...]");
                let found = (left.texts_of(ChannelKind::Text).concat(), left.end());
                if found == (replaced, Ok(())) { Ok(()) } else { Err(CaseFailure::new(format!("{found:?}"))) }
            }
            _ => as_it_must(&left, ChannelKind::Text, hook, mode, whole),
        };
        checked.map_err(|failure| CaseFailure::new(format!("split as {split:?}: {}", failure.message())))?;
    }
    Ok(())
}

async fn tool_arguments(host: &dyn Host, hook: Hook, mode: StreamMode, dialect: Dialect) -> Outcome {
    let stage = stage(host, hook, mode).await?;
    let arguments = "{\"q\": \"ab SECRET c\"}";
    for cut in 1..arguments.len() {
        let (first, second) = arguments.split_at(cut);
        let said = [Say::Tool(0, "{\"q\": 1}"), Say::Tool(1, first), Say::Tool(1, second)];
        let left = stage.play(dialect, ScriptedAnswer::stream(sse::stream(dialect, &said))).await?;
        let of_tools = left.texts_of(ChannelKind::ToolArguments);
        if hook == Hook::CheckOutput {
            ensure_eq!(left.end(), Err(Some(ErrorKind::GuardrailBlocked)), "cut at {cut}: the end");
            ensure!(!of_tools.concat().contains('S'), "cut at {cut}: what left: {of_tools:?}");
        } else {
            let expected = ["{\"q\": 1}", "{\"q\": \"ab [...] c\"}"];
            ensure_eq!((of_tools, left.end()), (expected.to_vec(), Ok(())), "cut at {cut}: what left");
        }
    }
    Ok(())
}

async fn reasoning(host: &dyn Host, hook: Hook, mode: StreamMode, dialect: Dialect) -> Outcome {
    let stage = stage(host, hook, mode).await?;
    let thought = "ab SECRET c";
    for cut in 1..thought.len() {
        let (first, second) = thought.split_at(cut);
        let said = [Say::Think(first), Say::Think(second), Say::Text(0, "fine")];
        let left = stage.play(dialect, ScriptedAnswer::stream(sse::stream(dialect, &said))).await?;
        as_it_must(&left, ChannelKind::Reasoning, hook, mode, thought)
            .map_err(|failure| CaseFailure::new(format!("cut at {cut}: {}", failure.message())))?;
        if hook != Hook::CheckOutput {
            ensure_eq!(left.text(), "fine", "the answer");
        }
    }
    Ok(())
}

async fn parallel_choices(host: &dyn Host, hook: Hook, mode: StreamMode) -> Outcome {
    let stage = stage(host, hook, mode).await?;
    let text = "ab SECRET c";
    for cut in 1..text.len() {
        let (first, second) = text.split_at(cut);
        let said = [Say::Text(0, "SEC is "), Say::Text(1, first), Say::Text(0, "not RET"), Say::Text(1, second)];
        let left = stage.play(Dialect::OpenAi, ScriptedAnswer::stream(sse::stream(Dialect::OpenAi, &said))).await?;
        let texts = left.texts_of(ChannelKind::Text);
        if hook == Hook::CheckOutput {
            ensure_eq!(left.end(), Err(Some(ErrorKind::GuardrailBlocked)), "cut at {cut}: the end");
            ensure!(texts.get(1).is_none_or(|text| !text.contains('S')), "cut at {cut}: what left: {texts:?}");
        } else {
            let expected = vec!["SEC is not RET", "ab [...] c"];
            ensure_eq!((texts, left.end()), (expected, Ok(())), "cut at {cut}: what left");
        }
    }
    Ok(())
}

async fn called_complete(host: &dyn Host, hook: Hook, mode: StreamMode) -> Outcome {
    let stage = stage(host, hook, mode).await?;
    let stream = sse::texts(Dialect::OpenAi, &SAID);
    let (unsaid, whole) = (r#""finish_reason":null"#, SAID.concat());
    ensure!(stream.contains(unsaid), "a stream to spoil: {stream}");
    for reason in [r#""finish_reason":"stop""#, r#""finish_reason":"""#] {
        let left = stage.play(Dialect::OpenAi, ScriptedAnswer::stream(stream.replace(unsaid, reason))).await?;
        as_it_must(&left, ChannelKind::Text, hook, mode, &whole)
            .map_err(|failure| CaseFailure::new(format!("{reason}: {}", failure.message())))?;
    }
    Ok(())
}

async fn end_left_out(host: &dyn Host, hook: Hook, mode: StreamMode) -> Outcome {
    let stage = stage(host, hook, mode).await?;
    let stream = sse::texts(Dialect::OpenAi, &SAID);
    let complete = stream.strip_suffix("data: [DONE]\n\n").unwrap_or_default().to_owned();
    let left = stage.play(Dialect::OpenAi, ScriptedAnswer::stream(complete)).await?;
    as_it_must(&left, ChannelKind::Text, hook, mode, &SAID.concat())?;
    let said = [Say::Text(0, "no secret")];
    let left = stage.play(Dialect::OpenAi, ScriptedAnswer::stream(sse::begun(Dialect::OpenAi, &said))).await?;
    ensure_eq!(left.end(), Err(Some(ErrorKind::Upstream)), "the end of one that is not complete");
    Ok(())
}
