//! The head of a request: found without parsing the rest, and spliced on the way out.

use crate::{
    json::{Edits, Fault, Read, Value, is_mistaken_for, with_members, write},
    rewrite::Changes,
    scan::{self, Member},
};
use bytes::{Bytes, BytesMut};
use gatewright_model::{DecodeError, Dialect, RequestHead, RequestSplice, RequestWire, Segments};
use std::borrow::Cow;
use std::ops::Range;

/// The most fallbacks of a request that are tried; the rest is not kept.
pub const MAX_FALLBACKS: usize = 16;

/// The longest name of a model that a request may ask for, in bytes.
const NAME_BYTES: usize = 512;

/// Finds the head. Refuses a body that is not one JSON object in UTF-8, members of the head that are absent, of the
/// wrong type, or there twice: two readers might not agree which of the two counts.
pub(crate) fn scan(body: &Bytes, dialect: Dialect) -> Result<RequestHead, DecodeError> {
    let text = std::str::from_utf8(body).map_err(|_| DecodeError::new("the body is not UTF-8"))?;
    let mut members = Members::default();
    for member in scan::members(text) {
        members.note(member?)?;
    }
    Ok(members.head(body, dialect)?)
}

/// The body as it came, with the splices. `ask_usage`: whether the provider is to be asked for usage if the client
/// did not.
pub(crate) fn splice(wire: &RequestWire, splice: &RequestSplice<'_>, ask_usage: bool) -> Segments {
    let (head, body) = (wire.head(), wire.body());
    let mut edits = Edits::default();
    if head.model != splice.model {
        edits.replace_by_string(head.model_span.clone(), splice.model);
    }
    if let Some(span) = &head.fallbacks_span {
        edits.replace(span.clone(), Bytes::new());
    }
    if ask_usage && !head.include_usage {
        match &head.stream_options_span {
            Some(span) => edits.replace(span.clone(), stream_options(&body[span.clone()])),
            None => {
                let mut member = BytesMut::from(&b",\"stream_options\":"[..]);
                member.extend_from_slice(ASK_USAGE);
                edits.replace(head.model_span.end..head.model_span.end, member);
            }
        }
    }
    edits.slices(body)
}

/// The splices as changes of an edited body.
pub(crate) fn changes(wire: &RequestWire, splice: &RequestSplice<'_>, ask_usage: bool) -> Changes {
    let (head, mut changes) = (wire.head(), Changes::default());
    changes.set(&["model"], Some(write::string(splice.model)));
    changes.set(&["fallbacks"], None);
    if ask_usage && !head.include_usage {
        let options = head.stream_options_span.clone().map(|span| stream_options(&wire.body()[span]));
        changes.set(&["stream_options"], Some(options.unwrap_or(Bytes::from_static(ASK_USAGE))));
    }
    changes
}

/// A value of `stream_options` that asks for usage.
pub(crate) const ASK_USAGE: &[u8] = b"{\"include_usage\":true}";

/// The client's `stream_options`, with usage asked for.
fn stream_options(value: &[u8]) -> Bytes {
    let text = std::str::from_utf8(value).unwrap_or_default();
    match with_members(text, &[("include_usage", Bytes::from_static(b"true"))]) {
        Ok(value) => value.freeze(),
        Err(_) => Bytes::from_static(ASK_USAGE),
    }
}

/// The members that are looked for.
const NAMES: [&str; 6] = ["model", "messages", "stream", "stream_options", "max_tokens", "fallbacks"];

/// Refuses a name that some readers take for one of the head's.
fn unmistaken(name: &str) -> Read<()> {
    match NAMES.into_iter().find(|known| is_mistaken_for(name, known)) {
        Some(known) => Err(Fault::new(format!("must be written `{known}`")).under(name)),
        None => Ok(()),
    }
}

/// The members of the head that were met.
#[derive(Default)]
struct Members<'a> {
    model: Option<Member<'a>>,
    messages: Option<Member<'a>>,
    stream: Option<Member<'a>>,
    stream_options: Option<Member<'a>>,
    max_tokens: Option<Member<'a>>,
    fallbacks: Option<Member<'a>>,
    /// The comma after `fallbacks`, which goes with it where it is the first member.
    after_fallbacks: Option<usize>,
}

