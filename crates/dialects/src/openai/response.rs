//! Whole responses.

use super::{Thoughts, finish, message, usage};
use crate::{
    answer,
    carry::Carry,
    json::{Read, Value, extra, write},
    made,
    rewrite::{self, Changes, rewrite},
};
use bytes::{Bytes, BytesMut};
use gatewright_model::{
    ChatResponse, Choice, DecodeError, Dialect, EncodeError, Encoded, Output, Response, ResponseWire, Role,
};

/// Members of other dialects' responses that say nothing to a client of this one.
const SILENT: [&str; 4] = ["type", "role", "stop_sequence", "stop_details"];

/// Members of choices that would tell the text from before an edit: its tokens, and what proxies repeat.
const REPEATS: [&[&str]; 2] = [&["logprobs"], &["provider_specific_fields"]];

/// Parses a response.
pub(super) fn decode(body: &Bytes) -> Result<Output, DecodeError> {
    Ok(Output::Chat(read(Value::response(body)?)?))
}

fn read(value: Value<'_>) -> Read<ChatResponse> {
    let mut object = value.object()?;
    Ok(ChatResponse {
        // What is beside the answer must not cost the client the answer.
        id: object.string("id").ok().flatten().unwrap_or_default(),
        model: object.string("model").ok().flatten().unwrap_or_default(),
        created: object.read_as("created", Value::u64).ok().flatten(),
        choices: object.need("choices", |choices| choices.list(read_choice))?,
        usage: object.read_as("usage", usage::read).ok().flatten(),
        extra: object.rest()?,
    })
}

fn read_choice(value: Value<'_>) -> Read<Choice> {
    let mut object = value.object()?;
    Ok(Choice {
        index: u32::try_from(object.read_as("index", Value::u64)?.unwrap_or(0)).unwrap_or(u32::MAX),
        message: object.need("message", |value| message::read(value, Some(Role::Assistant)))?,
        finish: object.string("finish_reason")?.map(|word| finish::read(&word)),
        extra: object.rest()?,
    })
}

/// Writes a response for a client of this dialect. See `Codec::encode_response`.
///
/// From another dialect, several blocks of text become one string, thinking becomes `reasoning_content`, and blocks
/// without a counterpart are dropped and reported: an answer that was paid for is never refused.
pub(super) fn encode(response: &Response) -> Result<Encoded<Bytes>, EncodeError> {
    let own = response.wire().filter(|wire| wire.dialect() == Dialect::OpenAi);
    match (own, response.edited()) {
        (Some(wire), None) => Ok(Encoded { body: answer::unedited(response, wire.body()), dropped: Vec::new() }),
        (Some(wire), Some(_)) => edited(response, wire),
        (None, _) => translated(response),
    }
}

fn edited(response: &Response, wire: &ResponseWire) -> Result<Encoded<Bytes>, EncodeError> {
    let new = answer::chat(response, Dialect::OpenAi)?;
    let Ok(Output::Chat(old)) = wire.output() else {
        return translated(response);
    };
    let mut carry = Carry::answer(Some(Dialect::OpenAi), Dialect::OpenAi);
    let text = std::str::from_utf8(wire.body()).unwrap_or_default();
    let mut changes = Changes::default();
    let some = |text: &str| Some(text.to_owned());
    changes.note(&["id"], &some(&old.id), &some(&new.id), |out, id| write::string_to(out, id));
    changes.note(&["model"], &some(&old.model), &some(&new.model), |out, model| write::string_to(out, model));
    changes.note(&["created"], &old.created, &new.created, |out, created| write::display(out, created));
    changes.note(&["usage"], &old.usage, &new.usage, |out, value| write::object(out, |out| usage::write(out, value)));
    if old.choices != new.choices {
        let raw = rewrite::elements(text, "choices");
        changes.set(&["choices"], Some(choices(&raw, &old.choices, &new.choices, &mut carry)?));
    }
    if let Some(fields) = answer::extra_fields(response) {
        changes.set(&[answer::EXTRA_FIELDS], Some(fields));
    }
    let body = rewrite(text, &old.extra, &new.extra, changes, &[]).map_err(|error| carry.unreadable(&error.into()))?;
    Ok(Encoded { body, dropped: carry.finish() })
}

