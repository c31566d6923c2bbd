//! Whole requests.

use super::{
    messages::{self, Conversation, InPlace},
    params,
    tool::{self, Choice},
};
use crate::{
    carry::Carry,
    head,
    json::{Object, Read, Value, write},
    rewrite::{self, Changes, rewrite},
};
use bytes::{Bytes, BytesMut};
use gatewright_model::{
    Chat, DecodeError, Dialect, EncodeError, Encoded, Request, RequestSplice, RequestWire, Segments, ToolChoice,
};
use smallvec::smallvec;
use std::sync::Arc;

/// Members of the head, which are not part of the conversation.
const HEAD: [&str; 3] = ["model", "stream", "fallbacks"];

/// Members that no extra member may stand for, whether or not the request has them.
const RESERVED: [&str; 6] = ["model", "stream", "fallbacks", "system", "messages", "tools"];

/// Members of other dialects' requests without which the answer would not be what was asked for.
const NEEDED: [(&str, &str); 4] = [
    ("functions", "it has no functions of the older kind: use `tools`"),
    ("function_call", "it has no functions of the older kind: use `tools`"),
    ("audio", "it does not answer with sound"),
    ("web_search_options", "the provider would have to search the web"),
];

/// The same of a format that is not known.
const NEEDED_FORMAT: [(&str, &str); 1] = [("response_format", "this format has no counterpart")];

/// Parses a request.
pub(super) fn decode(body: &Bytes) -> Result<Chat, DecodeError> {
    Ok(read(Value::request(body)?.object()?)?)
}

fn read(mut object: Object<'_>) -> Read<Chat> {
    HEAD.into_iter().try_for_each(|name| object.remove(name))?;
    let system = object.read_as("system", messages::read_system)?;
    // Each in its own place at once: of very many, a list of them would be copied while it grows.
    let shared = |message: Value<'_>| messages::read(message).map(Arc::new);
    let messages = object.need("messages", |messages| messages.list(shared))?;
    let tools = object.read_as("tools", |tools| tools.list(tool::read))?.unwrap_or_default();
    let (tool_choice, parallel) = object.read_as("tool_choice", tool::read_choice)?.unwrap_or_default();
    let mut params = params::read(&mut object)?;
    params.parallel_tool_calls = parallel;
    let messages = system.map(Arc::new).into_iter().chain(messages).collect();
    Ok(Chat { messages, tools: Arc::new(tools), tool_choice, params, extra: object.rest_as_it_stands() })
}

/// Writes a request for a provider of this dialect. See `Codec::encode_request`.
///
/// From another dialect, members without a counterpart are dropped and reported, but for those that make the answer
/// another one, which are refused.
pub(super) fn encode(request: &Request, splice: &RequestSplice<'_>) -> Result<Encoded<Segments>, EncodeError> {
    let own = request.wire().filter(|wire| wire.dialect() == Dialect::Anthropic);
    match (own, request.edited()) {
        (Some(wire), None) => Ok(Encoded { body: head::splice(wire, splice, false), dropped: Vec::new() }),
        (Some(wire), Some(new)) => edited(wire, new, splice),
        (None, _) => translated(request, splice),
    }
}

fn edited(wire: &RequestWire, new: &Chat, splice: &RequestSplice<'_>) -> Result<Encoded<Segments>, EncodeError> {
    let mut carry = Carry::request(Some(Dialect::Anthropic), Dialect::Anthropic);
    let old = wire.chat().map_err(|error| carry.unreadable(&error))?;
    let text = std::str::from_utf8(wire.body()).unwrap_or_default();
    let mut changes = head::changes(wire, splice, false);
    if !new.messages.same(&old.messages) {
        note_conversation(&mut changes, messages::write(new, InPlace::of(old), &mut carry)?);
    }
    let fitted = params::fit(new, Some(&old.params), &mut carry)?;
    note(&mut changes, text, old, new, &mut carry)?;
    params::note(&mut changes, old, &fitted, (&choice(old), &choice(new)));
    let body =
        rewrite(text, &old.extra, &new.extra, changes, &RESERVED).map_err(|error| carry.unreadable(&error.into()))?;
    Ok(Encoded { body: smallvec![body], dropped: carry.finish() })
}

fn translated(request: &Request, splice: &RequestSplice<'_>) -> Result<Encoded<Segments>, EncodeError> {
    let mut carry = Carry::request(request.wire().map(RequestWire::dialect), Dialect::Anthropic);
    let chat = request.chat().map_err(|error| carry.unreadable(&error))?;
    if !carry.own() {
        carry.refuse_needed(&chat.extra, &NEEDED)?;
        if chat.params.response_format.is_none() {
            carry.refuse_needed(&chat.extra, &NEEDED_FORMAT)?;
        }
    }
    let extra = carry.extra(&chat.extra, &HEAD);
    let (mut changes, empty) = (Changes::default(), Chat::default());
    note_conversation(&mut changes, messages::write(chat, InPlace::No, &mut carry)?);
    let params = params::fit(chat, None, &mut carry)?;
    note(&mut changes, "", &empty, chat, &mut carry)?;
    params::note(&mut changes, &empty, &params, (&(None, None), &choice(chat)));
    let (mut out, mut written) = (BytesMut::new(), changes.names());
    written.extend(RESERVED);
    write::object(&mut out, |object| {
        object.string("model", splice.model);
        changes.write(object);
        if request.stream() {
            object.display("stream", true);
        }
        object.extra(extra, &written);
    });
    Ok(Encoded { body: smallvec![out.freeze()], dropped: carry.finish() })
}

fn note_conversation(changes: &mut Changes, conversation: Conversation) {
    changes.set(&["system"], conversation.system);
    changes.set(&["messages"], Some(conversation.messages));
}

/// Without tools there must be no choice of them.
fn choice(chat: &Chat) -> Choice {
    match chat.tools.is_empty() {
        true => (None, None),
        false => (chat.tool_choice.clone(), chat.params.parallel_tool_calls),
    }
}

/// Notes the tools if they differ from those that `text` says.
fn note(changes: &mut Changes, text: &str, old: &Chat, new: &Chat, carry: &mut Carry) -> Result<(), EncodeError> {
    if let (Some(ToolChoice::Other(_)), false) = (&new.tool_choice, carry.own()) {
        return Err(carry.refuse("tool_choice", "this choice has no counterpart"));
    }
    if Arc::ptr_eq(&old.tools, &new.tools) || old.tools == new.tools {
        return Ok(());
    }
    let tools = rewrite::array((text, "tools"), &old.tools, &new.tools, |array, tool| tool::write(array, tool, carry))?;
    changes.set(&["tools"], tools);
    Ok(())
}
