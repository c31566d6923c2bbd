//! Whole requests.

use super::{
    Thoughts,
    message::{self, Messages},
    params, tool,
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
const HEAD: [&str; 4] = ["model", "stream", "stream_options", "fallbacks"];

/// Members that no extra member may stand for, whether or not the request has them.
const RESERVED: [&str; 6] = ["model", "stream", "stream_options", "fallbacks", "messages", "tools"];

/// Members of other dialects' requests without which the answer would not be what was asked for.
const NEEDED: [(&str, &str); 3] = [
    ("mcp_servers", "the provider would have to call these servers"),
    ("container", "it names a container of the other provider"),
    ("inference_geo", "it says where the data may be processed"),
];

/// Parses a request.
pub(super) fn decode(body: &Bytes) -> Result<Chat, DecodeError> {
    Ok(read(Value::request(body)?.object()?)?)
}

fn read(mut object: Object<'_>) -> Read<Chat> {
    HEAD.into_iter().try_for_each(|name| object.remove(name))?;
    // Each in its own place at once: of very many, a list of them would be copied while it grows.
    let shared = |message: Value<'_>| message::read(message, None).map(Arc::new);
    let messages = object.need("messages", |messages| messages.list(shared))?;
    let tools = object.read_as("tools", |tools| tools.list(tool::read))?.unwrap_or_default();
    let tool_choice = object.read_as("tool_choice", tool::read_choice)?;
    let params = params::read(&mut object)?;
    Ok(Chat {
        messages: messages.into_iter().collect(),
        tools: Arc::new(tools),
        tool_choice,
        params,
        extra: object.rest_as_it_stands(),
    })
}

/// Writes a request for a provider of this dialect. See `Codec::encode_request`.
///
/// From another dialect, members without a counterpart are dropped and reported, but for those that say where or by
/// whom the work is to be done, which are refused, as are tools that the other provider runs itself and files that it
/// stores.
pub(super) fn encode(
    request: &Request,
    splice: &RequestSplice<'_>,
    thoughts: Thoughts,
) -> Result<Encoded<Segments>, EncodeError> {
    let own = request.wire().filter(|wire| wire.dialect() == Dialect::OpenAi);
    let ask_usage = splice.include_usage && splice.compat.stream_usage && request.stream();
    match (own, request.edited()) {
        (Some(wire), None) => Ok(Encoded { body: head::splice(wire, splice, ask_usage), dropped: Vec::new() }),
        (Some(wire), Some(new)) => edited(wire, new, splice, thoughts, ask_usage),
        (None, _) => translated(request, splice, thoughts),
    }
}

fn edited(
    wire: &RequestWire,
    new: &Chat,
    splice: &RequestSplice<'_>,
    thoughts: Thoughts,
    ask_usage: bool,
) -> Result<Encoded<Segments>, EncodeError> {
    let mut carry = Carry::request(Some(Dialect::OpenAi), Dialect::OpenAi);
    let old = wire.chat().map_err(|error| carry.unreadable(&error))?;
    let text = std::str::from_utf8(wire.body()).unwrap_or_default();
    let mut changes = head::changes(wire, splice, ask_usage);
    if !new.messages.same(&old.messages) {
        changes.set(&["messages"], Some(messages(new, thoughts, &mut carry)?));
    }
    note(&mut changes, text, old, new, &mut carry, splice)?;
    let body =
        rewrite(text, &old.extra, &new.extra, changes, &RESERVED).map_err(|error| carry.unreadable(&error.into()))?;
    Ok(Encoded { body: smallvec![body], dropped: carry.finish() })
}

fn translated(
    request: &Request,
    splice: &RequestSplice<'_>,
    thoughts: Thoughts,
) -> Result<Encoded<Segments>, EncodeError> {
    let mut carry = Carry::request(request.wire().map(RequestWire::dialect), Dialect::OpenAi);
    let chat = request.chat().map_err(|error| carry.unreadable(&error))?;
    // A client whose dialect always tells the usage counts on it.
    let counted_on = request.wire().is_some_and(|wire| wire.head().include_usage);
    let ask_usage = (splice.include_usage || counted_on) && splice.compat.stream_usage;
    if !carry.own() {
        carry.refuse_needed(&chat.extra, &NEEDED)?;
    }
    let extra = carry.extra(&chat.extra, &HEAD);
    let mut changes = Changes::default();
    changes.set(&["messages"], Some(messages(chat, thoughts, &mut carry)?));
    note(&mut changes, "", &Chat::default(), chat, &mut carry, splice)?;
    let (mut out, mut written) = (BytesMut::new(), changes.names());
    written.extend(RESERVED);
    write::object(&mut out, |object| {
        object.string("model", splice.model);
        changes.write(object);
        if request.stream() {
            object.display("stream", true);
            if ask_usage {
                object.key("stream_options").extend_from_slice(head::ASK_USAGE);
            }
        }
        object.extra(extra, &written);
    });
    Ok(Encoded { body: smallvec![out.freeze()], dropped: carry.finish() })
}

/// Notes what differs from the request that `text` says, but for its messages; an empty text says none.
fn note(
    changes: &mut Changes,
    text: &str,
    old: &Chat,
    new: &Chat,
    carry: &mut Carry,
    splice: &RequestSplice<'_>,
) -> Result<(), EncodeError> {
    if !Arc::ptr_eq(&old.tools, &new.tools) && old.tools != new.tools {
        let raw = (text, "tools");
        let tools = rewrite::array(raw, &old.tools, &new.tools, |array, tool| tool::write(array, tool, carry))?;
        changes.set(&["tools"], tools);
    }
    if let (Some(ToolChoice::Other(_)), false) = (&new.tool_choice, carry.own()) {
        return Err(carry.refuse("tool_choice", "this choice has no counterpart"));
    }
    changes.note(&["tool_choice"], &old.tool_choice, &new.tool_choice, tool::write_choice);
    params::note(changes, &old.params, &params::fit(&new.params, carry), splice.compat.max_tokens_field);
    Ok(())
}

fn messages(chat: &Chat, thoughts: Thoughts, carry: &mut Carry) -> Result<Bytes, EncodeError> {
    let mut out = BytesMut::new();
    write::array(&mut out, |array| {
        let mut list = Messages::new(array, thoughts, carry);
        chat.messages.iter().try_for_each(|message| list.push(message))?;
        list.end()
    })?;
    carry.leave_messages();
    Ok(out.freeze())
}