fn choices(raw: &[&str], old: &[Choice], new: &[Choice], carry: &mut Carry) -> Result<Bytes, EncodeError> {
    let mut out = BytesMut::new();
    write::array(&mut out, |array| {
        for choice in new {
            let before = old.iter().zip(raw).find(|(before, _)| before.index == choice.index);
            match before {
                Some((before, raw)) if before == choice => array.raw(raw),
                Some((before, raw)) => {
                    let choice = patch_choice(raw, before, choice, carry)?;
                    array.element().extend_from_slice(&choice);
                }
                None => array.object(|object| write_choice(object, choice, carry))?,
            }
        }
        Ok(())
    })?;
    Ok(out.freeze())
}

fn patch_choice(raw: &str, old: &Choice, new: &Choice, carry: &mut Carry) -> Result<Bytes, EncodeError> {
    let mut changes = Changes::default();
    changes.note(&["finish_reason"], &old.finish, &new.finish, |out, reason| {
        write::string_to(out, finish::word(reason, true));
    });
    if old.message != new.message {
        let mut message = BytesMut::new();
        write_message(&mut message, new, carry)?;
        changes.set(&["message"], Some(message.freeze()));
        for name in REPEATS.into_iter().filter(|name| extra(&new.extra, name[0]).is_some()) {
            changes.set(name, Some(Bytes::from_static(b"null")));
        }
    }
    rewrite(raw, &old.extra, &new.extra, changes, &[]).map_err(|error| carry.unreadable(&error.into()))
}

fn write_message(out: &mut BytesMut, choice: &Choice, carry: &mut Carry) -> Result<(), EncodeError> {
    if let Some(raw) = choice.message.raw(Dialect::OpenAi) {
        out.extend_from_slice(raw.bytes());
        return Ok(());
    }
    let blocks: Vec<_> = choice.message.blocks().iter().collect();
    let thoughts = Thoughts::ReasoningContent;
    write::object(out, |object| message::write_assistant(object, &choice.message, &blocks, thoughts, carry))
}

fn write_choice(object: &mut write::ObjectWriter<'_>, choice: &Choice, carry: &mut Carry) -> Result<(), EncodeError> {
    object.display("index", choice.index);
    write_message(object.key("message"), choice, carry)?;
    match &choice.finish {
        Some(reason) => object.string("finish_reason", finish::word(reason, carry.own())),
        None => object.null("finish_reason"),
    }
    let extra = carry.extra(&choice.extra, &SILENT);
    object.extra(extra, &[]);
    Ok(())
}

fn translated(response: &Response) -> Result<Encoded<Bytes>, EncodeError> {
    let chat = answer::chat(response, Dialect::OpenAi)?;
    let mut carry = Carry::answer(response.wire().map(ResponseWire::dialect), Dialect::OpenAi);
    let extra = carry.extra(&chat.extra, &SILENT);
    let mut out = BytesMut::new();
    write::object(&mut out, |object| {
        object.string("id", &made::id(&chat.id, "chatcmpl-"));
        object.string("object", "chat.completion");
        object.display("created", chat.created.unwrap_or_else(made::now));
        object.string("model", if chat.model.is_empty() { &response.model } else { &chat.model });
        object.array("choices", |array| {
            chat.choices.iter().try_for_each(|choice| array.object(|object| write_choice(object, choice, &mut carry)))
        })?;
        if let Some(usage) = &chat.usage {
            object.object("usage", |object| usage::write(object, usage));
        }
        object.extra(extra, &["object", answer::EXTRA_FIELDS]);
        if let Some(fields) = answer::extra_fields(response) {
            object.key(answer::EXTRA_FIELDS).extend_from_slice(&fields);
        }
        Ok(())
    })?;
    Ok(Encoded { body: out.freeze(), dropped: carry.finish() })
}
