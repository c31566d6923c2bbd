//! Puts what comes in any order into blocks that follow each other.

use crate::{
    json::write::{self, ObjectWriter},
    stream::Progress,
};
use bytes::BytesMut;
use gatewright_model::{Channel, ChannelKind};
use std::collections::VecDeque;

/// The blocks of a message being streamed: at most one is open, and their numbers go up by one.
///
/// Other dialects mix text and the arguments of several tool calls. A block of text is closed when anything else
/// comes. The arguments of a call must stay together: while those of the open call are not complete JSON, what comes
/// for other blocks waits.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    next: u32,
    open: Option<Open>,
    waiting: VecDeque<Waiting>,
    /// About what those take.
    waiting_bytes: usize,
}

/// The most that waits for the arguments of a call to end: then they are not awaited any more.
const MOST_WAITING: usize = 4 << 20;

/// About what a block takes that waits, beside its text.
const WAITING_BYTES: usize = 128;

#[derive(Debug)]
struct Open {
    key: Key,
    /// Its number as the client sees it.
    index: u32,
    arguments: Progress,
}

#[derive(Debug)]
struct Waiting {
    key: Key,
    start: Start,
    text: String,
}

#[derive(Debug)]
enum Start {
    Text,
    Thinking,
    /// A thought that nobody reads, which comes whole.
    Redacted {
        data: String,
    },
    Tool {
        id: String,
        name: String,
    },
}

/// What tells blocks apart: their number upstream, and what they hold, since not every dialect numbers all kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    block: u32,
    kind: ChannelKind,
}

// === impl Blocks ===

impl Blocks {
    /// A tool call begins.
    pub(super) fn tool(&mut self, channel: Channel, id: &str, name: &str, out: &mut BytesMut) {
        let start = Start::Tool { id: id.to_owned(), name: name.to_owned() };
        // A second call in the same place: the first is over.
        if self.open.as_ref().is_some_and(|open| open.key == Key::of(channel)) {
            self.close(out);
        }
        self.begin(Waiting { key: Key::of(channel), start, text: String::new() }, out);
    }

    /// More text of a channel. Answers whether it has a place: arguments of a call that never began have none.
    pub(super) fn text(&mut self, channel: Channel, text: &str, out: &mut BytesMut) -> bool {
        let key = Key::of(channel);
        if text.is_empty() {
            return true;
        }
        if let Some(open) = self.open.as_mut().filter(|open| open.key == key) {
            open.arguments.feed(text);
            write_delta(open.index, key.kind, text, out);
            self.settle(out);
            return true;
        }
        if let Some(waiting) = self.waiting.iter_mut().rev().find(|waiting| waiting.grows(key)) {
            waiting.text.push_str(text);
            self.waiting_bytes += text.len();
            self.bound(out);
            return true;
        }
        let start = match key.kind {
            ChannelKind::ToolArguments => return text.trim().is_empty(),
            ChannelKind::Reasoning => Start::Thinking,
            _ => Start::Text,
        };
        self.begin(Waiting { key, start, text: text.to_owned() }, out);
        true
    }

    /// The signature over the open block of thinking.
    pub(super) fn signature(&mut self, channel: Channel, signature: &str, out: &mut BytesMut) {
        if let Some(open) = self.open.as_ref().filter(|open| open.key == Key::of(channel)) {
            write_block_delta(open.index, out, |delta| {
                delta.string("type", "signature_delta");
                delta.string("signature", signature);
            });
        }
    }

    /// What a thought is sealed in: the signature over the open one, which is complete with it, or a thought of its own.
    pub(super) fn seal(&mut self, channel: Channel, seal: &str, out: &mut BytesMut) {
        let key = Key::of(channel);
        if self.open.as_ref().is_some_and(|open| open.key == key) {
            self.signature(channel, seal, out);
            self.close(out);
            self.settle(out);
        } else {
            self.begin(Waiting { key, start: Start::Redacted { data: seal.to_owned() }, text: String::new() }, out);
        }
    }

    /// The block of a channel is complete.
    pub(super) fn end(&mut self, channel: Channel, out: &mut BytesMut) {
        if self.open.as_ref().is_some_and(|open| open.key.block == channel.block) {
            self.close(out);
            self.settle(out);
        }
    }

    /// All blocks are complete, those that wait too.
    pub(super) fn end_all(&mut self, out: &mut BytesMut) {
        self.close(out);
        self.waiting_bytes = 0;
        for waiting in std::mem::take(&mut self.waiting) {
            self.start(waiting, out);
            self.close(out);
        }
    }

    /// A block begins as the provider wrote it. Answers its number for the client.
    pub(super) fn pass_start(&mut self, block: u32, kind: ChannelKind, out: &mut BytesMut) -> u32 {
        self.end_all(out);
        let index = self.next;
        self.next += 1;
        self.open = Some(Open { key: Key { block, kind }, index, arguments: Progress::default() });
        index
    }