// === impl Members ===

impl<'a> Members<'a> {
    fn note(&mut self, member: Member<'a>) -> Read<()> {
        if self.fallbacks.is_some() && self.after_fallbacks.is_none() {
            self.after_fallbacks = member.comma;
        }
        let name = member.name();
        let slot = match &*name {
            "model" => &mut self.model,
            "messages" => &mut self.messages,
            "stream" => &mut self.stream,
            "stream_options" => &mut self.stream_options,
            "max_tokens" => &mut self.max_tokens,
            "fallbacks" => &mut self.fallbacks,
            other => return unmistaken(other),
        };
        match slot.replace(member) {
            Some(_) => Err(Fault::new("stands there twice").under(&name)),
            None => Ok(()),
        }
    }

    fn head(&self, body: &Bytes, dialect: Dialect) -> Read<RequestHead> {
        let value = |member: &Member<'a>| Some(Value::within(body, member.value)).filter(|value| !value.is_null());
        let of = |slot: &Option<Member<'a>>| slot.as_ref().and_then(value);
        let missing = |name: &str| Fault::new("is missing").under(name);

        let member = self.model.as_ref().ok_or_else(|| missing("model"))?;
        let model = Value::within(body, member.value).string().ok().filter(|model| !model.is_empty());
        let model = model.ok_or_else(|| Fault::new("must be a string that is not empty").under("model"))?;
        within_length(&model).map_err(|fault| fault.under("model"))?;
        let messages = self.messages.as_ref().ok_or_else(|| missing("messages"))?;
        if !messages.value.starts_with('[') {
            return Err(Fault::new("must be an array").under("messages"));
        }
        if dialect == Dialect::Anthropic {
            let limit = of(&self.max_tokens).ok_or_else(|| missing("max_tokens"))?;
            let positive = limit.u64().is_ok_and(|limit| limit > 0);
            positive.then_some(()).ok_or_else(|| Fault::new("must be a whole number above 0").under("max_tokens"))?;
        }
        let stream = of(&self.stream).map_or(Ok(false), Value::bool).map_err(|fault| fault.under("stream"))?;
        let asked = match of(&self.stream_options) {
            Some(options) => include_usage(options).map_err(|fault| fault.under("stream_options"))?,
            None => false,
        };
        let fallbacks = match of(&self.fallbacks) {
            Some(list) => fallbacks(list).map_err(|fault| fault.under("fallbacks"))?,
            None => Vec::new(),
        };
        Ok(RequestHead {
            model: model.into_owned(),
            stream,
            fallbacks,
            include_usage: asked || dialect == Dialect::Anthropic,
            model_span: member.value_span.clone(),
            fallbacks_span: self.fallbacks.as_ref().map(|member| self.with_comma(member)),
            stream_options_span: self.stream_options.as_ref().map(|member| member.value_span.clone()),
        })
    }

    fn with_comma(&self, member: &Member<'a>) -> Range<usize> {
        let span = member.span();
        match (member.comma, self.after_fallbacks) {
            (Some(comma), _) => comma..span.end,
            (None, Some(comma)) => span.start..comma + 1,
            (None, None) => span,
        }
    }
}

fn include_usage(options: Value<'_>) -> Read<bool> {
    Ok(options.strict().object()?.read_as("include_usage", Value::bool)?.unwrap_or(false))
}

/// The first so many; all are looked at.
fn fallbacks(list: Value<'_>) -> Read<Vec<String>> {
    let mut kept = Vec::new();
    for (index, value) in list.elements()?.enumerate() {
        let model = fallback(value?).map_err(|fault| fault.at(index))?;
        if index < MAX_FALLBACKS {
            kept.push(model.into_owned());
        }
    }
    Ok(kept)
}

fn fallback(value: Value<'_>) -> Read<Cow<'_, str>> {
    let model = value.string()?;
    if model.is_empty() {
        return Err(Fault::new("must not be empty"));
    }
    within_length(&model)?;
    Ok(model)
}

fn within_length(model: &str) -> Read<()> {
    match model.len() > NAME_BYTES {
        true => Err(Fault::new(format!("must have at most {NAME_BYTES} bytes"))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
