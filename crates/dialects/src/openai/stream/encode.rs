//! Writes a stream.

use super::{
    super::{finish, usage, write_error},
    read::{Repeat, Seen, read},
};
use crate::{
    carry::Carry,
    details,
    json::{
        Edits, Value,
        write::{self, ObjectWriter},
    },
    made,
    scan::Cursor,
    signed,
    sse::Event,
    stream::{NewTexts, signature_of, strings, write_patched},
};
use bytes::{Bytes, BytesMut};
use gatewright_model::{Channel, ChannelKind, Chunk, Dialect, Dropped, LlmError, Part, StreamEncoder, Usage};
use memchr::memmem;
use std::collections::HashMap;

/// The most that is remembered of what clients got.
const MOST_TOLD: usize = 8 << 20;

/// Writes the events of one stream.
///
/// A chunk of this dialect passes as it came, or with its texts put in place; one of another dialect, one that was
/// made here, and one of which more than texts was edited become chunks of their own, one a part.
#[derive(Debug)]
pub(in crate::openai) struct Encoder {
    model: String,
    include_usage: bool,
    id: String,
    created: Option<u64>,
    /// A chunk passed as it came, and has told the role.
    passed: bool,
    /// The choices that were told the role.
    roles: Vec<u32>,
    /// The tool calls that have begun: channel, and number as the client sees it.
    calls: Vec<(Channel, u32)>,
    /// Usage that the client has not got yet; it comes last.
    usage: Option<Usage>,
    /// The answer of each choice so far as the client got it, while each chunk of it may repeat it.
    told: Option<HashMap<u32, String>>,
    told_bytes: usize,
    ended: bool,
    carry: Carry,
}

// === impl Encoder ===

impl StreamEncoder for Encoder {
    fn encode(&mut self, chunk: &Chunk, out: &mut BytesMut) {
        if self.ended {
            return;
        }
        let event = chunk.wire(Dialect::OpenAi);
        self.tell(chunk, event);
        match event {
            Some(event) if !chunk.is_edited() && !tells_all(event) => self.pass(chunk, event, out),
            Some(event) if self.patch(chunk, event, out).is_some() => {}
            _ => self.write(chunk, out),
        }
    }

    fn encode_error(&mut self, error: &LlmError, request_id: &str, out: &mut BytesMut) {
        if self.ended {
            return;
        }
        self.ended = true;
        out.extend_from_slice(b"event: error\ndata: ");
        write_error(out, error, request_id);
        out.extend_from_slice(b"\n\n");
    }

    fn take_dropped(&mut self) -> Vec<Dropped> {
        self.carry.take_new()
    }
}

impl Encoder {
    pub(in crate::openai) fn new(model: &str, include_usage: bool) -> Self {
        Self {
            model: model.to_owned(),
            include_usage,
            id: String::new(),
            created: None,
            passed: false,
            roles: Vec::new(),
            calls: Vec::new(),
            usage: None,
            told: Some(HashMap::new()),
            told_bytes: 0,
            ended: false,
            carry: Carry::answer(None, Dialect::OpenAi),
        }
    }

    fn pass(&mut self, chunk: &Chunk, event: &Bytes, out: &mut BytesMut) {
        if self.hides(chunk) && look(event, |seen| seen.choices == 0) == Some(true) {
            return;
        }
        self.note(chunk, || look(event, |seen| seen.created()).flatten());
        if chunk.has(|part| matches!(part, Part::Done)) {
            self.end(out);
        }
        self.ended |= chunk.has(|part| matches!(part, Part::Error(_)));
        out.extend_from_slice(event);
    }

