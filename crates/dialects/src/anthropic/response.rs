//! Whole responses.

use super::{block, finish, usage};
use crate::{
    answer,
    carry::Carry,
    details,
    json::{Read, Value, write},
    made,
    rewrite::{self, Changes, rewrite},
};
use bytes::{Bytes, BytesMut};
use gatewright_model::{
    ChatResponse, Choice, Content, DecodeError, Dialect, EncodeError, Encoded, Extra, FinishReason, Message, Output,
    Response, ResponseWire, Role,
};

/// Members of other dialects' responses that say nothing to a client of this one.
const SILENT: [&str; 4] = ["object", "system_fingerprint", "service_tier", "refusal"];

/// Parses a response.
pub(super) fn decode(body: &Bytes) -> Result<Output, DecodeError> {
    Ok(Output::Chat(read(Value::response(body)?)?))
}

fn read(value: Value<'_>) -> Read<ChatResponse> {
    let mut object = value.object()?;
    object.remove("type")?;
    object.remove("role")?;
    let message = object.need("content", |content| {
        let message = Message::new(Role::Assistant, block::read(content)?);
        Ok(message.with_wire(None, Extra::new(), Dialect::Anthropic, content.raw()))
    })?;
    let sequence = object.string("stop_sequence")?;
    let finish = object.string("stop_reason")?.map(|word| finish::read(&word, sequence));
    Ok(ChatResponse {
        // What is beside the answer must not cost the client the answer.
        id: object.string("id").ok().flatten().unwrap_or_default(),
        model: object.string("model").ok().flatten().unwrap_or_default(),
        created: None,
        choices: vec![Choice { index: 0, message, finish, extra: Extra::new() }],
        usage: object.read_as("usage", usage::read).ok().flatten(),
        extra: object.rest()?,
    })
}

/// Writes a response for a client of this dialect. See `Codec::encode_response`.
///
/// Of several choices the first is written, and the rest reported: a client of this dialect cannot have asked for
/// more.
pub(super) fn encode(response: &Response) -> Result<Encoded<Bytes>, EncodeError> {
    let own = response.wire().filter(|wire| wire.dialect() == Dialect::Anthropic);
    match (own, response.edited()) {
        (Some(wire), None) => Ok(Encoded { body: answer::unedited(response, wire.body()), dropped: Vec::new() }),
        (Some(wire), Some(_)) => edited(response, wire),
        (None, _) => translated(response),
    }
}

fn edited(response: &Response, wire: &ResponseWire) -> Result<Encoded<Bytes>, EncodeError> {
    let new = answer::chat(response, Dialect::Anthropic)?;
    let Ok(Output::Chat(old)) = wire.output() else {
        return translated(response);
    };
    let mut carry = Carry::answer(Some(Dialect::Anthropic), Dialect::Anthropic);
    let text = std::str::from_utf8(wire.body()).unwrap_or_default();
    let mut changes = Changes::default();
    let some = |text: &str| Some(text.to_owned());
    changes.note(&["id"], &some(&old.id), &some(&new.id), |out, id| write::string_to(out, id));
    changes.note(&["model"], &some(&old.model), &some(&new.model), |out, model| write::string_to(out, model));
    changes.note(&["usage"], &old.usage, &new.usage, |out, value| write::object(out, |out| usage::write(out, value)));
    let (before, now) = (old.choices.first(), first(new, &mut carry));
    let blocks = |choice: Option<&Choice>| choice.map(|choice| choice.message.blocks().to_vec()).unwrap_or_default();
    let (old_blocks, new_blocks) = (blocks(before), blocks(now));
    if old_blocks != new_blocks {
        let content = rewrite::array((text, "content"), &old_blocks, &new_blocks, |array, new| {
            block::write(array, new, &mut carry)
        })?;
        changes.set(&["content"], Some(content.unwrap_or(Bytes::from_static(b"[]"))));
    }
    let finish = |choice: Option<&Choice>| choice.and_then(|choice| choice.finish.clone());
    let (before, now) = (finish(before), finish(now));
    if before != now {
        changes.set(&["stop_reason"], Some(stop_reason(now.as_ref(), true, false)));
        changes.set(&["stop_sequence"], Some(stop_sequence(now.as_ref())));
    }
    if let Some(fields) = answer::extra_fields(response) {
        changes.set(&[answer::EXTRA_FIELDS], Some(fields));
    }
    let body = rewrite(text, &old.extra, &new.extra, changes, &[]).map_err(|error| carry.unreadable(&error.into()))?;
    Ok(Encoded { body, dropped: carry.finish() })
}

fn translated(response: &Response) -> Result<Encoded<Bytes>, EncodeError> {
    let chat = answer::chat(response, Dialect::Anthropic)?;
    let mut carry = Carry::answer(response.wire().map(ResponseWire::dialect), Dialect::Anthropic);
    let choice = first(chat, &mut carry);
    let extra = carry.extra(&chat.extra, &SILENT);
    let finish = choice.and_then(|choice| choice.finish.as_ref());
    let blocks = choice.map_or(&[][..], |choice| choice.message.blocks());
    let came = response.wire().and_then(ResponseWire::read).and_then(|output| match output {
        Output::Chat(chat) => Some(&chat.choices.first()?.message),
        _ => None,
    });
    let sealed = choice.filter(|_| !carry.own()).and_then(|choice| details::blocks(&choice.message, came));
    let calls = carry.translates() && blocks.iter().any(|block| matches!(block.content, Content::ToolUse { .. }));
    let mut out = BytesMut::new();
    write::object(&mut out, |object| {
        object.string("id", &made::id(&chat.id, "msg_"));
        object.string("type", "message");
        object.string("role", "assistant");
        object.string("model", if chat.model.is_empty() { &response.model } else { &chat.model });
        object.array("content", |array| match choice {
            Some(choice) => {
                carry.extra(&choice.extra, &SILENT);
                let mut silent = SILENT.to_vec();
                silent.extend(sealed.as_ref().filter(|(_, all)| *all).map(|_| details::REASONING_DETAILS));
                carry.extra(choice.message.extra(), &silent);
                let blocks = sealed.as_ref().map_or(blocks, |(blocks, _)| blocks);
                blocks.iter().try_for_each(|block| block::write(array, block, &mut carry))
            }
            None => Ok(()),
        })?;
        object.key("stop_reason").extend_from_slice(&stop_reason(finish, carry.own(), calls));
        object.key("stop_sequence").extend_from_slice(&stop_sequence(finish));
        object.object("usage", |object| usage::write(object, &chat.usage.unwrap_or_default()));
        object.extra(extra, &["type", "role", answer::EXTRA_FIELDS]);
        if let Some(fields) = answer::extra_fields(response) {
            object.key(answer::EXTRA_FIELDS).extend_from_slice(&fields);
        }
        Ok(())
    })?;
    Ok(Encoded { body: out.freeze(), dropped: carry.finish() })
}

fn first<'r>(chat: &'r ChatResponse, carry: &mut Carry) -> Option<&'r Choice> {
    if chat.choices.len() > 1 {
        carry.drop("choices");
    }
    chat.choices.first()
}

fn stop_reason(finish: Option<&FinishReason>, own: bool, calls: bool) -> Bytes {
    finish.map_or(Bytes::from_static(b"null"), |reason| write::string(finish::word(reason, own, calls)))
}

fn stop_sequence(finish: Option<&FinishReason>) -> Bytes {
    finish.and_then(finish::sequence).map_or(Bytes::from_static(b"null"), write::string)
}