    /// The number for the client of a block that the provider writes on; `None` if it is not open.
    pub(super) fn index_of(&self, block: u32) -> Option<u32> {
        self.open.as_ref().filter(|open| open.key.block == block).map(|open| open.index)
    }

    /// Whether a block is open that the client knows by the number that the provider gave it.
    pub(super) fn passes(&self, block: u32) -> bool {
        self.index_of(block) == Some(block)
    }

    /// The same, and the provider closes it.
    pub(super) fn pass_stop(&mut self, block: u32) -> Option<u32> {
        let index = self.index_of(block)?;
        self.open = None;
        Some(index)
    }

    fn begin(&mut self, waiting: Waiting, out: &mut BytesMut) {
        if self.waiting.is_empty() && self.open.as_ref().is_none_or(Open::may_close) {
            self.close(out);
            self.start(waiting, out);
        } else {
            self.waiting_bytes += waiting.bytes();
            self.waiting.push_back(waiting);
            self.settle(out);
            self.bound(out);
        }
    }

    /// Over the limit all that waits goes on.
    fn bound(&mut self, out: &mut BytesMut) {
        if self.waiting_bytes > MOST_WAITING {
            self.end_all(out);
        }
    }

    /// Lets what waits go on, as far as the open block allows.
    fn settle(&mut self, out: &mut BytesMut) {
        while self.open.as_ref().is_none_or(Open::may_close)
            && let Some(waiting) = self.waiting.pop_front()
        {
            self.waiting_bytes = self.waiting_bytes.saturating_sub(waiting.bytes());
            self.close(out);
            self.start(waiting, out);
        }
    }

    fn start(&mut self, Waiting { key, start, text }: Waiting, out: &mut BytesMut) {
        let index = self.next;
        self.next += 1;
        write_event(out, "content_block_start", |event| {
            event.display("index", index);
            event.object("content_block", |block| match &start {
                Start::Text => {
                    block.string("type", "text");
                    block.string("text", "");
                }
                Start::Thinking => {
                    block.string("type", "thinking");
                    block.string("thinking", "");
                    block.string("signature", "");
                }
                Start::Redacted { data } => {
                    block.string("type", "redacted_thinking");
                    block.string("data", data);
                }
                Start::Tool { id, name } => {
                    block.string("type", "tool_use");
                    block.string("id", id);
                    block.string("name", name);
                    block.object("input", |_| {});
                }
            });
        });
        let mut open = Open { key, index, arguments: Progress::default() };
        if !text.is_empty() {
            open.arguments.feed(&text);
            write_delta(index, key.kind, &text, out);
        }
        self.open = Some(open);
        if matches!(start, Start::Redacted { .. }) {
            self.close(out);
        }
    }

    fn close(&mut self, out: &mut BytesMut) {
        if let Some(open) = self.open.take() {
            write_event(out, "content_block_stop", |event| event.display("index", open.index));
        }
    }
}

// === impl Start ===

impl Start {
    fn bytes(&self) -> usize {
        match self {
            Self::Text | Self::Thinking => 0,
            Self::Redacted { data } => data.len(),
            Self::Tool { id, name } => id.len() + name.len(),
        }
    }
}

// === impl Waiting ===

impl Waiting {
    /// About what it takes.
    fn bytes(&self) -> usize {
        WAITING_BYTES + self.text.len() + self.start.bytes()
    }

    /// Whether more text of a block belongs here.
    fn grows(&self, key: Key) -> bool {
        self.key == key && !matches!(self.start, Start::Redacted { .. })
    }
}

// === impl Open ===

impl Open {
    fn may_close(&self) -> bool {
        self.key.kind != ChannelKind::ToolArguments || self.arguments.is_complete()
    }
}

// === impl Key ===

impl Key {
    fn of(channel: Channel) -> Self {
        // A refusal is a text here.
        let kind = match channel.kind {
            ChannelKind::Refusal => ChannelKind::Text,
            kind => kind,
        };
        Self { block: channel.block, kind }
    }
}

// === writing ===

/// Writes an event with its name and its `type`.
pub(super) fn write_event(out: &mut BytesMut, name: &str, write: impl FnOnce(&mut ObjectWriter<'_>)) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    write::object(out, |object| {
        object.string("type", name);
        write(object);
    });
    out.extend_from_slice(b"\n\n");
}

fn write_delta(index: u32, kind: ChannelKind, text: &str, out: &mut BytesMut) {
    let (kind, member) = match kind {
        ChannelKind::Reasoning => ("thinking_delta", "thinking"),
        ChannelKind::ToolArguments => ("input_json_delta", "partial_json"),
        _ => ("text_delta", "text"),
    };
    write_block_delta(index, out, |delta| {
        delta.string("type", kind);
        delta.string(member, text);
    });
}

fn write_block_delta(index: u32, out: &mut BytesMut, write: impl FnOnce(&mut ObjectWriter<'_>)) {
    write_event(out, "content_block_delta", |event| {
        event.display("index", index);
        event.object("delta", write);
    });
}
