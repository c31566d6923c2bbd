//! Writes a stream.

use super::{
    super::{block::answered_id, finish, usage, write_error},
    blocks::{Blocks, write_event},
    read::{Outline, Shape, says_beside, unknown_content},
};
use crate::{
    carry::Carry,
    details,
    json::{Edits, write},
    made,
    sse::Event,
    stream::{NewTexts, signature_of, write_patched},
};
use bytes::{Bytes, BytesMut};
use gatewright_model::{ChannelKind, Chunk, Dialect, Dropped, FinishReason, LlmError, Part, StreamEncoder, Usage};

/// Writes the events of one stream.
///
/// Whatever comes, the client gets a legal sequence: one `message_start`, blocks one after the other with numbers
/// that go up, one `message_delta`, one `message_stop`. Events of this dialect pass as they came, or with their text
/// put in place, where that keeps the sequence legal.
#[derive(Debug)]
pub(in crate::anthropic) struct Encoder {
    model: String,
    id: String,
    started: bool,
    blocks: Blocks,
    finish: Option<FinishReason>,
    /// Whether `finish` is a word of this dialect's.
    own_finish: bool,
    /// A tool was asked for, and a plain stop after it may be a call of it.
    calls: bool,
    may_call: bool,
    /// Nobody said that the last call is complete.
    in_call: bool,
    /// Thoughts were edited, and nothing that is signed over them is valid.
    rethought: bool,
    /// The client was told why it ended.
    told: bool,
    usage: Usage,
    ended: bool,
    carry: Carry,
}

/// An event of this dialect is to be written anew.
struct Anew;

// === impl Encoder ===

impl StreamEncoder for Encoder {
    fn encode(&mut self, chunk: &Chunk, out: &mut BytesMut) {
        if self.ended {
            return;
        }
        match chunk.wire(Dialect::Anthropic) {
            Some(event) if self.goes_on(chunk, event) => out.extend_from_slice(event),
            Some(event) if self.pass(chunk, event, out).is_ok() => {}
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
    pub(in crate::anthropic) fn new(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            id: String::new(),
            started: false,
            blocks: Blocks::default(),
            finish: None,
            own_finish: true,
            calls: false,
            may_call: false,
            in_call: false,
            rethought: false,
            told: false,
            usage: Usage::default(),
            ended: false,
            carry: Carry::answer(None, Dialect::Anthropic),
        }
    }

    /// Whether it is more text of the open block, which has the number that it came with: by far the most events are.
    fn goes_on(&self, chunk: &Chunk, event: &Bytes) -> bool {
        match chunk.parts() {
            [Part::Text { channel, .. }] if !chunk.is_edited() => {
                event.starts_with(b"event: content_block_delta") && self.blocks.passes(channel.block)
            }
            _ => false,
        }
    }

    /// An event of this dialect: as it came, with edited text put in its place, with another block number, or not at
    /// all where it would break the sequence.
    fn pass(&mut self, chunk: &Chunk, event: &Bytes, out: &mut BytesMut) -> Result<(), Anew> {
        let read = Event::read(event).ok_or(Anew)?;
        let Some(data) = read.data.as_deref() else {
            out.extend_from_slice(event);
            return Ok(());
        };
        let outline = Outline::read(read.name, data).map_err(|_| Anew)?;
        let (mut edits, silent) = edits(chunk, &outline)?;
        if outline.is_of_block() && outline.index_span.is_none() {
            return Err(Anew);
        }
        let index = match outline.shape {
            // Before an event that needs it, the message begins; a second beginning says nothing.
            Shape::MessageStart if self.started => return Ok(()),
            Shape::MessageStart => {
                self.started = true;
                self.note(chunk);
                None
            }
            Shape::BlockStart => {
                self.start(out);
                Some(self.blocks.pass_start(outline.index, outline.block_kind(), out))
            }
            Shape::Delta => {
                let index = self.blocks.index_of(outline.index).ok_or(Anew)?;
                if silent {
                    return Ok(());
                }
                Some(index)
            }
            Shape::BlockStop => match self.blocks.pass_stop(outline.index) {
                Some(index) => Some(index),
                None => return Ok(()),
            },
            Shape::MessageDelta => {
                self.start(out);
                self.blocks.end_all(out);
                self.note(chunk);
                self.told |= chunk.has(|part| matches!(part, Part::Finish { .. }));
                None
            }
            Shape::MessageStop => {
                self.end(out);
                None
            }
            Shape::Error => {
                self.ended = true;
                None
            }
            Shape::Other if !self.started && outline.kind == "ping" => return Ok(()),
            Shape::Other => None,
        };
        if let (Some(index), Some(span)) = (index.filter(|index| *index != outline.index), outline.index_span) {
            edits.replace(span, index.to_string());
        }
        if edits.is_empty() {
            out.extend_from_slice(event);
        } else {
            write_patched(event, &read, edits, out);
        }
        Ok(())
    }

    fn note(&mut self, chunk: &Chunk) {
        for part in chunk.parts() {
            match part {
                Part::Start { id, model } => self.name(id, model),
                Part::Usage(usage) => self.usage.merge(usage),
                _ => {}
            }
        }
    }

    fn name(&mut self, id: &str, model: &str) {
        id.clone_into(&mut self.id);
        if !model.is_empty() {
            model.clone_into(&mut self.model);
        }
    }

    fn write(&mut self, chunk: &Chunk, out: &mut BytesMut) {
        self.note(chunk);
        let unknown = chunk.wire(Dialect::Anthropic).filter(|_| says_beside(chunk.parts()));
        if let Some(kind) = unknown.and_then(|event| unknown_content(event, chunk.parts())) {
            // Its block is not what it was, and as an answer's text it would be mistaken.
            return self.carry.drop(&kind);
        }
        if chunk.parts().is_empty() && self.started && chunk.wire(Dialect::OpenAi).is_some_and(is_comment) {
            write_event(out, "ping", |_| {});
        }
        let thinks = |part: &Part| matches!(part, Part::Text { channel, .. } if channel.kind == ChannelKind::Reasoning);
        self.rethought |= chunk.is_edited() && chunk.has(thinks);
        for (at, part) in chunk.parts().iter().enumerate() {
            self.part(part, signature_of(&chunk.parts()[at..]), chunk, out);
        }
    }

    /// `signature`: that over the call which begins here.
    fn part(&mut self, part: &Part, signature: Option<&str>, of: &Chunk, out: &mut BytesMut) {
        if choice_of(part) > 0 {
            self.carry.drop("choices");
            return;
        }
        match part {
            Part::Start { .. } => self.start(out),
            Part::ToolUse { channel, id, name } => {
                self.start(out);
                (self.calls, self.in_call) = (true, true);
                let id = answered_id(id, signature, &mut self.carry);
                self.blocks.tool(*channel, &id, name, out);
            }
            // The texts of another dialect's answer that stand beside it.
            Part::Text { channel, .. } if channel.is_beside() => self.carry.drop("annotations"),
            Part::Text { channel, text } if !text.is_empty() => {
                self.start(out);
                if !self.blocks.text(*channel, text, out) {
                    self.carry.drop("content.input");
                }
            }
            // Written with the call that it is over.
            Part::Signature { channel, .. } if channel.kind == ChannelKind::ToolArguments => {}
            Part::Signature { signature, .. }
                if self.rethought && details::is_sealed(signature) && !details::stands_alone(signature) =>
            {
                self.carry.drop(details::REASONING_DETAILS);
            }
            Part::Signature { channel, signature } if details::is_sealed(signature) => {
                self.start(out);
                self.blocks.seal(*channel, signature, out);
            }
            Part::Signature { channel, signature } => self.blocks.signature(*channel, signature, out),
            Part::BlockEnd(channel) => {
                self.in_call &= channel.kind != ChannelKind::ToolArguments;
                self.blocks.end(*channel, out);
            }
            Part::Finish { reason, .. } => {
                self.start(out);
                // Blocks end when the stream does: some servers call a choice complete with each chunk of it.
                self.finish = Some(reason.clone());
                self.own_finish = of.wire(Dialect::OpenAi).is_none();
                // What is made here may be the end of what broke off in the middle of a call.
                self.may_call = !self.own_finish || of.wire(Dialect::Anthropic).is_none() && !self.in_call;
            }
            Part::Error(error) => self.encode_error(error, "", out),
            Part::Done => {
                self.end(out);
                write_event(out, "message_stop", |_| {});
            }
            _ => {}
        }
    }

    fn start(&mut self, out: &mut BytesMut) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        self.id = made::id(&self.id, "msg_");
        write_event(out, "message_start", |event| {
            event.object("message", |message| {
                message.string("id", &self.id);
                message.string("type", "message");
                message.string("role", "assistant");
                message.string("model", &self.model);
                message.array("content", |_| {});
                message.null("stop_reason");
                message.null("stop_sequence");
                message.object("usage", |object| usage::write(object, &self.usage));
            });
        });
    }