    /// Puts edited texts where they came from. `None` if more than texts was edited.
    fn patch(&mut self, chunk: &Chunk, event: &Bytes, out: &mut BytesMut) -> Option<()> {
        let event_read = Event::read(event)?;
        let data = event_read.data.as_deref()?;
        let seen = read(data).ok()?;
        let begun = |channel: &Channel| self.calls.iter().any(|(of, _)| of == channel);
        // The start is not in the event, but in the stream.
        let now = match chunk.parts() {
            [Part::Start { .. }, rest @ ..] => rest,
            all => all,
        };
        let repeated = |part: &Part| matches!(part, Part::ToolUse { channel, .. } if begun(channel));
        let texts = NewTexts::find(&seen.parts, now, repeated)?;
        let is_changed = texts.changed().next().is_some();
        let tells_more = |repeat: &Repeat| repeat.tells_all() && !self.was_told(repeat, data, now);
        if is_changed && !seen.wholes.is_empty() {
            // The whole so far in place of what is new: where it may not pass, what is new is written anew.
            let passes = !chunk.is_edited() && !seen.repeats.iter().any(tells_more);
            let more = seen.more || now.iter().any(|part| !matches!(part, Part::Text { .. }));
            if passes || !more || now.iter().any(says) {
                return passes.then(|| self.pass(chunk, event, out));
            }
            // Nothing is new in it, and the event says more than it.
            let mut edits = Edits::default();
            for repeat in seen.repeats.iter().filter(|repeat| seen.wholes.contains(&repeat.choice)) {
                edits.replace(repeat.span.clone(), Bytes::from_static(b"null"));
            }
            write_patched(event, &event_read, edits, out);
            let created = seen.created();
            self.note(chunk, || created);
            return Some(());
        }
        if seen.rigid && is_changed {
            return None;
        }
        if self.hides(chunk) && seen.choices == 0 {
            return Some(());
        }
        if texts.is_silenced() && !seen.more && !chunk.has(|part| matches!(part, Part::Start { .. })) {
            return Some(());
        }
        let mut edits = texts.edits(&seen.places);
        for repeat in &seen.repeats {
            let is_copy = !seen.wholes.contains(&repeat.choice);
            if is_copy && tells_more(repeat) || texts.changed().any(|(_, channel, _)| repeat.tells(channel)) {
                edits.replace(repeat.span.clone(), Bytes::from_static(b"null"));
            }
        }
        match edits.is_empty() {
            true => out.extend_from_slice(event),
            false => write_patched(event, &event_read, edits, out),
        }
        let created = seen.created();
        self.note(chunk, || created);
        Some(())
    }

    /// Remembers the answer as the client gets it. Few providers repeat it in each chunk: it is forgotten once a chunk
    /// does not.
    fn tell(&mut self, chunk: &Chunk, event: Option<&Bytes>) {
        let Some(told) = &mut self.told else { return };
        let repeats = match event {
            Some(event) => may_tell_all(event),
            None => !told.is_empty(),
        };
        for (choice, text) in answers(chunk.parts()) {
            if !repeats {
                self.told = None;
                return;
            }
            self.told_bytes += text.len();
            if self.told_bytes > MOST_TOLD {
                self.told = None;
                return;
            }
            told.entry(choice).or_default().push_str(text);
        }
    }

    /// Whether a `message` says no more than what the client has got: all of the answer so far, or what the chunk itself
    /// says, and nothing else. A hook may have taken out a chunk that it repeats.
    fn was_told(&self, repeat: &Repeat, data: &str, now: &[Part]) -> bool {
        let whole = &data[repeat.span.clone()];
        let mut says = false;
        let read = strings(&mut Cursor::new(whole), is_for_programs, &mut |said| says |= !said.text.is_empty());
        if read.is_ok() && !says {
            return true;
        }
        let Ok(mut message) = Value::loose(whole).object() else {
            return false;
        };
        message.take("role");
        let Ok(content) = message.string("content") else {
            return false;
        };
        let content = content.unwrap_or_default();
        let new: String = answers(now).filter(|(choice, _)| *choice == repeat.choice).map(|(_, text)| text).collect();
        let told = self.told.as_ref().and_then(|told| told.get(&repeat.choice));
        let says = |value: &str| !matches!(value, "null" | "false" | "\"\"" | "[]" | "{}");
        (content == new || told.is_some_and(|told| *told == content))
            && message.rest().is_ok_and(|rest| !rest.iter().any(|(_, value)| says(value.as_str())))
    }

    /// Whether the client did not ask for what may be all that the chunk says.
    fn hides(&self, chunk: &Chunk) -> bool {
        !self.include_usage
            && chunk.has(|part| matches!(part, Part::Usage(_)))
            && !chunk.has(|part| !matches!(part, Part::Usage(_) | Part::Start { .. }))
    }

