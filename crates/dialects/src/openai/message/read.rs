//! Reads a message.

use super::{super::content, AUDIO, FUNCTION_CALL, REASONING, TRANSCRIPT};
use crate::json::{Fault, Kind, Object, Read, Value, plain, plain_if_json};
use gatewright_model::{Block, Content, Dialect, Extra, Message, Raw, Role};

/// Reads a message. `role`: whose it is if it does not say, as some providers' answers do not.
pub(in crate::openai) fn read(value: Value<'_>, role: Option<Role>) -> Read<Message> {
    let mut object = value.object()?;
    let mut words = Extra::new();
    let role = match (object.string("role")?.as_deref(), role) {
        (Some("system"), _) => Role::System,
        (Some("developer"), _) => Role::Developer,
        (Some("user"), _) => Role::User,
        (Some("assistant"), _) => Role::Assistant,
        (Some("tool"), _) => Role::Tool,
        (Some("function"), _) => {
            words.push(("role".into(), Raw::from_value(&"function".into())));
            Role::Tool
        }
        (Some(word), _) => return Err(Fault::new(format!("must not be `{word}`")).under("role")),
        (None, Some(role)) => role,
        (None, None) => return Err(Fault::new("is missing").under("role")),
    };
    let mut blocks = read_reasoning(&mut object)?;
    let content = object.read_as("content", content::read)?.unwrap_or_default();
    if role == Role::Tool {
        let id = object.string("tool_call_id")?;
        if id.is_none() && words.is_empty() {
            return Err(Fault::new("is missing").under("tool_call_id"));
        }
        blocks.push(Content::ToolResult { id: id.unwrap_or_default(), content, is_error: false }.into());
    } else {
        blocks.extend(content);
    }
    if role == Role::Assistant {
        blocks.extend(read_audio(&mut object)?);
    }
    if let Some(refusal) = object.string("refusal")? {
        blocks.push(Content::Refusal(refusal).into());
    }
    blocks.extend(object.read_as("tool_calls", |calls| calls.list(read_call))?.unwrap_or_default());
    if let Some(call) = object.read_as(FUNCTION_CALL, |call| Ok((read_function(&mut call.object()?)?, call)))? {
        let (content, call) = call;
        blocks.push(Block { content, extra: vec![(FUNCTION_CALL.into(), call.raw())] });
    }
    let name = object.string("name")?;
    words.extend(object.rest()?);
    Ok(Message::new(role, blocks).with_wire(name, words, Dialect::OpenAi, value.raw()))
}

/// One block for a text that stands under both names, and a mark in its extra members for the names to write.
fn read_reasoning(object: &mut Object<'_>) -> Read<Vec<Block>> {
    let mut blocks: Vec<Block> = Vec::new();
    for name in REASONING {
        object.refuse_mistaken(name)?;
        if object.peek(name).is_none_or(|value| value.kind() != Kind::String) {
            continue;
        }
        let (text, raw) = object.need(name, |value| Ok((value.string()?.into_owned(), value.raw())))?;
        match blocks.iter_mut().find(|block| block.as_text() == text) {
            Some(block) => block.extra.push((name.into(), raw)),
            None => {
                let content = Content::Reasoning { text, signature: None, redacted: None };
                blocks.push(Block { content, extra: vec![(name.into(), raw)] });
            }
        }
    }
    Ok(blocks)
}

/// What the model said aloud is a text like any other; its sound goes with it as an extra member of the block. A message
/// that repeats no more than the id says nothing.
fn read_audio(object: &mut Object<'_>) -> Read<Option<Block>> {
    let said = |audio: Value<'_>| match audio.kind() {
        Kind::Object => audio.object()?.string(TRANSCRIPT),
        _ => Ok(None),
    };
    Ok(match object.read_as(AUDIO, |audio| Ok((said(audio)?, audio)))? {
        Some((Some(text), audio)) => {
            Some(Block { content: Content::Text(text), extra: vec![(AUDIO.into(), audio.raw())] })
        }
        Some((None, audio)) => {
            object.put(AUDIO, audio);
            None
        }
        None => None,
    })
}

fn read_call(value: Value<'_>) -> Read<Block> {
    let mut object = value.object()?;
    let id = object.string("id")?.unwrap_or_default();
    let custom = object.kind() == "custom";
    let call = match custom {
        true => object.nested("custom", |call| read_called(call, ["input", "arguments"]))?,
        false => object.nested("function", read_function)?,
    };
    let content = match call {
        Content::ToolUse { name, arguments, .. } => Content::ToolUse { id, name, arguments },
        other => other,
    };
    if !custom {
        object.remove("type")?;
    }
    Ok(Block { content, extra: object.rest()? })
}

fn read_function(object: &mut Object<'_>) -> Read<Content> {
    read_called(object, ["arguments", "input"])
}

/// `names`: where the arguments stand, the first that is there; in a request another says the same.
fn read_called(object: &mut Object<'_>, names: [&str; 2]) -> Read<Content> {
    let name = object.string("name")?.unwrap_or_default();
    let text = |value: Value<'_>| match value.kind() {
        Kind::String => {
            let text = value.string()?;
            Ok(plain_if_json(&text).into_owned())
        }
        _ => Ok(plain(value.text()).into_owned()),
    };
    let arguments = match object.read_as(names[0], text)? {
        Some(arguments) => {
            // Which of them counts, readers need not agree.
            let other = object.peek(names[1]).filter(|other| !other.is_lenient());
            if other.is_some_and(|other| text(other).as_ref() != Ok(&arguments)) {
                return Err(Fault::new(format!("must be the same as `{}`", names[0])).under(names[1]));
            }
            arguments
        }
        None => object.read_as(names[1], text)?.unwrap_or_default(),
    };
    Ok(Content::ToolUse { id: String::new(), name, arguments })
}