    /// What must be said before `message_stop`.
    fn end(&mut self, out: &mut BytesMut) {
        self.start(out);
        self.blocks.end_all(out);
        self.ended = true;
        if std::mem::replace(&mut self.told, true) {
            return;
        }
        let reason = self.finish.take().unwrap_or(FinishReason::Stop);
        write_event(out, "message_delta", |event| {
            event.object("delta", |delta| {
                delta.string("stop_reason", finish::word(&reason, self.own_finish, self.calls && self.may_call));
                match finish::sequence(&reason) {
                    Some(sequence) => delta.string("stop_sequence", sequence),
                    None => delta.null("stop_sequence"),
                }
            });
            event.object("usage", |object: &mut write::ObjectWriter<'_>| usage::write(object, &self.usage));
        });
    }
}

/// The edits of the texts, and whether they leave the event nothing to say.
fn edits(chunk: &Chunk, outline: &Outline<'_>) -> Result<(Edits, bool), Anew> {
    if !chunk.is_edited() {
        return Ok((Edits::default(), false));
    }
    let stops = chunk.parts().iter().find_map(|part| match part {
        Part::BlockEnd(channel) => Some(channel.kind),
        _ => None,
    });
    let seen = outline.open(stops.unwrap_or(ChannelKind::Text)).map_err(|_| Anew)?;
    let texts = NewTexts::find(&seen.parts, chunk.parts(), |_| false).ok_or(Anew)?;
    if seen.rigid && texts.changed().next().is_some() {
        return Err(Anew);
    }
    Ok((texts.edits(&seen.places), texts.is_silenced()))
}

fn choice_of(part: &Part) -> u32 {
    match part {
        Part::ToolUse { channel, .. }
        | Part::Text { channel, .. }
        | Part::Signature { channel, .. }
        | Part::BlockEnd(channel) => channel.choice,
        Part::Finish { choice, .. } => *choice,
        _ => 0,
    }
}

fn is_comment(event: &Bytes) -> bool {
    Event::read(event).is_some_and(|event| event.data.is_none())
}