    /// Remembers what a chunk told the client.
    fn note(&mut self, chunk: &Chunk, created: impl FnOnce() -> Option<u64>) {
        self.passed = true;
        for part in chunk.parts() {
            match part {
                Part::Start { id, model } => self.start(id, model),
                Part::ToolUse { channel, .. } if !self.calls.iter().any(|(of, _)| of == channel) => {
                    self.calls.push((*channel, channel.block));
                }
                _ => {}
            }
        }
        if self.created.is_none() && chunk.has(|part| matches!(part, Part::Start { .. })) {
            self.created = created();
        }
    }

    fn start(&mut self, id: &str, model: &str) {
        if self.id.is_empty() {
            id.clone_into(&mut self.id);
            if !model.is_empty() {
                model.clone_into(&mut self.model);
            }
        }
    }

    fn write(&mut self, chunk: &Chunk, out: &mut BytesMut) {
        if let Some(event) = chunk.wire(Dialect::Anthropic) {
            if chunk.parts().is_empty() {
                self.silent(event, out);
            } else if let Some(kind) = crate::anthropic::unknown_content(event, chunk.parts()) {
                return self.carry.drop(&kind);
            }
        }
        let own = chunk.wire(Dialect::Anthropic).is_none();
        for (at, part) in chunk.parts().iter().enumerate() {
            self.part(part, signature_of(&chunk.parts()[at..]), own, out);
        }
    }

    /// `signature`: that over the call which begins here.
    fn part(&mut self, part: &Part, signature: Option<&str>, own: bool, out: &mut BytesMut) {
        match part {
            Part::Start { id, model } => {
                self.start(id, model);
                if !self.passed && self.roles.is_empty() {
                    self.delta(0, None, out, |delta| delta.string("content", ""));
                }
            }
            Part::Text { channel, text } => self.text(*channel, text, out),
            Part::ToolUse { channel, id, name } => {
                let index = self.begin_call(*channel);
                self.delta(channel.choice, None, out, |delta| {
                    tool_call(delta, index, |call| {
                        call.string("id", id);
                        call.string("type", "function");
                        call.object("function", |function| {
                            function.string("name", name);
                            function.string("arguments", "");
                        });
                        if let Some(signature) = signature {
                            signed::write(call, signature);
                        }
                    });
                });
            }
            // Written with the call that it is over.
            Part::Signature { channel, .. } if channel.kind == ChannelKind::ToolArguments => {}
            Part::Signature { channel, signature } if details::is_sealed(signature) => {
                self.delta(channel.choice, None, out, |delta| {
                    delta.array(details::REASONING_DETAILS, |array| details::write(array, Some(signature), ""));
                });
            }
            Part::Signature { .. } => self.carry.drop("signature"),
            Part::Finish { choice, reason } => self.delta(*choice, Some(finish::word(reason, own)), out, |_| {}),
            Part::Usage(usage) => self.usage.get_or_insert_default().merge(usage),
            Part::Error(error) => self.encode_error(error, "", out),
            Part::Done => {
                self.end(out);
                out.extend_from_slice(b"data: [DONE]\n\n");
            }
            _ => {}
        }
    }

    fn text(&mut self, channel: Channel, text: &str, out: &mut BytesMut) {
        if text.is_empty() {
            return;
        }
        if channel.is_beside() {
            return self.carry.drop("annotations");
        }
        let member = match channel.kind {
            ChannelKind::Text => "content",
            ChannelKind::Reasoning => "reasoning_content",
            ChannelKind::Refusal => "refusal",
            ChannelKind::ToolArguments => {
                // Arguments of a call that never began: of a tool that the other provider runs itself.
                let Some((_, index)) = self.calls.iter().find(|(of, _)| *of == channel) else {
                    return self.carry.drop("content.input");
                };
                let index = *index;
                return self.delta(channel.choice, None, out, |delta| {
                    tool_call(delta, index, |call| {
                        call.object("function", |function| function.string("arguments", text));
                    });
                });
            }
        };
        self.delta(channel.choice, None, out, |delta| delta.string(member, text));
    }

    fn begin_call(&mut self, channel: Channel) -> u32 {
        let used = self.calls.iter().filter(|(of, _)| of.choice == channel.choice).map(|(_, index)| index + 1);
        let index = used.max().unwrap_or(0);
        self.calls.retain(|(of, _)| *of != channel);
        self.calls.push((channel, index));
        index
    }

    /// Writes a chunk with one choice.
    fn delta(
        &mut self,
        choice: u32,
        finish: Option<&str>,
        out: &mut BytesMut,
        write: impl FnOnce(&mut ObjectWriter<'_>),
    ) {
        let tell_role = !self.passed && finish.is_none() && !self.roles.contains(&choice);
        if tell_role {
            self.roles.push(choice);
        }
        self.chunk(out, |chunk| {
            chunk.array("choices", |choices| {
                choices.object(|object| {
                    object.display("index", choice);
                    object.object("delta", |delta| {
                        if tell_role {
                            delta.string("role", "assistant");
                        }
                        write(delta);
                    });
                    match finish {
                        Some(word) => object.string("finish_reason", word),
                        None => object.null("finish_reason"),
                    }
                });
            });
        });
    }

    fn chunk(&mut self, out: &mut BytesMut, write: impl FnOnce(&mut ObjectWriter<'_>)) {
        if self.id.is_empty() {
            self.id = made::id("", "chatcmpl-");
        }
        let created = *self.created.get_or_insert_with(made::now);
        out.extend_from_slice(b"data: ");
        write::object(out, |object| {
            object.string("id", &self.id);
            object.string("object", "chat.completion.chunk");
            object.display("created", created);
            object.string("model", &self.model);
            write(object);
        });
        out.extend_from_slice(b"\n\n");
    }

    /// What must be said before the end.
    fn end(&mut self, out: &mut BytesMut) {
        self.ended = true;
        if let (Some(total), true) = (self.usage.take(), self.include_usage) {
            self.chunk(out, |chunk| {
                chunk.array("choices", |_| {});
                chunk.object("usage", |object| usage::write(object, &total));
            });
        }
    }

    /// An event of Anthropic's that says nothing in the model's terms.
    fn silent(&mut self, event: &Bytes, out: &mut BytesMut) {
        match crate::anthropic::silent_event(event) {
            Some(kind) if kind == "ping" => out.extend_from_slice(b": ping\n\n"),
            Some(kind) if kind.is_empty() => {}
            Some(kind) => self.carry.drop(&kind),
            None => {}
        }
    }
}

fn tool_call(delta: &mut ObjectWriter<'_>, index: u32, write: impl FnOnce(&mut ObjectWriter<'_>)) {
    delta.array("tool_calls", |calls| {
        calls.object(|call| {
            call.display("index", index);
            write(call);
        });
    });
}

/// The texts of the answer, each with its choice.
fn answers(parts: &[Part]) -> impl Iterator<Item = (u32, &str)> {
    parts.iter().filter_map(|part| match part {
        Part::Text { channel, text } if channel.kind == ChannelKind::Text && !channel.is_beside() => {
            Some((channel.choice, &**text))
        }
        _ => None,
    })
}

/// Whether an event may have a `message`, with all that was said so far. Its name may be written with letters escaped, as
/// hardly anybody writes any.
fn may_tell_all(event: &[u8]) -> bool {
    [&b"\"message\""[..], b"\\u006", b"\\u007"].into_iter().any(|sign| memmem::find(event, sign).is_some())
}

/// Whether a member of a message says nothing to whoever reads it.
fn is_for_programs(name: &str) -> bool {
    matches!(name, "role" | "type" | "format" | "id")
}

fn says(part: &Part) -> bool {
    matches!(part, Part::Text { text, .. } if !text.is_empty())
}

/// Whether it has one.
fn tells_all(event: &[u8]) -> bool {
    may_tell_all(event) && look(event, |seen| seen.repeats.iter().any(Repeat::tells_all)) == Some(true)
}

fn look<T>(event: &[u8], at: impl FnOnce(&Seen<'_>) -> T) -> Option<T> {
    let event = Event::read(event)?;
    read(event.data.as_deref()?).ok().map(|seen| at(&seen))
}
